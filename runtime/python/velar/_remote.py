"""Remote calls over the caller protocol: inputs to pickles, pickles to results, and the loop behind ``.map``."""

from __future__ import annotations

import pickle
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from . import _caller
from ._caller import Invocation, Output
from ._framing import MAX_FRAME_BYTES
from .exception import (
    Error,
    InfrastructureError,
    InputNotSerializable,
    OutputNotReadable,
    OutputTimeout,
    from_wire,
)

PROTOCOL = 4
#: Inputs of one frame.
BATCH_INPUTS = 256
BATCH_BYTES = 1024 * 1024
#: A batch that is being filled from a slow iterator is sent when it is this old, in seconds.
BATCH_AGE = 0.005
#: How far ``.map`` runs ahead of the consumer, in inputs, so that results held for their order stay bounded.
MAX_AHEAD = 4096
#: The same in bytes: of large inputs that have no result yet, of results held for their order, and of results that
#: inputs on their way may have. A single one may be larger.
MAX_AHEAD_BYTES = 64 * 1024 * 1024
#: Smaller inputs are not counted by their bytes: as many as ``MAX_AHEAD`` of them stay within the same bound.
LARGE_INPUT = MAX_AHEAD_BYTES // MAX_AHEAD
#: So many inputs go ahead however large their results are, to keep containers busy.
MIN_AHEAD = 64

Input = Tuple[Tuple[Any, ...], Dict[str, Any]]


class Target(NamedTuple):
    """What is called: a function of an app; for a method, with the arguments of its object's constructor."""

    app: str
    function: str
    constructor: Optional[Input] = None
    #: Of what is deployed: the environment, None for the caller's own.
    deployed: Optional[Dict[str, Optional[str]]] = None

    def begin(self, mode: str, ordered: bool = True, return_exceptions: bool = False) -> Tuple[Invocation, bytes]:
        """A new invocation. Raises ``NotConnected`` where no runtime is."""
        otherwise = _caller.HERE if self.deployed is None else _caller.OVER_HTTP
        caller = _caller.connected("%s.remote" % self.function, otherwise)
        instance = self.constructor is not None
        return caller.invoke(self.app, self.function, mode, ordered, return_exceptions, instance, self.deployed)

    def encode(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> bytes:
        """The pickle of one input. Raises :class:`InputNotSerializable`."""
        value: Any = (args, kwargs) if self.constructor is None else (self.constructor, args, kwargs)
        try:
            data = pickle.dumps(value, PROTOCOL)
        except Exception as cause:
            raise InputNotSerializable(
                "An argument of %s can't be sent: %s. Arguments must be picklable; pass plain data, "
                "or a path on a Volume." % (self.function, cause)
            ) from cause
        if len(data) > MAX_FRAME_BYTES - 4096:
            raise InputNotSerializable(
                "The arguments of %s take %d MiB, over the limit of 64 MiB; put them on a Volume and pass the path."
                % (self.function, len(data) >> 20)
            )
        return data


def decode(output: Output) -> Any:
    """The value of a good output. Raises :class:`OutputNotReadable`."""
    try:
        return pickle.loads(output.data)
    except Exception as cause:
        raise OutputNotReadable(
            "A result arrived that can't be read here (%s: %s). Return plain data, or install the same package here."
            % (type(cause).__name__, cause)
        ) from cause


def failure(invocation: Invocation, output: Optional[Output] = None) -> Error:
    """The exception for a failed output, or for an invocation that ended without one."""
    wire = invocation.error if output is None else output.error
    if wire is not None:
        return from_wire(wire, output is None)
    return InfrastructureError("The runtime ended the call without a result.")


def take(invocation: Invocation, timeout: Optional[float] = None) -> Optional[Output]:
    """The next output; None when the invocation ended. Raises ``TimeoutError`` when the time is over."""
    if not invocation.wait(lambda: bool(invocation.outputs) or invocation.ended, timeout):
        raise TimeoutError
    return invocation.outputs.popleft() if invocation.outputs else None


class Pending:
    """The one answer of an invocation: taken once, and kept."""

    def __init__(self, invocation: Invocation, read: Callable[[Output], Any] = decode) -> None:
        self._invocation = invocation
        self._read = read
        self._settled: Optional[Tuple[Any, Optional[Error]]] = None

    def get(self, timeout: Optional[float], what: str) -> Any:
        """Waits for it. Raises the failure, or :class:`OutputTimeout` that says ``what`` is not there."""
        if self._settled is None:
            try:
                output = take(self._invocation, timeout)
            except TimeoutError:
                raise OutputTimeout("%s after %g seconds." % (what, timeout or 0.0)) from None
            if output is None or not output.ok:
                self._settled = (None, failure(self._invocation, output))
            else:
                try:
                    self._settled = (self._read(output), None)
                except Error as unreadable:
                    self._settled = (None, unreadable)
            self._invocation.close()
        value, error = self._settled
        if error is not None:
            raise error
        return value

    def cancel(self) -> None:
        """Asks the runtime to stop what is left of it; nothing once the answer was taken."""
        if self._settled is None:
            self._invocation.cancel()


def call(target: Target, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """``.remote``: one call, waiting for its result."""
    data = target.encode(args, kwargs)
    invocation, announce = target.begin("call")
    answered = False
    try:
        invocation.inputs([data], True, announce)
        output = take(invocation)
        answered = True
        if output is None or not output.ok:
            raise failure(invocation, output)
        return decode(output)
    except BaseException:
        if not answered:
            _abandon(invocation)
        raise
    finally:
        invocation.close()


def generate(target: Target, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Iterator[Any]:
    """``.remote_gen``: the items of a generator, as they are made."""
    data = target.encode(args, kwargs)
    invocation, announce = target.begin("gen")
    try:
        invocation.inputs([data], True, announce)
        while True:
            output = take(invocation)
            if output is None:
                if invocation.error is not None:
                    raise failure(invocation)
                return
            if not output.ok:
                raise failure(invocation, output)
            if output.item is not None:
                yield decode(output)
    finally:
        _abandon(invocation)
        invocation.close()


def spread(target: Target, inputs: Iterable[Input], ordered: bool, return_exceptions: bool) -> Iterator[Any]:
    """``.map``: results of many inputs, read lazily, in order or as they complete."""
    invocation, announce = target.begin("map", ordered, return_exceptions)
    try:
        yield from _Spread(target, invocation, announce, iter(inputs), ordered, return_exceptions).run()
    finally:
        _abandon(invocation)
        invocation.close()


class _Spread:
    """The state of one ``.map``: sends while there is credit, yields what is there, waits when neither is."""

    def __init__(
        self,
        target: Target,
        invocation: Invocation,
        announce: bytes,
        inputs: Iterator[Input],
        ordered: bool,
        return_exceptions: bool,
    ) -> None:
        self._target = target
        self._invocation = invocation
        self._announce = announce
        self._inputs = inputs
        self._ordered = ordered
        self._return_exceptions = return_exceptions
        self._exhausted = False
        self._yielded = 0
        self._held: Dict[int, Output] = {}
        self._large: Dict[int, int] = {}
        self._ahead_bytes = 0
        self._taken = 0
        self._taken_bytes = 0

    def run(self) -> Iterator[Any]:
        invocation = self._invocation
        while True:
            while not self._exhausted and self._room() > 0:
                self._send_batch()
                invocation.wait(lambda: bool(invocation.outputs), 0)
                yield from self._ready()
            yield from self._ready()
            if self._exhausted and self._yielded == invocation.sent:
                # Every result is here, so there is nothing to cancel; the end itself may still be on its way.
                invocation.ended = True
                return
            if invocation.ended and not invocation.outputs:
                raise failure(invocation)
            if not self._exhausted and self._room() > 0:
                # What was held for its order is yielded: the window is open again, and no output may be on its way.
                continue
            invocation.wait(
                lambda: bool(invocation.outputs) or invocation.ended or (not self._exhausted and self._room() > 0)
            )

    def _room(self) -> int:
        if self._ahead_bytes >= MAX_AHEAD_BYTES:
            return 0
        ahead = MAX_AHEAD
        if self._taken_bytes > self._taken * LARGE_INPUT:
            ahead = max(MIN_AHEAD, MAX_AHEAD_BYTES * self._taken // self._taken_bytes)
        return min(self._invocation.credit, self._yielded + ahead - self._invocation.sent)

    def _send_batch(self) -> None:
        """Pulls inputs until the batch is full, large or old, or the iterator ends; sends it."""
        pickles: List[bytes] = []
        size = 0
        limit = min(BATCH_INPUTS, self._room())
        before = oldest = time.perf_counter()
        encode, pull = self._target.encode, self._inputs
        while len(pickles) < limit and size < BATCH_BYTES:
            try:
                args, kwargs = next(pull)
            except StopIteration:
                self._exhausted = True
                break
            data = encode(args, kwargs)
            if pickles and size + len(data) > MAX_FRAME_BYTES - 4096:
                self._flush(pickles, False)
                pickles, size = [], 0
            pickles.append(data)
            size += len(data)
            if len(data) > LARGE_INPUT:
                self._large[self._invocation.sent + len(pickles) - 1] = len(data)
                self._ahead_bytes += len(data)
                if self._ahead_bytes >= MAX_AHEAD_BYTES:
                    break
            now = time.perf_counter()
            if len(pickles) == 1:
                oldest = now
            # An iterator that was slow once will be again: what is there goes now.
            if now - before > BATCH_AGE or now - oldest > BATCH_AGE:
                break
            before = now
        self._flush(pickles, self._exhausted)

    def _flush(self, pickles: List[bytes], last: bool) -> None:
        self._invocation.inputs(pickles, last, self._announce)
        self._announce = b""

    def _ready(self) -> Iterator[Any]:
        outputs = self._invocation.outputs
        while outputs:
            output = outputs.popleft()
            size = len(output.data)
            self._taken += 1
            self._taken_bytes += size
            if self._large:
                self._ahead_bytes -= self._large.pop(output.index, 0)
            if not self._ordered or output.index == self._yielded:
                yield self._value(output)
                while self._ordered and self._yielded in self._held:
                    held = self._held.pop(self._yielded)
                    self._ahead_bytes -= len(held.data)
                    yield self._value(held)
            else:
                self._held[output.index] = output
                self._ahead_bytes += size

    def _value(self, output: Output) -> Any:
        self._yielded += 1
        error: Error
        if output.ok:
            try:
                return decode(output)
            except OutputNotReadable as unreadable:
                error = unreadable
        else:
            error = failure(self._invocation, output)
        if not self._return_exceptions:
            raise error
        return error


def _abandon(invocation: Invocation) -> None:
    """Cancels what has not ended. The connection may be gone, and then there is nothing left to cancel."""
    try:
        invocation.cancel()
    except Error:
        invocation.ended = True
