"""A page of memory that a supervisor shares with its runner, so that neither has to wake the other for a call.

Each word has one writer and is written in one piece. The kernel's lock on a pipe orders them: the supervisor says
that it reads before it reads, and the runner looks at the pipes before it looks at what the supervisor says.
"""

from __future__ import annotations

import mmap
import os
from typing import Optional, Tuple

_OUTPUT, _EXECUTING, _STOPPING = 0, 1, 2
_ATTEMPT_SHIFT = 32
_CALL_MASK = (1 << _ATTEMPT_SHIFT) - 1


class Tally:
    """Made by the supervisor before it forks, or mapped from the file descriptor of one that was made."""

    def __init__(self, fd: int = -1) -> None:
        self._words = memoryview(mmap.mmap(fd, mmap.PAGESIZE)).cast("Q")

    @classmethod
    def shared(cls) -> "Tuple[Tally, int]":
        """One that a process which is no child can map, and its file descriptor. Linux."""
        fd = os.memfd_create("velar-tally")
        os.ftruncate(fd, mmap.PAGESIZE)
        return cls(fd), fd

    # Written by the supervisor.

    def output(self, logged: int, settled: bool) -> None:
        """``logged``: bytes of output in log frames that are in order on their way to the runtime.

        ``settled`` is False while more may have been taken from the pipes than ``logged`` counts.
        """
        self._words[_OUTPUT] = logged << 1 | (not settled)

    def stop(self) -> None:
        """Calls that have not begun are not to begin."""
        self._words[_STOPPING] = 1

    @property
    def executing(self) -> int:
        """The execution of a call that came straight from the runtime; 0 for none."""
        return self._words[_EXECUTING]

    # Written by the runner.

    def begin(self, call: int, attempt: int) -> None:
        """A call that came straight from the runtime executes from here on."""
        self._words[_EXECUTING] = execution(call, attempt)

    def end(self) -> None:
        """It has ended, and all its output has left the pipes."""
        self._words[_EXECUTING] = 0

    @property
    def logged(self) -> Optional[int]:
        """What :meth:`output` was told; None while that is not settled."""
        word = self._words[_OUTPUT]
        return None if word & 1 else word >> 1

    @property
    def stopping(self) -> bool:
        """True once :meth:`stop` was called."""
        return self._words[_STOPPING] == 1


def execution(call: int, attempt: int) -> int:
    """One number for one attempt of one call."""
    return attempt << _ATTEMPT_SHIFT | call


def call_of(executing: int) -> int:
    """The call that an execution is of."""
    return executing & _CALL_MASK
