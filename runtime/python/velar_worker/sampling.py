"""When a runner's memory is looked at: densely at first, then once a second, never while it is idle."""

from __future__ import annotations

from typing import Optional

from velar._framing import message

from .link import Link
from .runner_process import RunnerProcess

#: Seconds between samples, and how long the dense ones last.
FAST, SLOW, FAST_FOR = 0.1, 1.0, 2.0
#: How long work runs before the first sample, so that quick calls cost none, in seconds.
FIRST = 0.02


class Sampling:
    """The schedule of one supervisor."""

    def __init__(self) -> None:
        #: When the next sample is due on the monotonic clock; None while nothing runs.
        self.due: Optional[float] = None
        self._since = 0.0
        self._watched = False

    def begin(self, now: float, watched: bool = False) -> None:
        """A load or a call began. Goes on unchanged where one is in progress.

        ``watched``: somebody looks at its memory, so that it gets a sample of its own however quick it is.
        """
        self._watched = self._watched or watched
        if self.due is None:
            self._since = now
            self.due = now + FIRST

    def lasting(self, now: float) -> None:
        """A call that began without the supervisor goes on for longer than a quick one."""
        if self.due is None:
            self._since = now - FIRST
            self.due = now

    def end(self, runner: RunnerProcess) -> None:
        """Nothing runs any more."""
        self.due = None
        self._watched = False
        runner.memory.rest()

    def worth_a_last(self, now: float) -> bool:
        """True when what ends now is watched, or ran long enough for a sample of its own."""
        return self.due is not None and (self._watched or now - self._since > FIRST)

    def take(self, runner: RunnerProcess, out: Link, now: float) -> None:
        """Queues a sample and sets when the next is due."""
        if runner.loaded and runner.executing is None:
            self.end(runner)
            return
        header = runner.memory.sample(runner.measured if runner.loaded else None)
        if header is not None:
            out.queue(message(header))
        self.due = now + (FAST if now - self._since < FAST_FOR else SLOW)
