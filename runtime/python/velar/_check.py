"""Checks of what a person writes in a declaration, and the words of the errors."""

from __future__ import annotations

import difflib
from typing import Any, Iterable, Optional


def near(name: str, known: Iterable[str]) -> str:
    """`` Did you mean "x"?`` for the closest known name, or nothing."""
    lowered = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), list(lowered), n=2, cutoff=0.6)
    if not matches:
        return ""
    return " Did you mean %s?" % " or ".join('"%s"' % lowered[match] for match in matches)


def placeholder_name(value: Any) -> Optional[str]:
    """What a placeholder of the describe step stands for (``torch.__version__``), None for a real value."""
    name = getattr(type(value), "__velar_placeholder__", None)
    return name(value) if callable(name) else None


def show(value: Any) -> str:
    """A value in an error message: its repr, cut, or what a placeholder stands for."""
    stands_for = placeholder_name(value)
    if stands_for is not None:
        return (
            "a value of %s, which isn't known while the app is described; "
            "declarations may use the standard library and the files of the app only" % stands_for
        )
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def text(option: str, value: Any) -> str:
    """A non-empty string without line breaks or NUL."""
    if not isinstance(value, str):
        raise TypeError("%s must be a string, not %s." % (option, show(value)))
    if not value.strip() or "\0" in value or "\n" in value:
        raise ValueError("%s must be a non-empty string on one line, not %s." % (option, show(value)))
    return value


def whole(option: str, value: Any, least: int, most: Optional[int] = None) -> int:
    """An integer within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("%s must be a whole number, not %s." % (option, show(value)))
    if value < least or (most is not None and value > most):
        bounds = "at least %d" % least if most is None else "from %d to %d" % (least, most)
        raise ValueError("%s must be %s, not %d." % (option, bounds, value))
    return value


def switch(option: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError("%s must be True or False, not %s." % (option, show(value)))
    return value


def number(option: str, value: Any, unit: str, above: float, inclusive: bool = False) -> float:
    """A finite number above a bound."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("%s must be a number of %s, not %s." % (option, unit, show(value)))
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("%s must be a finite number of %s, not %r." % (option, unit, value))
    if value < above or (value == above and not inclusive):
        least = "at least" if inclusive else "more than"
        raise ValueError("%s must be %s %g %s, not %r." % (option, least, above, unit, value))
    return float(value)


def environment(value: Any) -> str:
    """``"staging"`` or ``"production"``."""
    if value not in ("staging", "production"):
        raise ValueError('environment must be "staging" or "production", not %s.' % show(value))
    return str(value)


def variables(option: str, value: Any) -> "dict[str, str]":
    """A dict of environment variables, names and values strings."""
    if not isinstance(value, dict):
        raise TypeError("%s must be a dict of strings, not %s." % (option, show(value)))
    for name, item in value.items():
        if not isinstance(name, str) or not isinstance(item, str):
            raise TypeError(
                "%s must map strings to strings; %s is %s." % (option, show(name), "not" if item is None else show(item))
            )
        if not name or "=" in name or "\0" in name or "\0" in item:
            raise ValueError("%s has %s, which is no name or value of an environment variable." % (option, show(name)))
    return dict(value)
