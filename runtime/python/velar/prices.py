"""The price table: dollars per GPU-hour and memory of the GPUs that a function can ask for."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class GpuPrice:
    """One row of the table. A price or memory that the list doesn't name is None; ``date`` is the list's date."""

    name: str
    usd_per_hour: Optional[float]
    memory_gb: Optional[float]
    date: str


def read_prices(path: Optional[str] = None) -> Dict[str, GpuPrice]:
    """The table from ``path``; without one from ``prices.json`` in ``VELAR_HOME`` (by default ``~/.velar``) where that
    file exists, as the runtime meters by it; else the one shipped with velar.

    Raises ``OSError`` for a file that can't be read and ``ValueError`` for one of another shape.
    """
    source = path or _default_source()
    with open(source, encoding="utf-8") as file:
        try:
            data = json.load(file)
            date = str(data["date"])
            if data["currency"] != "USD":
                raise ValueError("its currency is %r, not USD" % (data["currency"],))
            return {
                row["name"]: GpuPrice(row["name"], _number(row["usdPerHour"]), _number(row.get("memoryGB")), date)
                for row in data["gpus"]
            }
        except (KeyError, TypeError, ValueError) as cause:
            raise ValueError("%s is no price table (%s: %s)." % (source, type(cause).__name__, cause)) from cause


def _default_source() -> str:
    home = os.environ.get("VELAR_HOME") or os.path.join(os.path.expanduser("~"), ".velar")
    own = os.path.join(home, "prices.json")
    return own if os.path.exists(own) else os.path.join(os.path.dirname(__file__), "prices.json")


def _number(value: Any) -> Optional[float]:
    return None if value is None else float(value)


class VelarClient:
    """Questions about velar that need no app.

    ``prices`` names another price table to use; see :func:`read_prices` for which is used without it.
    """

    def __init__(self, prices: Optional[str] = None) -> None:
        self._prices = prices

    def get_gpu_prices(self) -> Dict[str, GpuPrice]:
        """Price ($ per GPU-hour) and memory of each GPU, by name. Raises as :func:`read_prices`."""
        return read_prices(self._prices)
