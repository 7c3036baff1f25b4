"""Importing the user's file the way plain Python would, from the root of its bundle."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from types import ModuleType
from typing import List, NamedTuple

from velar.app import App, apps

from . import unsaved


class Place(NamedTuple):
    """How a file is imported: the module's name, and what goes in front of ``sys.path``."""

    name: str
    search: List[str]
    in_package: bool


def place(root: str, file: str) -> Place:
    """Where a file (relative to ``root``) belongs.

    Inside a regular package it is that package's module. Elsewhere it is a script: its folder comes first on the
    path, and its name is its stem. The root follows, then its folder ``src`` where it has one, in the order in
    which the client follows imports.
    """
    folder = os.path.dirname(os.path.join(root, file))
    stem = os.path.splitext(os.path.basename(file))[0]
    parts = [] if stem == "__init__" else [stem]
    top = folder
    while os.path.isfile(os.path.join(top, "__init__.py")) and len(top) > len(root):
        parts.insert(0, os.path.basename(top))
        top = os.path.dirname(top)
    if top != folder:
        return Place(".".join(parts), _search(top, root), True)
    name = re.sub(r"\W", "_", stem)
    if name in sys.modules or name in sys.builtin_module_names or not name[:1].isidentifier():
        name = "app_" + name
    return Place(name, _search(folder, root), False)


def _search(first: str, root: str) -> List[str]:
    source = os.path.join(root, "src")
    folders = [first, root, source] if os.path.isdir(source) else [first, root]
    return list(dict.fromkeys(os.path.normpath(folder) for folder in folders))


def load(root: str, file: str) -> ModuleType:
    """Imports the file. Raises ``FileNotFoundError`` when it isn't there, and whatever its code raises."""
    path = os.path.join(root, file)
    if not os.path.isfile(path) and not unsaved.has(path):
        raise FileNotFoundError("The bundle has no file %s." % file)
    where = place(root, file)
    sys.path[:0] = where.search
    importlib.invalidate_caches()
    if where.in_package:
        return importlib.import_module(where.name)
    spec = importlib.util.spec_from_file_location(where.name, path)
    if spec is None or spec.loader is None:
        raise ImportError("%s is no Python file." % file)
    module = importlib.util.module_from_spec(spec)
    dotted = os.path.splitext(file)[0].replace("/", ".")
    # A sibling may import this file by its dotted name, from the root or from src; two copies would make two apps.
    aliases = {dotted, dotted[len("src.") :] if dotted.startswith("src.") else dotted}
    names = {where.name} | {name for name in aliases if name not in sys.modules}
    for name in names:
        sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for name in names:
            sys.modules.pop(name, None)
        raise
    return module


def apps_of(module: ModuleType) -> List[App]:
    """The apps to look in, those that the module itself names first."""
    named = [value for value in vars(module).values() if isinstance(value, App)]
    ordered = sorted(apps, key=lambda app: app not in named)
    return list(dict.fromkeys(ordered))
