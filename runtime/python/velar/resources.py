"""Secrets and volumes that a function uses."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Dict, Optional

from . import _check

#: Set by the engine: names of the function's volumes to their paths, as JSON.
_PATHS = "VELAR_VOLUMES"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def check_name(what: str, name: str) -> str:
    """A name of an app, secret or volume: letters, digits, ``.``, ``_``, ``-``; at most 64, a letter or digit first."""
    _check.text(what, name)
    if not _NAME.match(name):
        raise ValueError(
            '%s must be up to 64 letters, digits, ".", "_" or "-", starting with a letter or digit, not %s.'
            % (what, _check.show(name))
        )
    return name


@dataclass(frozen=True)
class Secret:
    """Environment variables that reach a function and stay out of images, logs and bundles."""

    name: Optional[str] = None
    values: Optional[Dict[str, str]] = None

    @staticmethod
    def from_name(name: str) -> "Secret":
        """A secret that the runtime keeps under this name."""
        return Secret(name=check_name("Secret.from_name name", name))

    @staticmethod
    def from_dict(values: Dict[str, str]) -> "Secret":
        """A secret from values at hand, for example read from the environment. Never shown in a repr."""
        if isinstance(values, dict):
            for key, value in values.items():
                if value is None:
                    raise ValueError(
                        'Secret.from_dict value of "%s" is None; is the environment variable it comes from set?' % key
                    )
        return Secret(values=_check.variables("Secret.from_dict", values))

    def __repr__(self) -> str:
        if self.values is None:
            return "Secret.from_name(%r)" % self.name
        return "Secret.from_dict({%s})" % ", ".join("%r: ..." % key for key in self.values)


@dataclass(frozen=True)
class Volume:
    """A named directory on the runtime that outlives containers.

    Where the runtime isolates containers it lies at the path that the function asks for. :attr:`path` is right
    everywhere.
    """

    name: str

    @property
    def path(self) -> str:
        """Where the volume lies, in a function that names it in ``volumes``; the directory is there.

        Raises :class:`LookupError` elsewhere.
        """
        path = json.loads(os.environ.get(_PATHS) or "{}").get(self.name)
        if path is None:
            raise LookupError(
                'Volume "%s" is not here. A function has the volumes that it names, as in '
                'volumes={"/data": velar.Volume.from_name("%s")}, and where it runs on the runtime: read the path inside '
                "of the function, and call it with .remote() or from the editor." % (self.name, self.name)
            )
        os.makedirs(path, exist_ok=True)
        return str(path)

    @staticmethod
    def from_name(name: str) -> "Volume":
        """The volume of this name; made when a function first uses it."""
        return Volume(check_name("Volume.from_name name", name))
