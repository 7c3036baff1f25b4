"""The arguments of a call in a few words: bounded, and without running code of their classes."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from . import functions, post_mortem

#: Longest text of a call's arguments, and of one text among them, in characters.
MAX_TEXT = 200
_MAX_PART = 60
_MAX_ITEMS = 6
_MAX_DEPTH = 2
#: Larger inputs are not read again for their text, in bytes.
_MAX_INPUT = 4 * 1024 * 1024


def of_input(kind: str, data: memoryview, instance: bool) -> Optional[str]:
    """The arguments of an input; None where they can't be read. Never raises."""
    if len(data) > _MAX_INPUT:
        return "an input of %d bytes" % len(data)
    try:
        constructor, args, kwargs = functions.decode(kind, data, instance)
        made = () if constructor is None else (_call(*constructor),)
        return _cut(".".join(made + (_call(args, kwargs),)), MAX_TEXT)
    except Exception:
        return None


def _call(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> str:
    parts = [_value(arg, 0) for arg in args[:_MAX_ITEMS]]
    for name, value in list(kwargs.items())[:_MAX_ITEMS]:
        hidden = post_mortem.is_secret(name, value)
        parts.append("%s=%s" % (name, post_mortem.HIDDEN if hidden else _value(value, 0)))
    more = len(args) + len(kwargs) > len(parts)
    return "(%s)" % ", ".join(parts + ["\u2026"] * more)


def _value(value: Any, depth: int) -> str:
    text, inside = post_mortem.describe(value)
    kind = type(value)
    if issubclass(kind, str):
        return repr(_cut(text, _MAX_PART))
    if not inside:
        return _cut(text, _MAX_PART)
    for base, brackets in ((dict, "{}"), (list, "[]"), (tuple, "()"), (set, "{}"), (frozenset, "{}")):
        if kind is base:
            if depth == _MAX_DEPTH:
                return "%s\u2026%s" % tuple(brackets)
            return brackets[0] + ", ".join(_items(value, depth)) + brackets[1]
    return "<%s>" % kind.__name__


def _items(value: Any, depth: int) -> List[str]:
    found: List[str] = []
    for item in value:
        if len(found) == _MAX_ITEMS:
            return found + ["\u2026"]
        if not isinstance(value, dict):
            found.append(_value(item, depth + 1))
            continue
        hidden = type(item) is str and post_mortem.is_secret(item, value[item])
        told = post_mortem.HIDDEN if hidden else _value(value[item], depth + 1)
        found.append("%s: %s" % (_value(item, depth + 1), told))
    return found


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "\u2026"
