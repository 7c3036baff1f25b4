"""Calls of one runner that are to end, and when it is killed because one of them doesn't."""

from __future__ import annotations

from typing import Container, Dict, List, Optional, Tuple


class Cancels:
    """Pure: times are seconds on the monotonic clock."""

    def __init__(self) -> None:
        #: Why a call is to end, and the grace that it has, by call.
        self._told: Dict[int, Tuple[str, float]] = {}
        #: When the grace of calls ends that run whatever stands in line before them.
        self._graces: Dict[int, float] = {}
        #: When the runner is killed if it doesn't do what it was asked to.
        self.kill_at: Optional[float] = None

    def __contains__(self, call: int) -> bool:
        return call in self._told

    def ask(self, call: int, reason: str, grace: float) -> None:
        """The call is to end. Its grace begins with :meth:`runs` or :meth:`first`."""
        self._told[call] = (reason, grace)

    def runs(self, call: int, now: float) -> None:
        """The call runs beside what is first in line."""
        self._graces[call] = now + self._told[call][1]

    def first(self, call: int, now: float) -> None:
        """The call is first in line: it runs."""
        told = self._told.get(call)
        if told is not None and self.kill_at is None:
            self.kill_at = now + told[1]

    def ended(self, call: int) -> None:
        """The call has ended."""
        self._told.pop(call, None)
        self._graces.pop(call, None)

    @property
    def due(self) -> List[float]:
        """When :meth:`over` may say something new."""
        return [at for at in (self.kill_at, *self._graces.values()) if at is not None]

    def over(self, now: float, head: Optional[int], running: Container[int]) -> Optional[str]:
        """Why the runner has to be killed now, if it has to. ``running``: calls that run, whatever is first in line."""
        if self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            told = self._told.get(head or 0)
            return "stopped" if told is None else told[0]
        for call in [call for call, at in self._graces.items() if now >= at]:
            del self._graces[call]
            reason, _ = self._told.pop(call)
            if call in running:
                return reason
        return None
