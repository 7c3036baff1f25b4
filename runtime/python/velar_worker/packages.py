"""Which of the imported modules belong to packages of the environment."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import ModuleType
from typing import Any, Container, List, Optional, Sequence

#: Packages of the worker itself, which are there anyway.
_OWN = ("velar", "velar_worker")
#: How many packages are named that were imported before.
_NAMED = 3


def modules(besides: Container[str] = ()) -> List[str]:
    """Their names, in the order of their import, without those that are known."""
    homes = tuple(os.path.join(place, "") for place in _places())
    new = [name for name in list(sys.modules) if name not in besides and name.partition(".")[0] not in _OWN]
    return [name for name in new if _file_of(sys.modules.get(name)).startswith(homes)]


def _places() -> List[str]:
    known = [sysconfig.get_paths()[name] for name in ("purelib", "platlib")]
    others = [place for place in sys.path if os.path.basename(place) in ("site-packages", "dist-packages")]
    return sorted({os.path.abspath(place) for place in known + others})


def _file_of(module: Any) -> str:
    """Where a module was imported from; empty for what is no file, and for what only looks like a module."""
    if not isinstance(module, ModuleType):
        return ""
    file = module.__dict__.get("__file__")
    return file if isinstance(file, str) else ""


def imported_before(modules: Sequence[str]) -> Optional[str]:
    """What of the imports is there already, as a person reads it."""
    packages = list(dict.fromkeys(name.partition(".")[0] for name in modules))
    if not packages:
        return None
    largest = sorted(packages, key=lambda top: sum(name.startswith(top + ".") for name in modules), reverse=True)
    others = len(packages) - _NAMED
    return "imported already: %s%s" % (", ".join(largest[:_NAMED]), " and %d more" % others if others > 0 else "")
