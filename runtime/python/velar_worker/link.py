"""Non-blocking frames over a socket, for the supervisor's single-threaded loop."""

from __future__ import annotations

import socket
import sys
from collections import deque
from typing import Deque, List, Optional

from velar._channel import Frame
from velar._framing import FrameBuffer

#: Queued bytes over which nothing more is read from a runner, and under which reading goes on.
HIGH_WATER = 1024 * 1024
LOW_WATER = 256 * 1024
_PIECES = 64


class Link:
    """One socket: frames in, bytes out. Sends are kept until :meth:`flush`, then go in as few calls as possible."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._buffer = FrameBuffer()
        self._queue: Deque[memoryview] = deque()
        self.queued = 0

    def receive(self) -> Optional[List[Frame]]:
        """Frames that one read completes; None when the peer is gone. Raises ``FrameError`` for a broken one."""
        try:
            chunk = self.sock.recv(self._buffer.wanted())
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        return self._buffer.feed(chunk) if chunk else None

    def queue(self, data: bytes) -> None:
        """Keeps bytes for the next flush."""
        self._queue.append(memoryview(data))
        self.queued += len(data)

    def abandon(self) -> None:
        """Drops what is queued, because the peer is gone."""
        self._queue.clear()
        self.queued = 0

    def flush(self) -> bool:
        """Sends what the socket takes. False when the peer is gone."""
        queue = self._queue
        while queue:
            try:
                if len(queue) == 1:
                    sent = self.sock.send(queue[0])
                else:
                    sent = self.sock.sendmsg([queue[at] for at in range(min(len(queue), _PIECES))])
            except (BlockingIOError, InterruptedError):
                return True
            except OSError:
                return False
            self.queued -= sent
            while sent:
                first = queue[0]
                if len(first) > sent:
                    queue[0] = first[sent:]
                    break
                sent -= len(first)
                queue.popleft()
        return True


def dial_again(address: str, hello: bytes) -> Optional[socket.socket]:
    """A further connection to a runtime on this machine, which says hello at once; None where that can't be had.

    Only Linux tells at the write end of a pipe what the pipe holds, which answers over this connection need to know.
    """
    if sys.platform != "linux" or not address.startswith("/"):
        return None
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unix.setblocking(False)
    try:
        unix.connect(address)
        if unix.send(hello) == len(hello):
            return unix
    except OSError:
        # The runtime takes no more connections; everything goes over the first one.
        pass
    unix.close()
    return None


def dial(address: str, lease_ms: int = 15_000) -> socket.socket:
    """Connects to a Unix socket's path, or to ``host:port``. Raises ``OSError``."""
    if address.startswith("/") or ":" not in address:
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.connect(address)
        return unix
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A runtime that vanished without closing must not keep a GPU: the lease is held by the kernel's probes.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 3), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", lease_ms)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return sock
