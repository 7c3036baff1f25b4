"""Amounts of memory as a person reads them, in decimal units like the rest of the product."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")


def text(count: int) -> str:
    """Bytes, such as ``812 B``, ``14.2 kB``, ``142 MB`` or ``3.21 GB``."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return "%.*f %s" % (digits, value, _UNITS[unit])
