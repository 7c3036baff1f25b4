"""What the engine tells a worker, and how long the worker waits for a runtime that is gone."""

from __future__ import annotations

import time
from typing import Callable, NamedTuple, Optional

from .link import Link, dial

#: Between two tries to reach a runtime that is gone, in seconds.
_DIAL_EVERY = 0.1


class Settings(NamedTuple):
    """What the engine tells a worker: where the runtime listens, and the directories it may use."""

    socket: str
    token: str
    container: str
    blobs: str
    workdir: str
    #: How long a runtime that is gone is waited for, in seconds; 0 where the worker ends with it.
    lease: float = 0.0


class Lease:
    """Lets a worker outlive its runtime for ``seconds``; not at all for 0."""

    def __init__(self, address: str, seconds: float) -> None:
        self._address = address
        self._seconds = seconds
        #: When the wait is over, on the monotonic clock.
        self._until: Optional[float] = None

    def renew(self) -> None:
        """A runtime has taken the worker."""
        self._until = None

    def dial_again(self, given_up: Callable[[], bool]) -> Optional[Link]:
        """A link to the runtime that was started again; None when the lease is over or it is given up."""
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        while time.monotonic() < self._until and not given_up():
            try:
                return Link(dial(self._address))
            except OSError:
                time.sleep(_DIAL_EVERY)
        return None
