"""The price table: dollars per GPU-hour and memory of the GPUs that a function can ask for."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Dict, Optional


@dataclass(frozen=True)
class GpuPrice:
    """One row of the table. ``usd_per_hour`` is None where the list names no price; ``date`` is the list's date."""

    name: str
    usd_per_hour: Optional[float]
    memory_gb: float
    date: str


def read_prices(path: Optional[str] = None) -> Dict[str, GpuPrice]:
    """The table from ``path``, else from the file that ``VELAR_PRICES`` names, else the one shipped with velar.

    Raises ``OSError`` for a file that can't be read and ``ValueError`` for one of another shape.
    """
    source = path or os.environ.get("VELAR_PRICES") or os.path.join(os.path.dirname(__file__), "prices.json")
    with open(source, encoding="utf-8") as file:
        try:
            data = json.load(file)
            date = str(data["date"])
            rows = {}
            for row in data["gpus"]:
                price = row["usdPerHour"]
                rows[row["name"]] = GpuPrice(
                    row["name"], None if price is None else float(price), float(row["memoryGB"]), date
                )
            return rows
        except (KeyError, TypeError, ValueError) as cause:
            raise ValueError("%s is no price table (%s: %s)." % (source, type(cause).__name__, cause)) from cause


class VelarClient:
    """Questions about velar that need no app.

    ``prices`` names another price table to use instead of the shipped one.
    """

    def __init__(self, prices: Optional[str] = None) -> None:
        self._prices = prices

    def get_gpu_prices(self) -> Dict[str, GpuPrice]:
        """Price ($ per GPU-hour) and memory of each GPU, by name. Raises as :func:`read_prices`."""
        return read_prices(self._prices)
