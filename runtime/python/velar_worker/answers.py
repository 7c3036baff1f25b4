"""What a call answers: its value as the body of a result, or what it raised as an error."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import pickle
import time
from types import GeneratorType
from typing import Any, AsyncIterable, Callable, Dict, Iterable, NamedTuple, Optional

from velar._channel import Channel
from velar._framing import dumps, frame, message

from . import brief, errors, faults, functions, gpu_memory, memory, post_mortem, private, results
from .functions import CallError, Functions
from .model_cache import ModelCache
from .printing import Printing


class Encoded(NamedTuple):
    """A result's bytes, or an error's JSON where ``ok`` is False."""

    ok: bool
    data: bytes


class Work(NamedTuple):
    """One call as it was asked for. ``stream``: its items are wanted as they are made."""

    number: int
    header: Dict[str, Any]
    data: memoryview
    output: str
    stream: bool


class Allowance:
    """Time that may be spent on something: a share of all time, and so many seconds of it at once."""

    def __init__(self, share: float, at_once: float) -> None:
        self._share = share
        self._at_once = at_once
        self._spent = 0.0
        self._since = self._began = time.monotonic()

    def left(self) -> bool:
        now = time.monotonic()
        self._spent = max(0.0, self._spent - self._share * (now - self._since))
        self._since = now
        return self._spent < self._at_once

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._spent += time.monotonic() - self._began


class Answers:
    """Executes the functions of one runner."""

    def __init__(self, root: str, channel: Channel, printing: Printing) -> None:
        self._root = root
        self._channel = channel
        self._printing = printing
        self._oom_kills = memory.oom_kills()
        self._frames = Allowance(share=0.02, at_once=0.5)
        self.functions: Optional[Functions] = None
        self.models: Optional[ModelCache] = None

    def value(self, work: Work) -> Encoded:
        """Calls the function in this thread. Raises what it raises, and :class:`CallError`."""
        value = functions.settle(self._bound(work)())
        if isinstance(value, GeneratorType):
            if not work.stream:
                return _encode(list(value), work.output)
            return _yielded(self._yield_all(work, value), work.output)
        return _encode(value, work.output)

    async def awaited(self, work: Work) -> Encoded:
        """As :meth:`value`, on the event loop of this thread."""
        loop = asyncio.get_running_loop()
        # Making an object may take long, or need a loop of its own.
        context = contextvars.copy_context()
        value = (await loop.run_in_executor(None, context.run, self._bound, work))()
        if inspect.isawaitable(value):
            value = await value
        if inspect.isasyncgen(value):
            return await self._awaited_items(work, value)
        return _encode(value, work.output)

    def failure(self, raised: Optional[BaseException], reason: Optional[str], work: Work) -> Encoded:
        """The error of a call that raised, or was told to end for ``reason``."""
        if reason is not None:
            words = "ran longer than its timeout" if reason == "timeout" else "was cancelled"
            type_name = "FunctionTimeout" if reason == "timeout" else "Cancelled"
            wire = errors.make(reason, type_name, "The call %s." % words)
            if raised is not None:
                told = errors.from_exception(raised, self._root)
                wire["traceback"], wire["text"] = told["traceback"], told["text"]
        elif isinstance(raised, CallError):
            wire = errors.make("user", raised.type_name, str(raised))
        else:
            assert raised is not None
            wire = errors.from_exception(raised, self._root)
            self._explain(wire)
        batch = "items" in work.header
        if batch and reason != "cancelled":
            told = brief.of_input(work.header.get("input", "json"), work.data, bool(work.header.get("instance")))
            if told is not None:
                wire["input"] = told
        if raised is not None and wire["traceback"] and reason != "cancelled":
            # Of the calls that code makes, a great many may fail, and be caught.
            if work.output == "mime" and not batch:
                self.show_frames(work.number, raised, wire)
            elif self._frames.left():
                with self._frames:
                    self.show_frames(work.number, raised, wire)
        return Encoded(False, dumps(wire))

    def show_frames(self, call: Optional[int], raised: BaseException, wire: errors.Wire) -> None:
        """Tells the frames of an error with their variables, ahead of the error itself."""
        header = {"type": "post-mortem", "call": call}
        self._channel.send(message(header, post_mortem.capture(raised, self._root)))
        wire["inspectable"] = True

    def is_async(self, work: Work) -> bool:
        """True for a call that runs on an event loop."""
        assert self.functions is not None
        return self.functions.is_async(work.header["function"])

    def _bound(self, work: Work) -> Callable[[], Any]:
        assert self.functions is not None
        header = work.header
        made, args, kwargs = functions.decode(header.get("input", "json"), work.data, bool(header.get("instance")))
        return functools.partial(self.functions.get(header["function"], made), *args, **kwargs)

    def _yield_all(self, work: Work, items: Iterable[Any]) -> int:
        index = 0
        for item in items:
            self._yield(work, index, item)
            index += 1
        return index

    async def _awaited_items(self, work: Work, items: AsyncIterable[Any]) -> Encoded:
        if not work.stream:
            return _encode([item async for item in items], work.output)
        index = 0
        async for item in items:
            self._yield(work, index, item)
            index += 1
        return _yielded(index, work.output)

    def _yield(self, work: Work, index: int, item: Any) -> None:
        encoded = _encode(item, work.output)
        self._printing.flush()
        header = {"type": "yield", "call": work.number, "index": index, "format": work.output}
        self._channel.send(frame(private.AFTER_OUTPUT, message(header, encoded.data)[5:]))

    def _explain(self, wire: errors.Wire) -> None:
        """What memory has to do with an error."""
        kills = memory.oom_kills()
        killed, self._oom_kills = kills > self._oom_kills, kills
        if wire["kind"] == "gpu-oom":
            held = [] if self.models is None else self.models.held
            gpu_memory.explain(wire, [str(model) for model in held])
            if self.models is not None and self.models.drop_unused():
                wire["hint"] += " Models that this call did not use have been let go."
        elif killed:
            wire["hint"] = "Meanwhile %s %s" % (faults.CHILD_KILLED, faults.memory_advice())
            if faults.tells_of_a_dead_child(wire):
                wire["kind"] = "oom"


def _yielded(count: int, output: str) -> Encoded:
    return Encoded(True, dumps({"value": None, "yielded": count}) if output == "mime" else pickle.dumps(None, 4))


def _encode(value: Any, output: str) -> Encoded:
    """A value as the body of a result. Raises :class:`CallError` where it can't be one."""
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
    return Encoded(True, data)
