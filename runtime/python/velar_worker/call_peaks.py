"""The most memory that single calls of a batch held, of those that one runner works on one after another.

The kernel keeps the runner's peak, in one number. It is a call's own where it rose in the call, or was made to count
from the call's beginning, which costs more than a quick call does; elsewhere it may be an earlier call's, and the call's
own is unknown. Nor is it looked at after each quick call: they can't have filled more than the time they took allows.
"""

from __future__ import annotations

import os
import resource
import sys

from . import process_tree

#: A call of so many milliseconds is worth it that the next one's peak counts from its beginning.
_LONG_MS = 5.0
#: After quicker ones the peak is looked at once they took a millisecond together.
_QUICK_MS, _LOOK_AFTER_MS = 0.3, 1.0
#: More bytes than a millisecond suffices to fill.
_FILLED_IN_MS = 16 << 20
#: Linux counts in KiB, macOS in bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


class CallPeaks:
    """In bytes of this process, without processes that a call starts."""

    def __init__(self) -> None:
        #: The peak as the kernel had it when the call began.
        self._before = 0
        #: It counts from the call's beginning.
        self._own = False
        #: It is to count from the next call's beginning.
        self._restart = True
        #: Milliseconds of calls since it was looked at.
        self._unseen = 0.0
        #: Of the call, until the peak was made to count anew in the midst of it.
        self._cut = 0

    def batch(self) -> None:
        """Calls of another batch follow: what happened in between is none of theirs."""
        self._restart = True

    def begin(self) -> None:
        """A call begins."""
        self._cut = 0
        self._own = False
        if self._restart:
            self._restart = False
            self._own = process_tree.reset_peak(os.getpid())
            self._before, self._unseen = _highest(), 0.0

    def restarted(self, peak: int) -> None:
        """The peak was ``peak``, and counts from now on."""
        self._cut = max(self._cut, peak)

    def end(self, ms: float) -> int:
        """The call has ended, after so many milliseconds: its peak, or 0 where that is unknown."""
        if ms < _QUICK_MS and not self._own and not self._cut:
            self._unseen += ms
            if self._unseen < _LOOK_AFTER_MS:
                return 0
        peak = max(_highest(), self._cut)
        known = self._own or peak > self._before + self._unseen * _FILLED_IN_MS
        self._before, self._unseen = max(self._before, peak), 0.0
        self._restart = ms >= _LONG_MS
        return peak if known else 0


def _highest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
