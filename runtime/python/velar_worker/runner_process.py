"""The supervisor's view of one runner: its process, pipes, calls in progress and output."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import socket
import struct
import termios
import time
from enum import Enum
from typing import Any, Callable, Collection, Dict, List, Optional

from velar._channel import Frame
from velar._framing import FrameError, log, message

from . import private
from .cancels import Cancels
from .child import Ends, become_runner
from .link import Link
from .logs import FloodGate, LineCutter, Piece
from .memory import HostMemory, oom_kills
from .nursery import Nursery
from .process_tree import kill_tree
from .runner import Setup
from .tally import Tally, call_of

_READ = 64 * 1024
_PIPE_BYTES = 256 * 1024
_INT = struct.Struct("i")


class Stream:
    """Read end of a runner's stdout (``number`` 1) or stderr (2)."""

    def __init__(self, number: int, fd: int, mark_key: bytes) -> None:
        self.number = number
        self.fd = fd
        self.cutter = LineCutter(mark_key)
        self.open = True
        #: What the supervisor's loop calls when there is something to read.
        self.handler: Optional[Callable[[], None]] = None

    def waiting(self) -> int:
        """Bytes in the pipe now."""
        return int(_INT.unpack(fcntl.ioctl(self.fd, termios.FIONREAD, b"\0\0\0\0"))[0])

    def read(self) -> bytes:
        """What is there, at most 64 KiB; empty when nothing is. Notes the end of the stream."""
        try:
            data = os.read(self.fd, _READ)
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            self.open = False
        return data


class Way(Enum):
    """How a call goes that came through the supervisor: on its own, in a batch, or at once with others."""

    ALONE = 1
    BATCH = 2
    TOGETHER = 3


class RunnerProcess:
    """A forked runner. Made by :func:`start`."""

    def __init__(
        self, load: int, pid: int, root: str, link: Link, control: int, streams: List[Stream], faults: int, tally: Tally
    ) -> None:
        self.load = load
        self.pid = pid
        self.root = root
        self.link = link
        self.streams = streams
        self.gate = FloodGate()
        self.memory = HostMemory(pid)
        #: Packaged modules that it told of, until they are taken note of.
        self.modules: Optional[List[str]] = None
        self.loaded = False
        self.load_failed = False
        self._tally = tally
        #: Bytes in log frames of this runner.
        self._logged = 0
        self._reading = False
        #: The call that came straight from the runtime and that output was last taken for.
        self._direct = 0
        #: The last such execution whose end the runner told.
        self._ended = 0
        #: Calls sent and not answered, in the order in which the runner takes them.
        self.calls: Dict[int, Way] = {}
        self.cancels = Cancels()
        self.killed_for: Optional[str] = None
        self.stopping = False
        self._control = control
        self._faults = faults
        self._oom_before = oom_kills()

    @property
    def head(self) -> Optional[int]:
        """The first of the calls that came through the supervisor, as far as its answers tell."""
        return next(iter(self.calls), None)

    @property
    def direct(self) -> int:
        """The executing call that came straight from the runtime; 0 when there is none."""
        executing = self._tally.executing
        return 0 if executing == self._ended else call_of(executing)

    @property
    def executing(self) -> Optional[int]:
        """The call that is executing, whichever way it came."""
        return self.direct or self.head

    @property
    def beside(self) -> Collection[int]:
        """Calls that run whatever is first in line."""
        return {self.direct, *(call for call, way in self.calls.items() if way is Way.TOGETHER)}

    @property
    def measured(self) -> Optional[int]:
        """Whose memory the runner's is: the executing call's; 0 for all that run at once, None while none does."""
        call = self.executing
        return 0 if call is not None and self.calls.get(call) is Way.TOGETHER else call

    def ended(self, call: int) -> None:
        """The runner told the end of a call."""
        if call_of(self._tally.executing) == call:
            self._ended = self._tally.executing
        if self._direct == call:
            self._direct = 0
        self.cancels.ended(call)

    def stop(self) -> None:
        """Interrupts what runs; what has not begun will not."""
        self.stopping = True
        self._tally.stop()
        for call in {*self.calls, self.direct} - {0}:
            self.interrupt(call, "cancelled")

    def emit(self, out: Link, stream: Stream, pieces: List[Piece]) -> None:
        """Queues log frames."""
        for call, data in pieces:
            out.queue(log(stream.number, call, data))
            self._logged += len(data)
        self._tell()

    def _tell(self) -> None:
        held = self._reading or any(stream.cutter.holds_rest for stream in self.streams)
        self._tally.output(self._logged, not held)

    def pump(self, out: Link, stream: Stream, now: float, call: int = 0) -> int:
        """Reads a stream once and queues what is complete; returns the bytes read. ``call``: whose output it is."""
        self._reading = True
        self._tell()
        self._attribute_direct(call or self.direct, out)
        data = stream.read()
        if data:
            pieces = stream.cutter.feed(data, now)
            if self.gate.read(len(data), now):
                words = b"velar: this call has printed over 64 MiB; its output is held to 4 MiB a second from here on.\n"
                out.queue(log(2, stream.cutter.call, words))
                self._logged += len(words)
            self.emit(out, stream, pieces)
        self._reading = False
        self._tell()
        return len(data)

    def _attribute_direct(self, call: int, out: Link) -> None:
        """Calls that come straight from the runtime are noticed by what they print."""
        if call == self._direct:
            return
        self._direct = call
        if call:
            self.gate.reset()
            self.attribute(call, out)
        elif not self.calls:
            self.attribute(0, out)

    def drain(self, out: Link, now: float, call: int = 0) -> None:
        """Queues everything that was printed until now. ``call``: whose it is, where that is known."""
        for stream in self.streams:
            left = stream.waiting() if stream.open else 0
            while left > 0:
                size = self.pump(out, stream, now, call)
                if not size:
                    break
                left -= size

    def attribute(self, call: int, out: Link) -> None:
        """From here on output belongs to ``call``; an unterminated line of the one before goes out."""
        for stream in self.streams:
            if stream.cutter.call != call:
                self.emit(out, stream, stream.cutter.flush())
                stream.cutter.call = call

    def flush_rest(self, out: Link) -> None:
        """Queues unterminated lines, because their call ended."""
        for stream in self.streams:
            self.emit(out, stream, stream.cutter.flush())

    def busy_pipes(self) -> bool:
        """True while what the loop listens to may change: a queue, a held flood, a closed stream."""
        return self.link.queued > 0 or self.gate.held or not all(stream.open for stream in self.streams)

    def closes_work(self, frames: List[Frame]) -> bool:
        """True when these frames answer the last call, or end the load."""
        ended = sum(1 for kind, _ in frames if kind in (private.ENDED, private.SETTLED))
        return (ended > 0 and ended >= len(self.calls)) or any(kind == private.LOADED for kind, _ in frames)

    def last_words(self, out: Link, relay: "Callable[[RunnerProcess, List[Frame], Link, float], None]") -> None:
        """After its end: queues the frames and the output that are still in the pipes."""
        now = time.monotonic()
        try:
            frames = self.link.receive()
            while frames:
                relay(self, frames, out, now)
                frames = self.link.receive()
        except FrameError:
            # User code wrote into the channel before the end; what the runner's end means is told anyway.
            frames = None
        for stream in self.streams:
            while stream.open and self.pump(out, stream, now):
                continue
        self.flush_rest(out)

    def cancel(self, call: int, reason: str, grace: float, direct: bool) -> None:
        """Asks a call to end, once; the runner ends where the call does not within the grace, in seconds."""
        if not (direct or call in self.calls) or call in self.cancels:
            return
        self.cancels.ask(call, reason, grace)
        if direct or self.calls.get(call) is Way.TOGETHER:
            self.cancels.runs(call, time.monotonic())
        elif self.head == call:
            self.cancels.first(call, time.monotonic())
        self.interrupt(call, reason)

    def interrupt(self, call: int, reason: str) -> None:
        """Tells the runner to end a call: which and why on the control pipe, then SIGINT.

        Where calls run at once the runner's main thread is free to be told by a message.
        """
        if self.calls.get(call) is Way.TOGETHER:
            self.link.queue(message({"type": "cancel", "call": call, "reason": reason}))
            return
        try:
            os.write(self._control, private.CANCEL.pack(call, private.REASONS.index(reason)))
            os.kill(self.pid, signal.SIGINT)
        except (ProcessLookupError, BrokenPipeError, BlockingIOError):
            return

    def kill(self, reason: Optional[str]) -> None:
        """SIGKILL to everything the runner started. ``reason`` is why, if the supervisor wants it."""
        if self.killed_for is None:
            self.killed_for = reason
        kill_tree(self.pid)

    def oom_killed(self) -> bool:
        """True when the control group counted a kill for memory since the runner started."""
        return oom_kills() > self._oom_before

    def fault_report(self) -> str:
        """What faulthandler wrote."""
        try:
            return os.read(self._faults, 65536).decode("utf-8", "replace")
        except BlockingIOError:
            return ""

    def close(self) -> None:
        """Closes the supervisor's ends."""
        self.link.sock.close()
        for fd in [stream.fd for stream in self.streams] + [self._control, self._faults]:
            os.close(fd)


def start(
    load: int,
    root: str,
    file: str,
    hooks: bool,
    env: Dict[str, str],
    in_child: Callable[[], None],
    direct: Optional[socket.socket],
    nursery: Optional[Nursery] = None,
    debug: Optional[Dict[str, Any]] = None,
) -> RunnerProcess:
    """Forks a runner, from ``nursery`` if given and possible.

    ``in_child`` lets go, in the child, of what belongs to the supervisor. ``direct`` leads straight to the runtime; it
    becomes the runner's.
    """
    tally, page = Tally.shared() if nursery is not None else (Tally(), -1)
    ours, theirs = socket.socketpair()
    control_read, control_write = os.pipe()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    fault_read, fault_write = os.pipe()
    key = secrets.token_hex(private.MARK_KEY_BYTES // 2).encode("ascii")
    setup = Setup(load, root, file, hooks, key, debug=debug)
    if nursery is not None:
        line = [] if direct is None else [direct.fileno()]
        fds = [theirs.fileno(), control_read, out_write, err_write, fault_write, page, *line]
        pid = nursery.use(setup, fds, env)
        os.close(page)
    else:
        pid = os.fork()
        if pid == 0:
            in_child()
            ends = Ends(theirs.detach(), control_read, out_write, err_write, fault_write, _detached(direct))
            become_runner(setup, ends, tally, env)
    theirs.close()
    if direct is not None:
        direct.close()
    for fd in (control_read, out_write, err_write, fault_write):
        os.close(fd)
    for fd in (control_write, out_read, err_read, fault_read):
        os.set_blocking(fd, False)
    for fd in (out_read, err_read):
        _widen(fd)
    streams = [Stream(1, out_read, key), Stream(2, err_read, key)]
    process = RunnerProcess(load, pid or 0, root, Link(ours), control_write, streams, fault_read, tally)
    if pid is not None:
        return process
    # Whatever came of that fork finds its channel closed, and ends.
    process.close()
    return start(load, root, file, hooks, env, in_child, None, None, debug)


def _detached(sock: Optional[socket.socket]) -> Optional[int]:
    return None if sock is None else sock.detach()


def _widen(fd: int) -> None:
    """A larger pipe lets a printer run ahead; the default serves where that isn't allowed."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", 1031)
    try:
        fcntl.fcntl(fd, set_size, _PIPE_BYTES)
    except OSError:
        return
