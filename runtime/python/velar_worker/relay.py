"""From a runner's frames to the runtime's: output first, results of a batch together."""

from __future__ import annotations

import json
from typing import List

from velar._channel import Frame
from velar._framing import MAX_FRAME_BYTES, MESSAGE, FrameError, frame, message, raw_message

from . import private
from .link import Link
from .runner_process import RunnerProcess, Way

#: Results of one frame to the runtime, in bytes, unless one alone is larger.
_BATCH_BYTES = 4 * 1024 * 1024


class _Settled:
    """Ended calls of a batch that go to the runtime in one frame."""

    def __init__(self) -> None:
        self.items: List[bytes] = []
        self.bodies: List[memoryview] = []
        self.size = 0

    def add(self, payload: bytes) -> int:
        """Takes one ended call; returns its number."""
        call, attempt, ok, ms, peak = private.SETTLED_HEAD.unpack_from(payload)
        data = memoryview(payload)[private.SETTLED_HEAD.size :]
        known = b',"peakBytes":%d' % peak if peak else b""
        if ok:
            self.items.append(
                b'{"call":%d,"attempt":%d,"ms":%.3f,"size":%d,"ok":true%s}'
                % (call, attempt, max(ms, 0.0), len(data), known)
            )
            self.bodies.append(data)
            self.size += len(data)
        else:
            self.items.append(
                b'{"call":%d,"attempt":%d,"ms":%.3f,"size":0,"ok":false,"error":%s%s}'
                % (call, attempt, max(ms, 0.0), bytes(data), known)
            )
            self.size += len(data)
        return int(call)

    def send(self, out: Link) -> None:
        """Queues what was added."""
        if self.items:
            header = b'{"type":"results","items":[' + b",".join(self.items) + b"]}"
            out.queue(raw_message(header, b"".join(self.bodies)))
            self.items, self.bodies, self.size = [], [], 0


def relay(runner: RunnerProcess, frames: List[Frame], out: Link, now: float) -> None:
    """Queues what a runner sent. Raises ``FrameError`` for a frame that no runner sends."""
    if any(kind != MESSAGE for kind, _ in frames):
        # The runner may have begun another call by now.
        runner.drain(out, now, _told_end(frames, runner))
    settled = _Settled()
    for kind, payload in frames:
        if kind == private.SETTLED:
            if settled.size + len(payload) > min(_BATCH_BYTES, MAX_FRAME_BYTES):
                settled.send(out)
            _end(runner, settled.add(payload), out, now)
            continue
        settled.send(out)
        if kind == MESSAGE:
            out.queue(frame(MESSAGE, payload))
        elif kind == private.PEAK:
            _peak(runner, payload, out)
        elif kind == private.MODULES:
            runner.modules = (runner.modules or []) + json.loads(payload.decode("utf-8"))
        elif kind == private.AFTER_OUTPUT:
            runner.flush_rest(out)
            out.queue(frame(MESSAGE, payload))
        elif kind == private.ENDED:
            (call,) = private.CALL.unpack_from(payload)
            runner.flush_rest(out)
            out.queue(frame(MESSAGE, memoryview(payload)[private.CALL.size :]))
            # The answer leaves before the bookkeeping is done.
            out.flush()
            _end(runner, call, out, now)
        elif kind == private.ANSWERED:
            _end(runner, *private.CALL.unpack_from(payload), out, now)
        elif kind == private.LOADED:
            runner.flush_rest(out)
            runner.loaded = payload[:1] == b"\1"
            runner.load_failed = not runner.loaded
            out.queue(frame(MESSAGE, memoryview(payload)[1:]))
            follow(runner, out, now)
        else:
            raise FrameError("type %d" % kind)
    settled.send(out)


def _peak(runner: RunnerProcess, payload: bytes, out: Link) -> None:
    call, over, begins, peak = private.PEAK_HEAD.unpack_from(payload)
    sample = runner.memory.changed(call or None, private.PHASES[over], peak, private.PHASES[begins])
    if sample is not None:
        out.queue(message(sample))


def _told_end(frames: List[Frame], runner: RunnerProcess) -> int:
    """The first call that these frames end and that came straight from the runtime; 0 for none."""
    for kind, payload in frames:
        if kind == private.ENDED:
            (call,) = private.CALL.unpack_from(payload)
            return 0 if call in runner.calls else int(call)
    return 0


def _end(runner: RunnerProcess, call: int, out: Link, now: float) -> None:
    """Notes that a call is answered, after its last output; the next in line becomes the executing one."""
    runner.calls.pop(call, None)
    runner.ended(call)
    runner.gate.reset()
    if not runner.stopping:
        runner.cancels.kill_at = None
    follow(runner, out, now)


def follow(runner: RunnerProcess, out: Link, now: float) -> None:
    """Output and the grace of a cancel go to the call that is first in line now. Others mark their output themselves."""
    head = runner.head
    if head is None or not runner.loaded:
        runner.attribute(0, out)
        return
    way = runner.calls[head]
    if way is Way.ALONE:
        runner.attribute(head, out)
    if way is not Way.TOGETHER:
        runner.cancels.first(head, now)


