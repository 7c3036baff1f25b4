"""A two-way pipe of frames over file descriptors, used by the caller of the SDK and by a runner."""

from __future__ import annotations

import errno
import os
import select
import threading
from typing import List, Optional, Tuple

from . import _interrupts
from ._framing import FrameBuffer
from .exception import ConnectionLost

Frame = Tuple[int, bytes]


class Channel:
    """Blocking frames. One thread reads at a time; any thread may send."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._buffer = FrameBuffer()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._poll = select.poll()
        self._poll.register(read_fd, select.POLLIN)
        os.set_blocking(read_fd, False)

    @property
    def foreign(self) -> bool:
        """True in a process that was forked from the channel's owner, which must leave the channel alone."""
        return os.getpid() != self._pid

    def send(self, data: bytes) -> None:
        """Writes whole frames. Raises :class:`ConnectionLost`."""
        if self.foreign:
            raise ConnectionLost(
                "This process was forked from the one that talks to the runtime; make remote calls there."
            )
        _interrupts.enter()
        try:
            with self._lock:
                self._write(data)
        except OSError as cause:
            raise ConnectionLost("The connection to the runtime is closed (%s)." % cause) from cause
        finally:
            _interrupts.leave()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                sent = os.write(self._write_fd, view)
            except BlockingIOError:
                writable = select.poll()
                writable.register(self._write_fd, select.POLLOUT)
                writable.poll()
                continue
            view = view[sent:]

    def receive(self, timeout: Optional[float] = None) -> List[Frame]:
        """Waits for at least one chunk; returns the frames it completed, maybe none. Raises :class:`ConnectionLost`.

        ``timeout`` in seconds; when it is over, an empty list. An interrupt may raise while waiting, and then no
        byte is lost.
        """
        if self.foreign:
            raise ConnectionLost("This process was forked from the one that talks to the runtime.")
        _interrupts.enter()
        try:
            try:
                chunk = os.read(self._read_fd, self._buffer.wanted())
            except BlockingIOError:
                with _interrupts.exposed():
                    ready = self._poll.poll(None if timeout is None else max(0.0, timeout * 1000.0))
                if not ready:
                    return []
                try:
                    chunk = os.read(self._read_fd, self._buffer.wanted())
                except BlockingIOError:
                    return []
            if not chunk:
                raise ConnectionLost("The runtime closed the connection.")
            return self._buffer.feed(chunk)
        except OSError as cause:
            if cause.errno in (errno.ECONNRESET, errno.EPIPE, errno.EBADF):
                raise ConnectionLost("The connection to the runtime is closed (%s)." % cause) from cause
            raise
        finally:
            _interrupts.leave()
