"""The standard streams of a runner: flushing them, and telling apart what calls print that run at once."""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import Callable, Dict, Tuple

from . import private

#: Text without a newline that a call may have printed before it is shown, in characters.
_LONGEST_LINE = 8192


class RunnerStream(io.TextIOWrapper):
    """``sys.stdout`` or ``sys.stderr`` of a runner."""

    mode = "w"


class SharedStream(RunnerStream):
    """The same stream while calls run at once: whole lines leave together, marked with the call that printed them.

    Whatever comes past it, such as what a child process prints, has no mark: it belongs to the container.
    """

    lines: "Lines"

    def write(self, text: str) -> int:
        """Keeps the text until its line is complete."""
        return self.lines.write(self.fileno(), text)

    def flush(self) -> None:
        """Shows what the current call has printed of its line so far."""
        self.lines.show(self.fileno())
        super().flush()


class Lines:
    """Unfinished lines, by stream and call."""

    def __init__(self, mark_key: bytes, current: Callable[[], int]) -> None:
        self._mark_key = mark_key
        self._end = private.mark(mark_key, 0)
        self._current = current
        self._held: Dict[Tuple[int, int], str] = {}
        self._lock = threading.RLock()

    def write(self, fd: int, text: str) -> int:
        """Takes text of the current call."""
        call = self._current()
        with self._lock:
            held = self._held.pop((fd, call), "") + text
            end = len(held) if len(held) > _LONGEST_LINE else held.rfind("\n") + 1
            if end:
                self._put(fd, call, held[:end])
            if end < len(held):
                self._held[fd, call] = held[end:]
        return len(text)

    def show(self, fd: int) -> None:
        """Lets go of the unfinished line of the current call, and of one that belongs to none."""
        with self._lock:
            for call in {self._current(), 0}:
                held = self._held.pop((fd, call), "")
                if held:
                    self._put(fd, call, held)

    def _put(self, fd: int, call: int, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        if call:
            data = private.mark(self._mark_key, call) + data + self._end
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(fd, view) :]
            except OSError:
                # User code closed it; then nothing can be printed there.
                return


class Printing:
    """What one runner prints. ``current`` tells the call of the context that asks; 0 for none."""

    def __init__(self, mark_key: bytes, current: Callable[[], int]) -> None:
        self._mark_key = mark_key
        self._current = current
        self._shared = False
        #: Kept though user code may replace them.
        self._streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, RunnerStream)]

    def flush(self) -> None:
        """Empties the buffers of ``sys.stdout`` and ``sys.stderr``, which user code may have replaced or closed."""
        for stream in (sys.stdout, sys.stderr, *(self._streams if self._shared else ())):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                continue

    def mark(self, number: int) -> None:
        """Tells the supervisor, in the output itself, that what follows belongs to another call of the batch."""
        mark = private.mark(self._mark_key, number)
        for fd in (1, 2):
            try:
                os.write(fd, mark)
            except OSError:
                # User code closed it; then nothing can be printed there either.
                continue

    def share(self) -> None:
        """Calls run at once from here on."""
        if self._shared:
            return
        self._shared = True
        self.flush()
        lines = Lines(self._mark_key, self._current)
        for stream in self._streams:
            setattr(stream, "lines", lines)
            stream.__class__ = SharedStream

    def own(self) -> None:
        """They run one after another again."""
        if not self._shared:
            return
        self._shared = False
        for stream in self._streams:
            stream.__class__ = RunnerStream
