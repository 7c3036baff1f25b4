"""The pump: a process that carries bytes between the runtime and debugpy's adapter.

A process of its own, because neither the supervisor's loop nor a runner that stands still may be in the way.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
from typing import Callable

from .child import die_with_parent
from .link import dial

#: Bytes that may wait for one side before the other is read again.
_ROOM = 256 * 1024
_READ = 64 * 1024
#: How long the runtime or the adapter may take to answer at first, in seconds.
_PATIENCE = 10.0


def start(address: str, hello: bytes, port: int, in_child: Callable[[], None]) -> None:
    """Forks a pump between the runtime at ``address`` and the adapter at ``port``.

    ``hello`` names the channel; the runtime answers with one byte. ``in_child`` lets go, in the child, of what belongs
    to the supervisor. A pump that fails closes its socket to the runtime, which tells the client.
    """
    if os.fork() == 0:
        try:
            in_child()
            _settle()
            _carry(address, hello, port)
        finally:
            os._exit(0)


def pump(near: socket.socket, far: socket.socket) -> None:
    """Carries bytes both ways until either side ends, and then what that side had sent."""
    with selectors.DefaultSelector() as selector:
        waiting = {near: bytearray(), far: bytearray()}
        other = {near: far, far: near}
        ended = None
        for sock in waiting:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        while ended is None or waiting[other[ended]]:
            for sock in waiting:
                reads = ended is None and len(waiting[other[sock]]) < _ROOM
                events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if waiting[sock] else 0)
                _listen(selector, sock, events)
            for key, events in selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if events & selectors.EVENT_WRITE:
                    del waiting[sock][: _sent(sock, waiting[sock])]
                if events & selectors.EVENT_READ and ended is None:
                    chunk = _read(sock)
                    if chunk == b"":
                        ended = sock
                    else:
                        waiting[other[sock]] += chunk or b""


def _listen(selector: selectors.BaseSelector, sock: socket.socket, events: int) -> None:
    known = selector.get_map().get(sock)
    if known is None and events:
        selector.register(sock, events)
    elif known is not None and not events:
        selector.unregister(sock)
    elif known is not None and known.events != events:
        selector.modify(sock, events)


def _sent(sock: socket.socket, data: bytearray) -> int:
    """Bytes that the socket took. Raises ``OSError`` where the peer is gone."""
    try:
        return sock.send(data)
    except (BlockingIOError, InterruptedError):
        return 0


def _read(sock: socket.socket) -> "bytes | None":
    """What has come; empty at the end, None when nothing has."""
    try:
        return sock.recv(_READ)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""


def _settle() -> None:
    die_with_parent()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, 4096)


def _carry(address: str, hello: bytes, port: int) -> None:
    runtime = dial(address)
    runtime.settimeout(_PATIENCE)
    runtime.sendall(hello)
    if not runtime.recv(1):
        return
    adapter = socket.create_connection(("127.0.0.1", port), _PATIENCE)
    adapter.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pump(runtime, adapter)
