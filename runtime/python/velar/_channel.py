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
        self._direct: Optional[_Direct] = None
        #: Frames sent so far.
        self.sent: int = 0
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
                self.sent += 1
                _write(self._write_fd, data)
        except OSError as cause:
            raise ConnectionLost("The connection to the runtime is closed (%s)." % cause) from cause
        finally:
            _interrupts.leave()

    def join(self, fd: int) -> None:
        """Takes a second source of frames, which come before those of the first that were sent later."""
        os.set_blocking(fd, False)
        self._direct = _Direct(fd)
        self._poll.register(fd, select.POLLIN)

    @property
    def joined(self) -> bool:
        """True while there is a second source that can be answered."""
        return self._direct is not None

    def answer(self, data: bytes) -> bool:
        """Writes whole frames to the second source. False when it is gone."""
        direct = self._direct
        if direct is None:
            return False
        try:
            _write(direct.fd, data)
        except OSError:
            self._part(direct)
            return False
        return True

    def _part(self, direct: "_Direct") -> None:
        if self._direct is not direct:
            return
        self._direct = None
        try:
            self._poll.unregister(direct.fd)
            os.close(direct.fd)
        except (KeyError, OSError):
            # User code closed it already.
            return

    def receive(self, timeout: Optional[float] = None) -> List[Frame]:
        """Waits for at least one chunk; returns the frames it completed, maybe none. Raises :class:`ConnectionLost`.

        ``timeout`` in seconds; when it is over, an empty list. An interrupt may raise while waiting, and then no
        byte is lost.
        """
        if self.foreign:
            raise ConnectionLost("This process was forked from the one that talks to the runtime.")
        _interrupts.enter()
        try:
            with _interrupts.exposed():
                ready = self._poll.poll(None if timeout is None else max(0.0, timeout * 1000.0))
            direct = self._direct
            if direct is None:
                return self._read() if ready else []
            # Both are read, the second source last: what it got was sent before what the first one got.
            frames = self._read() if any(fd != direct.fd for fd, _ in ready) else []
            return self._read_direct(direct) + frames if ready else frames
        except OSError as cause:
            if cause.errno in (errno.ECONNRESET, errno.EPIPE, errno.EBADF):
                raise ConnectionLost("The connection to the runtime is closed (%s)." % cause) from cause
            raise
        finally:
            _interrupts.leave()

    def _read(self) -> List[Frame]:
        try:
            chunk = os.read(self._read_fd, self._buffer.wanted())
        except BlockingIOError:
            return []
        if not chunk:
            raise ConnectionLost("The runtime closed the connection.")
        return self._buffer.feed(chunk)

    def _read_direct(self, direct: "_Direct") -> List[Frame]:
        try:
            chunk = os.read(direct.fd, direct.buffer.wanted())
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if chunk:
            return direct.buffer.feed(chunk)
        self._part(direct)
        return []


class _Direct:
    """The second source of a channel."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.buffer = FrameBuffer()


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            sent = os.write(fd, view)
        except BlockingIOError:
            writable = select.poll()
            writable.register(fd, select.POLLOUT)
            writable.poll()
            continue
        view = view[sent:]
