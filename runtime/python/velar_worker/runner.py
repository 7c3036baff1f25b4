"""The runner: a child of the supervisor that holds the user's module and executes calls in its main thread."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections import deque
from types import GeneratorType
from typing import Any, Deque, Dict, Iterable, NamedTuple, Optional, Sequence, Set, Tuple

from velar import _caller, _interrupts, _phase
from velar._channel import Channel, Frame
from velar._framing import cut, dumps, frame, message, parse_message, raw_message
from velar.exception import Interrupted

from . import errors, faults, functions, gpu_memory, importing, memory, model_load, packages, private, process_tree, results
from .debugging import Debugger
from .functions import CallError, Functions
from .output_pipes import OutputPipes
from .phases import ModelLoads, Scope
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


class _Encoded(NamedTuple):
    ok: bool
    data: bytes


class Runner:
    """Executes calls one after another. ``channel`` leads to the supervisor, ``control`` tells of cancels.

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
        self._loads, self._models = model_load.prepared or (ModelLoads(), None)
        self._loads.connect(self._report_load, self._tell_peak)
        #: Modules that the supervisor knows of, and how many there were when it was told.
        self._seen: Set[str] = set(setup.imported)
        self._modules = 0
        self._oom_kills = memory.oom_kills()
        self._torch = TorchSampler(self._report_memory)
        self._functions: Optional[Functions] = None
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
            if kind == "call":
                self._single(header, body)
                self._tell_modules()
            elif kind == "calls":
                self._batch(header, body)
                self._tell_modules()
            elif kind == "stop":
                return self._stop()

    def _load(self) -> bool:
        load = self._setup.load
        error = None if self._setup.debug is None else self._debugger.wait(self._setup.debug)
        self._phase(None, "imports", "started", None, packages.imported_before(self._setup.imported))
        start = time.perf_counter()
        scope = self._loads.open(None)
        try:
            if self._setup.hooks and self._models is None:
                self._models = model_load.install(self._loads)
            if error is None:
                module = importing.load(self._setup.root, self._setup.file)
                self._functions = Functions(module, self._loads)
        except BaseException as raised:
            error = errors.from_exception(raised, self._setup.root)
        model_ms = self._loads.close(scope)
        ms = (time.perf_counter() - start) * 1000.0 - model_ms
        self._flush()
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
        hooks = self._functions.exit_hooks() if self._functions is not None else []
        code = 0
        for hook in hooks:
            try:
                hook()
            except BaseException as raised:
                code = 1
                sys.stderr.write(str(errors.from_exception(raised, self._setup.root)["text"]))
        return code

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
        output = header.get("output", "mime")
        stream = number if header.get("stream") else None
        outcome, ms, model_ms = self._execute(number, header, body, output, stream)
        timing = (number, attempt, max(ms, 0.0))
        # Put together by hand: this is the path of every warm call.
        if outcome.ok:
            head = b'{"type":"result","call":%d,"attempt":%d,"ms":%.3f,"modelLoadMs":%.3f,"format":"%s"' % (
                *timing,
                max(model_ms, 0.0),
                output.encode("ascii"),
            )
            answer = outcome.data
        else:
            head = b'{"type":"error","call":%d,"attempt":%d,"ms":%.3f,"error":%s' % (*timing, outcome.data)
            answer = b""
        if direct and ms < _LONG_MS and self._channel.sent == sent and self._interrupted is None:
            if self._answer(head, answer):
                return
        head += b"}"
        size = len(head).to_bytes(4, "big")
        self._channel.send(frame(private.ENDED, private.CALL.pack(number), size, head, answer))

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
        self._print_mark(items[0]["call"])
        for at, (item, data) in enumerate(zip(items, cut(body, [item["size"] for item in items]))):
            number = item["call"]
            outcome, ms, _ = self._execute(number, header, data, output, None)
            self._print_mark(items[at + 1]["call"] if at + 1 < len(items) else 0)
            head = private.SETTLED_HEAD.pack(number, item.get("attempt", 1), outcome.ok, ms)
            self._channel.send(frame(private.SETTLED, head, outcome.data))

    def _execute(
        self, number: int, header: Dict[str, Any], data: memoryview, output: str, stream: Optional[int]
    ) -> Tuple[_Encoded, float, float]:
        """One call: what to answer, milliseconds running, milliseconds loading models."""
        scope = self._loads.open(number)
        gpu_memory.restart_peaks()
        self._torch.call_started()
        start = time.perf_counter()
        value: Any = None
        raised: Optional[BaseException] = None
        _interrupts.enter()
        try:
            told = self._cancelled.pop(number, None)
            self._call, self._interrupted = number, "cancelled" if self._tally.stopping else told
            try:
                if self._interrupted is not None:
                    raise Interrupted(self._interrupted)
                _interrupts.lift()
                value = self._invoke(header, data, output, stream)
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
        self._flush()
        total = (time.perf_counter() - start) * 1000.0
        answer = value if raised is None and self._interrupted is None else self._failure(raised)
        self._torch.call_ended()
        model_ms = self._loads.close(scope)
        return answer, total - model_ms, model_ms

    def _invoke(self, header: Dict[str, Any], data: memoryview, output: str, stream: Optional[int]) -> _Encoded:
        assert self._functions is not None
        constructor, args, kwargs = functions.decode(header.get("input", "json"), data, bool(header.get("instance")))
        function = self._functions.get(header["function"], constructor)
        value = functions.invoke(function, args, kwargs)
        if isinstance(value, GeneratorType):
            if stream is None:
                value = list(value)
            else:
                count = self._yield_all(stream, value, output)
                done = {"value": None, "yielded": count}
                return _Encoded(True, dumps(done) if output == "mime" else pickle.dumps(None, 4))
        return _encode(value, output)

    def _yield_all(self, number: int, items: Iterable[Any], output: str) -> int:
        index = 0
        for item in items:
            encoded = _encode(item, output)
            if not encoded.ok:
                raise CallError("ResultTooLarge", "Item %d of the generator can't be sent." % index)
            self._flush()
            header = {"type": "yield", "call": number, "index": index, "format": output}
            self._channel.send(frame(private.AFTER_OUTPUT, message(header, encoded.data)[5:]))
            index += 1
        return index

    def _failure(self, raised: Optional[BaseException]) -> _Encoded:
        reason = self._interrupted
        if reason is not None:
            words = "ran longer than its timeout" if reason == "timeout" else "was cancelled"
            type_name = "FunctionTimeout" if reason == "timeout" else "Cancelled"
            wire = errors.make(reason, type_name, "The call %s." % words)
            if raised is not None:
                told = errors.from_exception(raised, self._setup.root)
                wire["traceback"], wire["text"] = told["traceback"], told["text"]
        elif isinstance(raised, CallError):
            wire = errors.make("user", raised.type_name, str(raised))
        else:
            assert raised is not None
            wire = errors.from_exception(raised, self._setup.root)
            self._explain(wire)
        return _Encoded(False, dumps(wire))

    def _explain(self, wire: errors.Wire) -> None:
        """What memory has to do with an error."""
        kills = memory.oom_kills()
        killed, self._oom_kills = kills > self._oom_kills, kills
        if wire["kind"] == "gpu-oom":
            held = [] if self._models is None else self._models.held
            gpu_memory.explain(wire, [str(model) for model in held])
            if self._models is not None and self._models.drop_unused():
                wire["hint"] += " Models that this call did not use have been let go."
        elif killed:
            wire["hint"] = "Meanwhile %s %s" % (faults.CHILD_KILLED, faults.memory_advice())
            if faults.tells_of_a_dead_child(wire):
                wire["kind"] = "oom"

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
        phases = [private.PHASES.index(phase) for phase in (over, begins)]
        peak = process_tree.peak_bytes(os.getpid())
        process_tree.reset_peak(os.getpid())
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

    def _flush(self) -> None:
        """Empties the buffers of ``sys.stdout`` and ``sys.stderr``, which user code may have replaced or closed."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                continue

    def _print_mark(self, number: int) -> None:
        """Tells the supervisor, in the output itself, that what follows belongs to another call of the batch."""
        mark = private.mark(self._setup.mark_key, number)
        for fd in (1, 2):
            try:
                os.write(fd, mark)
            except OSError:
                # User code closed it; then nothing can be printed there either.
                continue

    def _in_fork(self) -> None:
        """In a process that user code forked: it is no runner, and Ctrl-C is Ctrl-C again."""
        _interrupts.adopt_main_thread()
        _caller.connect(None)
        if self._models is not None:
            self._models.forked()
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _encode(value: Any, output: str) -> _Encoded:
    """A value as the body of a result, or the error that it can't be one."""
    if output == "mime":
        data = results.encode(value)
    else:
        try:
            data = pickle.dumps(value, 4)
        except Exception as cause:
            raise CallError(
                "ResultNotSerializable",
                "The result, a %s, can't be sent: %s. Return plain data." % (type(value).__name__, cause),
            ) from cause
    if len(data) > results.MAX_BYTES:
        raise CallError(
            "ResultTooLarge",
            "The result takes %d MiB, over the limit of 64 MiB; write it to a Volume or a file and return the path."
            % (len(data) >> 20),
        )
    return _Encoded(True, data)


def _ms(value: float) -> float:
    return round(value if value > 0 else 0.0, 3)
