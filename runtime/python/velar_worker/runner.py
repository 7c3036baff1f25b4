"""The runner: a child of the supervisor that holds the user's module and executes calls.

One call at a time runs in the main thread. Where a function takes several at once, they are its crew's.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from typing import Any, Deque, Dict, NamedTuple, Optional, Sequence, Set, Tuple

from velar import _caller, _interrupts, _phase
from velar._channel import Channel, Frame
from velar._framing import cut, dumps, frame, message, parse_message, raw_message
from velar.exception import Interrupted

from . import errors, gpu_memory, importing, model_load, packages, private, process_tree
from .answers import Answers, Encoded, Work
from .call_peaks import CallPeaks
from .crew import Crew, Ended
from .debugging import Debugger
from .functions import Functions
from .output_pipes import OutputPipes
from .phases import ModelLoads, Scope
from .printing import Printing
from .tally import Tally, execution
from .torch_memory import TorchSampler


#: Results of calls that took longer go through the supervisor, which has begun to look at their memory, in ms.
_LONG_MS = 15.0
#: How many calls that came straight from the runtime are remembered, in case it sends one again.
_REMEMBERED = 1024


class Setup(NamedTuple):
    """What a new runner is told: its number, the bundle's directory and file, and how to start."""

    load: int
    root: str
    file: str
    hooks: bool
    mark_key: bytes
    #: Packaged modules that were imported before.
    imported: Sequence[str] = ()
    #: What debugging needs, where a client is to be waited for before the import.
    debug: Optional[Dict[str, Any]] = None


class Runner:
    """Executes calls. ``channel`` leads to the supervisor, ``control`` tells of cancels.

    Where ``channel`` is joined by a socket of the runtime, single calls come over that, and short ones are answered
    there: the supervisor is not woken for them.
    """

    def __init__(self, setup: Setup, channel: Channel, control: int, tally: Tally, pipes: OutputPipes) -> None:
        self._setup = setup
        self._channel = channel
        self._control = control
        self._tally = tally
        self._pipes = pipes
        #: Executions of calls that came straight from the runtime, the latest ones.
        self._taken: Deque[int] = deque(maxlen=_REMEMBERED)
        self._queue: Deque[Frame] = deque()
        self._caller = _caller.Caller(channel, self._queue.append)
        self._loads, models = model_load.prepared or (ModelLoads(), None)
        self._loads.connect(self._report_load, self._tell_peak)
        self._printing = Printing(setup.mark_key, lambda: self._loads.call)
        self._answers = Answers(setup.root, channel, self._printing)
        self._answers.models = models
        #: Modules that the supervisor knows of, and how many there were when it was told.
        self._seen: Set[str] = set(setup.imported)
        self._modules = 0
        self._torch = TorchSampler(self._report_memory)
        self._peaks = CallPeaks()
        self._crew = Crew(self._answers, self._loads, self._printing, self._torch)
        self._debugger = Debugger(setup.load, setup.root, lambda header: channel.send(message(header)))
        #: The call whose function is executing, which a cancel may interrupt.
        self._call: Optional[int] = None
        self._interrupted: Optional[str] = None
        self._cancelled: Dict[int, str] = {}

    def run(self) -> int:
        """Imports the module, then serves until told to stop. Returns the exit code."""
        _caller.connect(self._caller)
        _phase.recorder = self._loads.span
        signal.signal(signal.SIGINT, self._on_interrupt)
        os.register_at_fork(after_in_child=self._in_fork)
        if not self._load():
            return 1
        while True:
            queue = self._queue
            self._caller.wait(lambda: bool(queue))
            header, body = parse_message(queue.popleft()[1])
            kind = header["type"]
            if "debug" in header:
                self._debugger.before(header)
            if kind in ("call", "calls"):
                if header.get("concurrent", 1) > 1:
                    self._together(header, body)
                else:
                    self._alone(header, body)
                self._tell_modules()
            elif kind == "cancel":
                self._crew.cancel(header["call"], header["reason"])
                self._caller.wake()
            elif kind == "stop":
                return self._stop()

    def _load(self) -> bool:
        load = self._setup.load
        error = None if self._setup.debug is None else self._debugger.wait(self._setup.debug)
        self._phase(None, "imports", "started", None, packages.imported_before(self._setup.imported))
        start = time.perf_counter()
        scope = self._loads.open(None)
        try:
            if self._setup.hooks and self._answers.models is None:
                self._answers.models = model_load.install(self._loads)
            if error is None:
                module = importing.load(self._setup.root, self._setup.file)
                self._answers.functions = Functions(module, self._loads)
        except BaseException as raised:
            error = errors.from_exception(raised, self._setup.root)
            self._answers.show_frames(None, raised, error)
        model_ms = self._loads.close(scope)
        ms = (time.perf_counter() - start) * 1000.0 - model_ms
        self._printing.flush()
        if error is not None:
            self._debugger.all_told()
        self._phase(None, "imports", "done" if error is None else "failed", ms)
        header: Dict[str, Any] = (
            {"type": "loaded", "load": load, "ms": _ms(ms)}
            if error is None
            else {"type": "load-failed", "load": load, "error": error}
        )
        self._channel.send(frame(private.LOADED, b"\1" if error is None else b"\0", message(header)[5:]))
        self._tell_modules()
        return error is None

    def _tell_modules(self) -> None:
        """Tells the supervisor of packages that were imported since it was told, for the next runner."""
        if len(sys.modules) != self._modules:
            self._modules = len(sys.modules)
            self._channel.send(frame(private.MODULES, dumps(packages.modules(self._seen))))
            self._seen.update(sys.modules)

    def _stop(self) -> int:
        self._caller.reader = None
        self._crew.close()
        functions = self._answers.functions
        hooks = functions.exit_hooks() if functions is not None else []
        code = 0
        for hook in hooks:
            try:
                hook()
            except BaseException as raised:
                code = 1
                sys.stderr.write(str(errors.from_exception(raised, self._setup.root)["text"]))
        return code

    def _alone(self, header: Dict[str, Any], body: memoryview) -> None:
        """Calls that run in the main thread, where any thread may read the channel meanwhile."""
        self._caller.reader = None
        self._printing.own()
        if header["type"] == "call":
            self._single(header, body)
        else:
            self._batch(header, body)

    def _together(self, header: Dict[str, Any], body: memoryview) -> None:
        """Calls that run at once. The main thread stays free to read, so that they can be told to end."""
        self._caller.reader = threading.get_ident()
        self._printing.share()
        limit = int(header["concurrent"])
        if header["type"] == "call":
            work = _work(header, body)
            attempt = int(header.get("attempt", 1))
            self._crew.take(work, limit, lambda ended: self._send_ended(work.number, *_told(work, attempt, ended)))
            return
        for item, data in zip(header["items"], cut(body, [item["size"] for item in header["items"]])):
            self._take_item(item, Work(item["call"], header, data, header.get("output", "pickle"), False), limit)

    def _take_item(self, item: Dict[str, Any], work: Work, limit: int) -> None:
        # The memory of calls that run at once is not told apart.
        self._crew.take(work, limit, lambda ended: self._send_settled(item, ended, 0))

    def _single(self, header: Dict[str, Any], body: memoryview) -> None:
        number, attempt = int(header["call"]), int(header.get("attempt", 1))
        direct = header.get("direct") is True
        if direct:
            self._taken.append(execution(number, attempt))
            self._tally.begin(number, attempt)
        elif header.get("again") is True and execution(number, attempt) in self._taken:
            self._channel.send(frame(private.ANSWERED, private.CALL.pack(number)))
            return
        sent = self._channel.sent
        work = _work(header, body)
        ended = self._execute(work)
        head, answer = _told(work, attempt, ended)
        if direct and ended.ms < _LONG_MS and self._channel.sent == sent and self._interrupted is None:
            if self._answer(head, answer):
                return
        self._send_ended(number, head, answer)

    def _send_ended(self, number: int, head: bytes, answer: bytes) -> None:
        head += b"}"
        size = len(head).to_bytes(4, "big")
        self._channel.send(frame(private.ENDED, private.CALL.pack(number), size, head, answer))

    def _send_settled(self, item: Dict[str, Any], ended: Ended, peak: int) -> None:
        head = private.SETTLED_HEAD.pack(item["call"], item.get("attempt", 1), ended.answer.ok, ended.ms, peak)
        self._channel.send(frame(private.SETTLED, head, ended.answer.data))

    def _answer(self, head: bytes, answer: bytes) -> bool:
        """Answers past the supervisor. False when that may still hold something that goes first."""
        if not self._channel.joined or not self._pipes.empty():
            return False
        logged = self._tally.logged
        if logged is None:
            return False
        self._tally.end()
        return self._channel.answer(raw_message(b'%s,"logged":%d}' % (head, logged), answer))

    def _batch(self, header: Dict[str, Any], body: memoryview) -> None:
        items = header["items"]
        output = header.get("output", "pickle")
        self._printing.mark(items[0]["call"])
        self._peaks.batch()
        for at, (item, data) in enumerate(zip(items, cut(body, [item["size"] for item in items]))):
            self._peaks.begin()
            ended = self._execute(Work(item["call"], header, data, output, False))
            peak = self._peaks.end(ended.ms + ended.model_ms)
            self._printing.mark(items[at + 1]["call"] if at + 1 < len(items) else 0)
            self._send_settled(item, ended, peak)

    def _execute(self, work: Work) -> Ended:
        """One call in the main thread."""
        number = work.number
        scope = self._loads.open(number)
        gpu_memory.restart_peaks()
        self._torch.call_started()
        start = time.perf_counter()
        value: Optional[Encoded] = None
        raised: Optional[BaseException] = None
        _interrupts.enter()
        try:
            told = self._cancelled.pop(number, None)
            self._call, self._interrupted = number, "cancelled" if self._tally.stopping else told
            try:
                if self._interrupted is not None:
                    raise Interrupted(self._interrupted)
                _interrupts.lift()
                value = self._answers.value(work)
                _interrupts.reset(1)
            except BaseException as error:
                # A call is interrupted once at most, so nothing raises from here on.
                raised = error
                _interrupts.reset(1)
            self._call = None
            # Drops an interrupt that came too late to raise; the call counts as cancelled all the same.
            _interrupts.reset(1)
        finally:
            _interrupts.leave()
        self._printing.flush()
        self._debugger.all_told()
        total = (time.perf_counter() - start) * 1000.0
        reason = self._interrupted
        answer = value if value is not None and reason is None else self._answers.failure(raised, reason, work)
        self._torch.call_ended()
        model_ms = self._loads.close(scope)
        return Ended(answer, total - model_ms, model_ms)

    def _on_interrupt(self, _signal: int, _frame: Any) -> None:
        """SIGINT: the control pipe says which calls are meant. With nothing there it is a plain Ctrl-C."""
        told = False
        while True:
            try:
                data = os.read(self._control, private.CANCEL.size)
            except BlockingIOError:
                break
            if len(data) < private.CANCEL.size:
                break
            told = True
            number, code = private.CANCEL.unpack(data)
            self._debugger.go_on()
            if number == 0:
                continue
            if number != self._call:
                self._cancelled[number] = private.REASONS[code]
            elif self._interrupted is None:
                self._interrupted = private.REASONS[code]
                _interrupts.interrupt(Interrupted(self._interrupted))
        if not told and self._call is not None:
            _interrupts.interrupt(KeyboardInterrupt())

    def _report_load(self, scope: Scope, status: str, ms: float, detail: Optional[str]) -> None:
        self._torch.call_started()
        self._phase(scope.call, "model-load", status, ms, detail)

    def _tell_peak(self, scope: Scope, over: str, begins: str) -> None:
        if self._crew.busy:
            # The memory of calls that run at once is not told apart.
            return
        phases = [private.PHASES.index(phase) for phase in (over, begins)]
        peak = process_tree.peak_bytes(os.getpid())
        if process_tree.reset_peak(os.getpid()):
            self._peaks.restarted(peak)
        self._channel.send(frame(private.PEAK, private.PEAK_HEAD.pack(scope.call or 0, *phases, peak)))

    def _report_memory(self, sample: Dict[str, Any]) -> None:
        scope = self._loads.scope
        self._channel.send(message({"type": "memory", "call": scope.call, "phase": scope.phase, **sample}))

    def _phase(
        self, call: Optional[int], name: str, status: str, ms: Optional[float] = None, detail: Optional[str] = None
    ) -> None:
        header: Dict[str, Any] = {
            "type": "phase",
            "load": self._setup.load if call is None else None,
            "call": call,
            "phase": name,
            "status": status,
        }
        if ms is not None:
            header["ms"] = _ms(ms)
        if detail is not None:
            header["detail"] = detail
        self._channel.send(message(header))

    def _in_fork(self) -> None:
        """In a process that user code forked: it is no runner, and Ctrl-C is Ctrl-C again."""
        _interrupts.adopt_main_thread()
        _caller.connect(None)
        self._printing.own()
        if self._answers.models is not None:
            self._answers.models.forked()
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _work(header: Dict[str, Any], body: memoryview) -> Work:
    """A call that came alone."""
    return Work(int(header["call"]), header, body, header.get("output", "mime"), bool(header.get("stream")))


def _told(work: Work, attempt: int, ended: Ended) -> Tuple[bytes, bytes]:
    """The message that answers a call, without its last brace, and its body."""
    timing = (work.number, attempt, max(ended.ms, 0.0))
    ok, data = ended.answer
    # Put together by hand: this is the path of every warm call.
    if not ok:
        return b'{"type":"error","call":%d,"attempt":%d,"ms":%.3f,"error":%s' % (*timing, data), b""
    head = b'{"type":"result","call":%d,"attempt":%d,"ms":%.3f,"modelLoadMs":%.3f,"format":"%s"' % (
        *timing,
        max(ended.model_ms, 0.0),
        work.output.encode("ascii"),
    )
    return head, data


def _ms(value: float) -> float:
    return round(value if value > 0 else 0.0, 3)
