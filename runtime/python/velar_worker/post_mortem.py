"""The frames of an error with their variables, as they were at the raise: bounded, and without running foreign code.

No ``__repr__`` of a user's class is called: objects are told by their class and attributes, tensors and arrays by
shape, dtype and device. So a capture can neither block, nor raise, nor touch a GPU.
"""

from __future__ import annotations

import enum
import json
import linecache
import re
import sys
import time
import types
from collections import deque
from typing import Any, Deque, Dict, Iterable, List, NamedTuple, Optional, Tuple

from . import errors

Wire = Dict[str, Any]

#: Bytes of a whole capture, about; what comes beyond is left out and said so.
MAX_BYTES = 384 * 1024
#: Longest text of one value, in characters. The runtime hides secrets in it before it cuts it shorter.
MAX_TEXT = 2000
MAX_FRAMES = 60
MAX_LOCALS = 100
MAX_CHILDREN = 50
MAX_VALUES = 4000
MAX_DEPTH = 5
MAX_EXCEPTIONS = 12
#: Seconds after which no more is looked at.
MAX_SECONDS = 0.3

HIDDEN = "<hidden: its name is that of a secret>"

_EDGE = r"(?:^|[_\W\d])(?:%s)s?(?:$|[_\W\d])"
#: Names of secrets whatever their value.
_SECRET = re.compile(
    _EDGE % r"secret|passw(?:or)?d|passphrase|pwd|api_?key|access_?key|private_?key|secret_?key|credential|bearer",
    re.IGNORECASE,
)
#: Names of secrets where the value is a text: models have tokens and sessions that are none.
_SECRET_TEXT = re.compile(_EDGE % r"token|auth|authorization|cookie|session", re.IGNORECASE)
_ARRAYS = ("torch", "numpy", "jax", "jaxlib", "cupy", "tensorflow", "mlx")
_TABLES = ("pandas", "polars", "pyarrow")
#: Classes of the standard library whose own text says it best. Looked up, not imported: nobody waits for what is unused.
_PLAIN = {
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "uuid": ("UUID",),
    "pathlib": ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"),
    "builtins": ("range", "slice", "complex", "bool", "NoneType", "ellipsis"),
}
_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)


class _Child(NamedTuple):
    name: str
    value: Any


def is_secret(name: str, value: Any) -> bool:
    """True for a value by a name such as ``db_password`` or ``apiKey``, and for a text called ``token``."""
    if value is None or value is True or value is False:
        return False
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    if issubclass(type(value), (str, bytes, bytearray)) and _SECRET_TEXT.search(spaced):
        return True
    return _SECRET.search(spaced) is not None


def capture(error: BaseException, root: str) -> bytes:
    """The JSON of an error's frames, its own first, then those of what it was raised from. Never raises."""
    try:
        return json.dumps(_Capture(root).of(error), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    except Exception as broken:
        told = {"exceptions": [], "values": [], "truncated": True, "problem": type(broken).__name__}
        return json.dumps(told).encode("utf-8")


class _Capture:
    def __init__(self, root: str) -> None:
        self._root = root
        self._values: List[Wire] = []
        #: Index of what was captured already, by identity; the objects are kept alive until the end.
        self._known: Dict[int, int] = {}
        self._alive: List[Any] = []
        self._later: Deque[Tuple[Wire, Any, int]] = deque()
        self._bytes = 0
        self._truncated = False
        self._until = time.monotonic() + MAX_SECONDS

    def of(self, error: BaseException) -> Wire:
        exceptions = [self._exception(*each) for each in _related(error)]
        while self._later:
            entry, value, depth = self._later.popleft()
            if self._full():
                entry["more"] = -1
                continue
            self._open(entry, value, depth)
        return {"exceptions": exceptions, "values": self._values, "truncated": self._truncated}

    def _exception(self, error: BaseException, relation: str) -> Wire:
        frames = [
            frame
            for frame in _frames(error.__traceback__)
            if not errors.is_ours(frame[0].f_code.co_filename)
        ]
        left_out = max(0, len(frames) - MAX_FRAMES)
        # The way in and the way to the raise matter; a recursion in between repeats itself.
        kept = frames[:10] + frames[10 + left_out :]
        name, message = _class_name(type(error)), _cut(_message(error))
        self._bytes += len(message)
        return {
            "type": name,
            "message": message,
            "relation": relation,
            "value": self._value(error, 0),
            # Innermost first, as a stack is shown.
            "frames": [self._frame(frame, line) for frame, line in reversed(kept)],
            "leftOut": left_out,
        }

    def _frame(self, frame: types.FrameType, line: int) -> Wire:
        code = frame.f_code
        text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
        told: Wire = {
            "file": errors.relative(code.co_filename, self._root),
            "line": line,
            "function": getattr(code, "co_qualname", code.co_name),
            "text": text[:MAX_TEXT],
        }
        if code.co_name == "<module>":
            # Its variables are the module's, its functions and imports among them.
            items = [
                (name, value)
                for name, value in list(dict.items(frame.f_globals))
                if not name.startswith("__") and not issubclass(type(value), _CODE)
            ]
        else:
            items = list(dict(frame.f_locals).items())
        told["locals"] = [self._child(str(name), value, 0) for name, value in items[:MAX_LOCALS]]
        told["moreLocals"] = max(0, len(items) - MAX_LOCALS)
        self._bytes += 200 + len(text)
        return told

    def _child(self, name: str, value: Any, depth: int) -> List[Any]:
        self._bytes += len(name) + 8
        if is_secret(name, value):
            return [name, self._add({"type": _class_name(type(value)), "text": HIDDEN})]
        return [name, self._value(value, depth)]

    def _value(self, value: Any, depth: int) -> int:
        """The index of a value; what is in it is looked at once everything nearer to a frame was."""
        known = self._known.get(id(value))
        if known is not None:
            return known
        if self._full():
            return self._add({"type": _class_name(type(value)), "text": "", "more": -1})
        text, opens = describe(value)
        entry: Wire = {"type": _class_name(type(value)), "text": _cut(text)}
        index = self._add(entry)
        if opens:
            self._known[id(value)] = index
            self._alive.append(value)
            if depth < MAX_DEPTH:
                self._later.append((entry, value, depth))
            else:
                entry["more"] = -1
        return index

    def _add(self, entry: Wire) -> int:
        self._values.append(entry)
        self._bytes += 40 + len(entry["type"]) + len(entry["text"])
        return len(self._values) - 1

    def _open(self, entry: Wire, value: Any, depth: int) -> None:
        children, count = _children(value)
        if children or count:
            entry["children"] = [self._child(child.name, child.value, depth + 1) for child in children]
        if count > len(children):
            entry["more"] = count - len(children)

    def _full(self) -> bool:
        if self._bytes > MAX_BYTES or len(self._values) > MAX_VALUES or time.monotonic() > self._until:
            self._truncated = True
        return self._truncated


def _related(error: BaseException) -> Iterable[Tuple[BaseException, str]]:
    """The error, then what it came from, in the order in which Python would tell it backwards."""
    found: List[Tuple[BaseException, str]] = []
    seen = set()
    queue: Deque[Tuple[BaseException, str]] = deque([(error, "raised")])
    while queue and len(found) < MAX_EXCEPTIONS:
        current, relation = queue.popleft()
        if id(current) in seen:
            continue
        seen.add(id(current))
        found.append((current, relation))
        members = getattr(current, "exceptions", None) if _is_group(current) else None
        for member in list(members or ())[:MAX_EXCEPTIONS]:
            if issubclass(type(member), BaseException):
                queue.append((member, "group"))
        if current.__cause__ is not None:
            queue.append((current.__cause__, "cause"))
        elif current.__context__ is not None and not current.__suppress_context__:
            queue.append((current.__context__, "context"))
    return found


def _is_group(error: BaseException) -> bool:
    return any(parent.__name__ == "BaseExceptionGroup" for parent in type(error).__mro__)


def _frames(trace: Optional[types.TracebackType]) -> List[Tuple[types.FrameType, int]]:
    frames: List[Tuple[types.FrameType, int]] = []
    while trace is not None:
        frames.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return frames


def _message(error: BaseException) -> str:
    """The text of an error whose ``__str__`` is Python's own; of another, its arguments that are text."""
    if type(error).__str__ in (BaseException.__str__, OSError.__str__, KeyError.__str__, ImportError.__str__):
        args = error.args
        if all(type(arg) in (str, int, float, bool, type(None)) for arg in args):
            return str(error)
    return ", ".join(arg for arg in error.args if type(arg) is str)


def describe(value: Any) -> Tuple[str, bool]:
    """What a value says of itself in one text, and whether there is something in it."""
    # By `type`, never by `isinstance`: that asks an object for its `__class__`, which may be anybody's code.
    kind = type(value)
    if issubclass(kind, enum.Enum):
        return "%s.%s" % (kind.__name__, value._name_), False
    if issubclass(kind, str):
        return str.__getitem__(value, slice(0, MAX_TEXT + 1)), False
    if issubclass(kind, (bytes, bytearray)):
        view = memoryview(value)
        return repr(bytes(view[:500])) + ("..." if len(view) > 500 else ""), False
    if issubclass(kind, int) and kind is not bool:
        bits = int.bit_length(value)
        return (int.__repr__(value) if bits < 4000 else "an integer of %d bits" % bits), False
    if issubclass(kind, float):
        return float.__repr__(value), False
    if _is_plain(kind):
        return repr(value), False
    if issubclass(kind, _CODE):
        return str(getattr(value, "__qualname__", None) or getattr(value, "__name__", "")), False
    if _is_array(kind):
        told = _array(value)
        if told is not None:
            return told, False
    size = _size(value)
    return ("" if size is None else "%d item%s" % (size, "" if size == 1 else "s")), True


def _is_plain(kind: type) -> bool:
    package, name = _package(kind), kind.__name__
    if name not in _PLAIN.get(package, ()):
        return False
    return package == "builtins" or getattr(sys.modules.get(package), name, None) is kind


def _is_array(kind: type) -> bool:
    if _package(kind) in _ARRAYS + _TABLES:
        return True
    return any(base.__name__ in ("Tensor", "ndarray") and _package(base) in _ARRAYS for base in kind.__mro__)


def _array(value: Any) -> Optional[str]:
    """Shape, dtype and device: known without a look at the data."""
    parts = []
    try:
        shape = getattr(value, "shape", None)
        if not isinstance(shape, tuple):
            shape = tuple(shape) if shape is not None else None
        if shape is None:
            return None
        if shape == () and _package(type(value)) == "numpy":
            return str(value.item())
        parts.append("shape (%s)" % ", ".join(str(int(size)) for size in shape))
        dtype = getattr(value, "dtype", None)
        if dtype is not None and _package(type(value)) not in _TABLES:
            parts.append(str(dtype))
        device = getattr(value, "device", None)
        if device is not None and not callable(device):
            parts.append("on %s" % str(device))
        size = getattr(value, "nbytes", None)
        if type(size) is int and _package(type(value)) not in _TABLES:
            parts.append("%d bytes" % size)
    except Exception as broken:
        parts.append("unreadable: %s" % type(broken).__name__)
    return ", ".join(parts)


def _package(kind: type) -> str:
    return _module(kind).split(".")[0]


def _module(kind: type) -> str:
    module = type.__getattribute__(kind, "__module__")
    return module if type(module) is str else ""


def _base(value: Any) -> Optional[type]:
    return next((base for base in (dict, list, tuple, set, frozenset, deque) if issubclass(type(value), base)), None)


def _size(value: Any) -> Optional[int]:
    base: Any = _base(value)
    return None if base is None else int(base.__len__(value))


def _children(value: Any) -> Tuple[List[_Child], int]:
    """What is in a container or an object, and how much there is. The classes' own methods are not asked."""
    base: Any = _base(value)
    if base is None:
        return _attributes(value)
    size = int(base.__len__(value))
    items = [item for item, _ in zip(base.__iter__(value), range(MAX_CHILDREN))]
    if base is dict:
        return [_Child(_key(key), dict.__getitem__(value, key)) for key in items], size
    names = vars(type(value)).get("_fields") if base is tuple else None
    if type(names) is tuple and len(names) == size:
        return [_Child(str(name), item) for name, item in zip(names, items)], size
    return [_Child("[%d]" % index, item) for index, item in enumerate(items)], size


def _attributes(value: Any) -> Tuple[List[_Child], int]:
    found: Dict[str, Any] = {}
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        own = {}
    if isinstance(own, dict):
        found.update((str(name), item) for name, item in dict.items(own))
    for kind in type(value).__mro__:
        for name, slot in list(vars(kind).items()):
            if isinstance(slot, types.MemberDescriptorType) and name not in found and _module(kind) != "builtins":
                try:
                    found[name] = slot.__get__(value, kind)
                except AttributeError:
                    # A slot that has no value yet.
                    continue
    if issubclass(type(value), BaseException):
        found.setdefault("args", value.args)
    items = list(found.items())
    return [_Child(name, item) for name, item in items[:MAX_CHILDREN]], len(items)


def _key(key: Any) -> str:
    """A dictionary's key as Python would write it."""
    if type(key) in (str, bytes, int, float, bool, type(None)):
        return "[%s]" % _cut(repr(key), 200)
    if type(key) is tuple and all(type(part) in (str, int, float, bool, type(None)) for part in key):
        return "[%s]" % _cut(repr(key), 200)
    return "[<%s>]" % _class_name(type(key))


def _class_name(kind: type) -> str:
    module, name = _module(kind), str(type.__getattribute__(kind, "__qualname__"))
    return name if module in ("", "builtins", "__main__") else "%s.%s" % (module, name)


def _cut(text: str, room: int = MAX_TEXT) -> str:
    return text if len(text) <= room else text[: room - 1] + "\u2026"
