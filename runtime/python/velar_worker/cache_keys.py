"""Keys of arguments: two loads with equal keys load the same thing. Reads nothing but the state of named files."""

from __future__ import annotations

import copy
import enum
import os
import stat
from collections import OrderedDict
from typing import Any, Callable, Dict, Hashable, List, Mapping, Optional, Sequence, Tuple

#: Gives the number of an object that a load returned before; None for any other object.
Known = Callable[[Any], Optional[int]]

#: Nesting of arguments, and files of a directory, beyond which there is no key.
MAX_DEPTH = 8
MAX_FILES = 2000

#: Values of torch and numpy that are what they print.
_PRINTED = {("torch", "dtype"), ("torch", "device"), ("torch", "layout"), ("torch", "memory_format"), ("numpy", "dtype")}


class NoKey(Exception):
    """An argument that can't be compared with that of another load."""


def key_of(args: Sequence[Any], kwargs: Mapping[str, Any], known: Known) -> Optional[Hashable]:
    """The key of a call's arguments; None where one of them has none.

    Plain values, enum members, dtypes and devices count by value, files and directories by path, size and time of
    change, objects that a load returned by identity. Anything else has no key.
    """
    try:
        return (_many(args, known, 0), _named(kwargs, known, 0))
    except NoKey:
        return None


def file_bytes(path: Any) -> Optional[int]:
    """The size of a file; None for anything that is no path of one."""
    if not isinstance(path, (str, os.PathLike)):
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _many(values: Sequence[Any], known: Known, depth: int) -> Hashable:
    return tuple(_one(value, known, depth) for value in values)


def _named(values: Mapping[Any, Any], known: Known, depth: int) -> Hashable:
    pairs = [(_one(name, known, depth), _one(value, known, depth)) for name, value in values.items()]
    return tuple(sorted(pairs, key=repr))


def _one(value: Any, known: Known, depth: int) -> Hashable:
    if depth > MAX_DEPTH:
        raise NoKey
    kind = type(value)
    if value is None or kind in (bool, int, bytes):
        return (kind, value)
    if kind in (float, complex):
        return (kind, repr(value))
    if kind is str:
        return (kind, value, _state(value))
    if isinstance(value, enum.Enum):
        return (kind, value.name)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return ("path", path, _state(path))
    if kind in (tuple, list):
        return (kind, _many(value, known, depth + 1))
    if kind is dict:
        return (kind, _named(value, known, depth + 1))
    if any((base.__module__, base.__name__) in _PRINTED for base in kind.__mro__):
        return (kind.__name__, repr(value))
    number = known(value)
    if number is None:
        raise NoKey
    return ("object", number)


def _state(path: Any) -> Hashable:
    """Where a file or directory lies and when it changed; None for text that is no path of one."""
    try:
        status = os.stat(path)
        place = os.path.abspath(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(status.st_mode):
        return (place, _tree(place))
    return (place, status.st_size, status.st_mtime_ns)


def _tree(root: str) -> Hashable:
    """Names, sizes and times of all files below a directory."""
    found: List[Tuple[str, int, int]] = []
    todo = [root]
    while todo:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError as cause:
            raise NoKey from cause
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
                continue
            found.append((entry.path, *_size_and_time(entry)))
        if len(found) + len(todo) > MAX_FILES:
            raise NoKey
    return tuple(sorted(found))


def _size_and_time(entry: "os.DirEntry[str]") -> Tuple[int, int]:
    """Of what a link leads to, as hubs keep their weights behind links."""
    try:
        status = entry.stat()
    except OSError:
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)


def copies(value: Any) -> Any:
    """The same leaves in fresh containers, so that a key taken out of one is still in the other."""
    kind = type(value)
    if kind in (list, tuple):
        return kind(copies(item) for item in value)
    if kind in (dict, OrderedDict):
        # copy.copy keeps what a state dict carries as attributes.
        fresh: Dict[Any, Any] = copy.copy(value)
        for name, item in value.items():
            fresh[name] = copies(item)
        return fresh
    return value


def leaves(value: Any) -> List[Any]:
    """Everything in a nest of containers that is no container."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if type(value) in (list, tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
