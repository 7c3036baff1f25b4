"""Calls that one runner works on at once: those of sync functions in threads, those of async ones on one event loop.

Who is told to end is told so: a thread gets an exception where it executes Python, a task is cancelled. One that waits
in native code doesn't notice; then the supervisor ends the runner after the call's grace.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from typing import Callable, Deque, Dict, NamedTuple, Optional

from velar import _interrupts
from velar.exception import Interrupted

from . import gpu_memory
from .answers import Answers, Encoded, Work
from .phases import ModelLoads, Scope
from .printing import Printing
from .torch_memory import TorchSampler


class TimedOut(Interrupted):
    """What a thread gets whose call's timeout is over."""

    def __init__(self, reason: str = "timeout") -> None:
        super().__init__(reason)


class Ended(NamedTuple):
    """How a call ended, with milliseconds running and loading models."""

    answer: Encoded
    ms: float
    model_ms: float


class _Call:
    def __init__(self, work: Work, finish: Callable[[Ended], None]) -> None:
        self.work = work
        self.finish = finish
        #: Why it is to end.
        self.reason: Optional[str] = None
        self.thread: Optional[int] = None
        self.task: "Optional[asyncio.Task[None]]" = None
        self.begun = False


class Crew:
    """The calls of one runner that run at once, and those that wait for their turn.

    Calls come and are cancelled in the main thread only; ``finish`` of a call is called in the thread that ran it.
    """

    def __init__(self, answers: Answers, loads: ModelLoads, printing: Printing, torch: TorchSampler) -> None:
        self._answers = answers
        self._loads = loads
        self._printing = printing
        self._torch = torch
        self._changed = threading.Condition()
        self._waiting: Deque[_Call] = deque()
        self._active: Dict[int, _Call] = {}
        self._limit = 1
        self._ready: "queue.SimpleQueue[_Call]" = queue.SimpleQueue()
        self._threads = 0
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    def take(self, work: Work, limit: int, finish: Callable[[Ended], None]) -> None:
        """Begins a call as soon as fewer than ``limit`` are running."""
        with self._changed:
            self._limit = limit
            self._waiting.append(_Call(work, finish))
            self._fill()

    def cancel(self, number: int, reason: str) -> None:
        """Tells a call to end. One that has not begun ends at once."""
        with self._changed:
            call = self._active.get(number)
            waits = next((each for each in self._waiting if each.work.number == number), None)
            if waits is not None:
                self._waiting.remove(waits)
        if waits is not None:
            waits.finish(Ended(self._answers.failure(None, reason, waits.work), 0.0, 0.0))
        elif call is not None and call.reason is None:
            call.reason = reason
            if call.thread is not None:
                _interrupts.interrupt_thread(call.thread, TimedOut if reason == "timeout" else Interrupted)
            elif call.task is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(call.task.cancel)

    @property
    def busy(self) -> bool:
        """True while a call is running."""
        return bool(self._active)

    def close(self) -> None:
        """Waits until no call is running."""
        with self._changed:
            while self._active:
                self._changed.wait()

    def _fill(self) -> None:
        while self._waiting and len(self._active) < self._limit:
            call = self._waiting.popleft()
            if not self._active:
                gpu_memory.restart_peaks()
            self._active[call.work.number] = call
            self._torch.call_started()
            if self._answers.is_async(call.work):
                self._on_loop(call)
                continue
            self._ready.put(call)
            if self._threads < len(self._active):
                self._threads += 1
                threading.Thread(target=self._serve, name="velar-call-%d" % self._threads, daemon=True).start()

    # In a thread of its own.

    def _serve(self) -> None:
        while True:
            call = self._ready.get()
            scope = self._loads.open(call.work.number)
            start = time.perf_counter()
            value: Optional[Encoded] = None
            raised: Optional[BaseException] = None
            _interrupts.guard()
            try:
                try:
                    call.thread = threading.get_ident()
                    if call.reason is not None:
                        raise Interrupted(call.reason)
                    value = self._answers.value(call.work)
                except BaseException as error:
                    raised = error
                _interrupts.unguard()
            except Interrupted:
                # It came when the call was over. No second one comes.
                _interrupts.unguard()
            self._end(call, scope, value, raised, start)

    # On the event loop.

    def _on_loop(self, call: _Call) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._run_loop, args=(self._loop,), name="velar-loop", daemon=True).start()
        self._loop.call_soon_threadsafe(self._begin_task, self._loop, call)

    def _begin_task(self, loop: asyncio.AbstractEventLoop, call: _Call) -> None:
        call.task = loop.create_task(self._perform(call))

    def _run_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        while True:
            try:
                loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                # A task that a call left behind raised it; the others go on.
                continue

    async def _perform(self, call: _Call) -> None:
        scope = self._loads.open(call.work.number)
        start = time.perf_counter()
        value: Optional[Encoded] = None
        raised: Optional[BaseException] = None
        try:
            if call.reason is not None:
                raise Interrupted(call.reason)
            value = await self._answers.awaited(call.work)
        except BaseException as error:
            raised = error
        self._end(call, scope, value, raised, start)

    def _end(
        self, call: _Call, scope: Scope, value: Optional[Encoded], raised: Optional[BaseException], start: float
    ) -> None:
        self._printing.flush()
        model_ms = self._loads.close(scope)
        total = (time.perf_counter() - start) * 1000.0
        answer = value if value is not None and call.reason is None else self._answers.failure(raised, call.reason, call.work)
        call.finish(Ended(answer, total - model_ms, model_ms))
        with self._changed:
            del self._active[call.work.number]
            if not self._active:
                self._torch.call_ended()
            self._fill()
            self._changed.notify_all()
