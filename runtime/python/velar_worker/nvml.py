"""``python -m velar_worker.nvml [LIBRARY]``: samples every NVIDIA card for the runtime that started it.

It writes one JSON object a line: ``hello`` with the driver's version and a first sample, a ``sample`` of all cards
for each interval, ``failed`` with the reason before it ends with 3. It reads one JSON object a line:
``{"intervalMs": 1000}`` samples from now on, ``{"intervalMs": null}`` stops, ``{"once": true}`` takes one sample.
It ends with its standard input.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from typing import Any, Dict, List, Optional

from .nvml_library import Card, Library, NvmlError

LIBRARY = "libnvidia-ml.so.1"
_FAILED = 3
_READ_BYTES = 4096


class Output:
    """Lines for a reader that may be slow: while one is not taken in full, newer ones are not begun."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._rest = b""

    @property
    def busy(self) -> bool:
        """A line is written in part only."""
        return bool(self._rest)

    def write(self, message: Dict[str, Any]) -> None:
        """Begins a line. Only while not busy."""
        self._rest = json.dumps(message, separators=(",", ":")).encode("utf-8") + b"\n"
        self.flush()

    def flush(self) -> None:
        """Writes what the reader takes now."""
        try:
            self._rest = self._rest[os.write(self.descriptor, self._rest) :]
        except BlockingIOError:
            pass

    def finish(self, message: Dict[str, Any]) -> None:
        """Writes a last line, however long the reader takes."""
        os.set_blocking(self.descriptor, True)
        while self._rest:
            self.flush()
        self.write(message)
        while self._rest:
            self.flush()


class Sampler:
    """Samples at the interval that was asked for last."""

    def __init__(self, library: Library, source: int, output: Output) -> None:
        self._library, self._source, self._output = library, source, output
        self._cards: List[Card] = library.cards()
        self._interval: Optional[float] = None
        self._due: Optional[float] = None
        self._commands = b""

    def run(self) -> None:
        """Until standard input ends."""
        self._output.write({"type": "hello", "driver": self._library.driver(), **self._sample()})
        while self._wait():
            due, interval, now = self._due, self._interval, time.monotonic()
            if due is None or now < due or self._output.busy:
                continue
            self._output.write({"type": "sample", **self._sample()})
            # Missed times are not made up for.
            self._due = None if interval is None else now + interval - (now - due) % interval

    def _sample(self) -> Dict[str, Any]:
        return {"at": int(time.time() * 1000), "cards": [self._library.read(card) for card in self._cards]}

    def _wait(self) -> bool:
        """Sleeps until something is to be done. False once standard input has ended."""
        busy = self._output.busy
        pause = None if self._due is None or busy else max(0.0, self._due - time.monotonic())
        readable, writable, _ = select.select([self._source], [self._output.descriptor] if busy else [], [], pause)
        if writable:
            self._output.flush()
        if readable:
            data = os.read(self._source, _READ_BYTES)
            if not data:
                return False
            *lines, self._commands = (self._commands + data).split(b"\n")
            for line in lines:
                self._obey(json.loads(line))
        return True

    def _obey(self, command: Dict[str, Any]) -> None:
        now = time.monotonic()
        if command.get("once"):
            self._due = now
            return
        milliseconds = command["intervalMs"]
        if milliseconds is None:
            self._interval = self._due = None
            return
        interval = milliseconds / 1000
        self._interval = interval
        self._due = now if self._due is None else min(self._due, now + interval)


def main(arguments: List[str]) -> int:
    """The process's exit code: 0 when its input ended, 3 when NVML can't be used."""
    output = Output(1)
    try:
        library = Library(arguments[0] if arguments else LIBRARY)
        Sampler(library, 0, output).run()
        library.close()
    except NvmlError as error:
        output.finish({"type": "failed", "message": str(error)})
        return _FAILED
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
