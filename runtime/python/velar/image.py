"""What a container is made of: :class:`Image`, a base and layers, each remembering the line that wrote it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from . import _check

_PYTHON_VERSION = re.compile(r"3\.\d{1,2}\Z")
_PACKAGE = os.path.dirname(os.path.abspath(__file__))


@dataclass(frozen=True)
class Origin:
    """Where in the user's code something was written."""

    file: str
    line: int


def caller_origin() -> Origin:
    """The innermost line outside of this package that is on the stack now."""
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(os.path.abspath(frame.f_code.co_filename)) == _PACKAGE:
        frame = frame.f_back
    return Origin(frame.f_code.co_filename, frame.f_lineno)


@dataclass(frozen=True)
class Layer:
    """One step on top of a base. ``values`` holds what its kind needs, as the describe step sends it."""

    kind: str
    values: Dict[str, Any]
    origin: Origin


class Image:
    """A container image. Immutable: every method returns a new Image with one more layer.

    Start from :meth:`debian_slim`, :meth:`from_registry` or :meth:`from_dockerfile`. Layers that change rarely
    (packages) belong before layers that change often, so that the cache serves them.
    """

    __slots__ = ("_base", "_layers", "_origin")

    def __init__(
        self,
        base: Optional[Dict[str, Any]] = None,
        layers: Tuple[Layer, ...] = (),
        origin: Optional[Origin] = None,
    ) -> None:
        self._base: Dict[str, Any] = base or {"kind": "debian_slim", "pythonVersion": None}
        self._layers = layers
        self._origin = origin or caller_origin()

    @property
    def base(self) -> Dict[str, Any]:
        """The base: ``kind`` is ``debian_slim``, ``registry`` or ``dockerfile``."""
        return dict(self._base)

    @property
    def layers(self) -> Tuple[Layer, ...]:
        """The layers, lowest first."""
        return self._layers

    @property
    def origin(self) -> Origin:
        """The line that chose the base."""
        return self._origin

    @staticmethod
    def debian_slim(python_version: Optional[str] = None) -> "Image":
        """Debian with a Python such as ``"3.11"``; without a version, the runtime's own."""
        if python_version is not None:
            if not isinstance(python_version, str):
                raise TypeError(
                    'debian_slim python_version must be a string such as "3.11", not %s.' % _check.show(python_version)
                )
            if not _PYTHON_VERSION.match(python_version) or int(python_version[2:]) < 8:
                raise ValueError(
                    'debian_slim python_version must be "3.8" or newer, as in "3.11", not %s.' % _check.show(python_version)
                )
        return Image({"kind": "debian_slim", "pythonVersion": python_version})

    @staticmethod
    def from_registry(tag: str) -> "Image":
        """An image from a registry, for example ``"pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime"``."""
        _check.text("from_registry tag", tag)
        if any(letter.isspace() for letter in tag):
            raise ValueError("from_registry tag must not contain spaces: %s." % _check.show(tag))
        return Image({"kind": "registry", "tag": tag})

    @staticmethod
    def from_dockerfile(path: str) -> "Image":
        """An image that a Dockerfile of the workspace describes. ``path`` is relative to the file or the workspace."""
        return Image({"kind": "dockerfile", "path": _check.text("from_dockerfile path", _path(path))})

    def pip_install(self, *packages: str) -> "Image":
        """Installs packages, each a requirement such as ``"torch"`` or ``"numpy>=1.26"``.

        pip's own options belong in a requirements file: :meth:`pip_install_from_requirements`.
        """
        for package in _several("pip_install", "packages", packages):
            if package.lstrip().startswith("-"):
                raise ValueError(
                    "pip_install takes packages, not the option %s; put it in a requirements file and use "
                    "pip_install_from_requirements." % _check.show(package)
                )
        return self._with("pip", packages=list(packages))

    def pip_install_from_requirements(self, path: str) -> "Image":
        """Installs what a requirements file of the workspace lists."""
        return self._with("requirements", path=_check.text("pip_install_from_requirements path", _path(path)))

    def apt_install(self, *packages: str) -> "Image":
        """Installs Debian packages."""
        return self._with("apt", packages=list(_several("apt_install", "packages", packages)))

    def run_commands(self, *commands: str) -> "Image":
        """Runs shell commands while the image is built. A command may have several lines."""
        if not commands:
            raise TypeError("run_commands takes one or more commands.")
        for command in commands:
            if not isinstance(command, str):
                raise TypeError("run_commands takes strings one by one, not %s." % _check.show(command))
            if not command.strip() or "\0" in command:
                raise ValueError("run_commands: %s is no shell command." % _check.show(command))
        return self._with("run", commands=list(commands))

    def env(self, **variables: str) -> "Image":
        """Sets environment variables for the layers after this one and for the functions."""
        if not variables:
            raise TypeError('env takes variables, as in env(HF_HOME="/cache").')
        return self._with("env", variables=_check.variables("env", variables))

    def workdir(self, path: str) -> "Image":
        """Sets the working directory of the layers after this one. ``path`` is absolute."""
        return self._with("workdir", path=_absolute("workdir path", path))

    def add_local_file(self, source: str, target: str) -> "Image":
        """Copies a file of the workspace to an absolute path of the image."""
        return self._with(
            "localFile",
            source=_check.text("add_local_file source", _path(source)),
            target=_absolute("add_local_file target", target),
        )

    def add_local_dir(self, source: str, target: str) -> "Image":
        """Copies a directory of the workspace to an absolute path of the image."""
        return self._with(
            "localDir",
            source=_check.text("add_local_dir source", _path(source)),
            target=_absolute("add_local_dir target", target),
        )

    def _with(self, kind: str, **values: Any) -> "Image":
        return Image(self._base, self._layers + (Layer(kind, values, caller_origin()),), self._origin)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(repr(self._key()))

    def _key(self) -> Tuple[Any, ...]:
        return (self._base, [(layer.kind, layer.values) for layer in self._layers])

    def __repr__(self) -> str:
        return "<Image %s, %d layers>" % (self._base["kind"], len(self._layers))


def _path(path: Any) -> Any:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def _several(method: str, what: str, values: Tuple[Any, ...]) -> Tuple[str, ...]:
    if not values:
        raise TypeError("%s takes one or more %s." % (method, what))
    for value in values:
        if isinstance(value, (list, tuple)):
            raise TypeError("%s takes %s one by one; write %s(*%s)." % (method, what, method, _check.show(value)))
        _check.text("%s: each of the %s" % (method, what), value)
    return values


def _absolute(option: str, path: Any) -> str:
    value = _check.text(option, _path(path))
    if not value.startswith("/"):
        raise ValueError("%s must be an absolute path in the image, not %s." % (option, _check.show(value)))
    return value
