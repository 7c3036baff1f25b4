"""The caller protocol: how ``.remote``, ``.map`` and ``.spawn`` reach the runtime from this process.

No thread of its own: whichever thread waits for an answer reads the channel for all of them and hands the role
on when it has its own. Frames that are no answers (a runner's calls) go to ``unclaimed``.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from . import _interrupts
from ._channel import Channel, Frame
from ._framing import MESSAGE, FrameError, cut, message, parse_message
from .exception import ConnectionLost, NotConnected, Refused

#: Inputs that may be sent before the runtime grants more.
FIRST_CREDIT = 1000

_ANSWERS = ("outputs", "credit", "invocation-end")


class Output:
    """One answer: a result's pickle, an item of a generator (``item`` is its number), or an error."""

    __slots__ = ("index", "ok", "data", "item", "error")

    def __init__(
        self, index: int, ok: bool, data: memoryview, item: Optional[int], error: Optional[Dict[str, Any]]
    ) -> None:
        self.index = index
        self.ok = ok
        self.data = data
        self.item = item
        self.error = error


class Invocation:
    """One ``.remote``, ``.map``, … in progress. Fields change under the caller's lock only."""

    def __init__(self, caller: "Caller", number: int) -> None:
        self._caller = caller
        self.number = number
        self.credit: int = FIRST_CREDIT
        self.outputs: Deque[Output] = deque()
        self.ended = False
        self.error: Optional[Dict[str, Any]] = None
        self._next = 0

    def inputs(self, pickles: List[bytes], last: bool, before: bytes = b"") -> None:
        """Sends a batch of inputs; ``before`` is a frame that goes with them in one write."""
        header = {
            "type": "inputs",
            "invocation": self.number,
            "first": self._next,
            "sizes": [len(data) for data in pickles],
            "last": last,
        }
        self._next += len(pickles)
        self.credit -= len(pickles)
        self._caller.channel.send(before + message(header, b"".join(pickles)))

    @property
    def sent(self) -> int:
        """How many inputs were sent."""
        return self._next

    def wait(self, ready: Callable[[], bool], timeout: Optional[float] = None) -> bool:
        """Reads or waits until ``ready()`` holds. False when the time is over. Raises ``ConnectionLost``."""
        return self._caller.wait(ready, timeout)

    def cancel(self) -> None:
        """Asks the runtime to stop what is left of it."""
        if not self.ended and not self._caller.lost:
            self._caller.channel.send(message({"type": "cancel-invocation", "invocation": self.number}))

    def close(self) -> None:
        """Forgets it: answers that still arrive are dropped."""
        self._caller.forget(self)


class Caller:
    """All invocations of one process over one channel."""

    def __init__(self, channel: Channel, unclaimed: Optional[Callable[[Frame], None]] = None) -> None:
        self.channel = channel
        self.lost: Optional[str] = None
        self._unclaimed = unclaimed
        self._invocations: Dict[int, Invocation] = {}
        self._numbers = itertools.count(1)
        self._changed = threading.Condition(threading.Lock())
        self._reading = False
        #: The only thread that may read the channel, where one always does.
        self.reader: Optional[int] = None

    def wake(self) -> None:
        """Lets threads that wait notice an interrupt."""
        with self._changed:
            self._changed.notify_all()

    def invoke(
        self,
        app: str,
        function: str,
        mode: str,
        ordered: bool,
        return_exceptions: bool,
        instance: bool,
        deployed: Optional[Dict[str, Optional[str]]] = None,
    ) -> Tuple[Invocation, bytes]:
        """A new invocation and the frame that announces it, to be sent with its first inputs."""
        header: Dict[str, Any] = {
            "type": "invoke",
            "function": function,
            "mode": mode,
            "ordered": ordered,
            "returnExceptions": return_exceptions,
            "instance": instance,
        }
        if deployed is None:
            header["app"] = app
        else:
            header["deployed"] = {"app": app, **deployed}
        return self.open(header)

    def open(self, header: Dict[str, Any]) -> Tuple[Invocation, bytes]:
        """A new invocation and the frame that announces it: ``header`` with its number."""
        number = next(self._numbers)
        invocation = Invocation(self, number)
        with self._changed:
            self._invocations[number] = invocation
        return invocation, message({**header, "invocation": number})

    def forget(self, invocation: Invocation) -> None:
        """Drops an invocation; its later answers go nowhere."""
        with self._changed:
            self._invocations.pop(invocation.number, None)

    def wait(self, ready: Callable[[], bool], timeout: Optional[float] = None) -> bool:
        """Until ``ready()`` holds, reads the channel, or waits for the thread that reads it."""
        deadline = None if timeout is None else time.monotonic() + timeout
        looked = False
        _interrupts.enter()
        try:
            while True:
                with self._changed:
                    while not ready():
                        if self.lost is not None:
                            raise ConnectionLost(self.lost)
                        left = None if deadline is None else max(0.0, deadline - time.monotonic())
                        if left == 0 and looked:
                            return False
                        looked = True
                        if not self._reading and self.reader in (None, threading.get_ident()):
                            self._reading = True
                            break
                        with _interrupts.exposed():
                            self._changed.wait(left)
                    else:
                        return True
                self._read(left)
        finally:
            _interrupts.leave()

    def _read(self, timeout: Optional[float]) -> None:
        frames: List[Frame] = []
        try:
            frames = self.channel.receive(timeout)
        except (ConnectionLost, FrameError) as error:
            self.lost = str(error)
        finally:
            with self._changed:
                try:
                    for frame in frames:
                        self._dispatch(frame)
                except FrameError as error:
                    self.lost = "The runtime sent a broken frame (%s)." % error
                self._reading = False
                self._changed.notify_all()

    def _dispatch(self, frame: Frame) -> None:
        kind, payload = frame
        if kind != MESSAGE:
            raise FrameError("type %d" % kind)
        if self._unclaimed is not None and payload.find(b'"invocation"', 0, 256) < 0:
            self._unclaimed(frame)
            return
        header, body = parse_message(payload)
        if header["type"] not in _ANSWERS:
            if self._unclaimed is None:
                raise FrameError('unexpected "%s"' % header["type"])
            self._unclaimed(frame)
            return
        invocation = self._invocations.get(header.get("invocation", -1))
        if invocation is not None:
            _apply(invocation, header, body)


def _apply(invocation: Invocation, header: Dict[str, Any], body: memoryview) -> None:
    kind = header["type"]
    if kind == "credit":
        invocation.credit += int(header["inputs"])
    elif kind == "outputs":
        items = header["items"]
        for item, data in zip(items, cut(body, [item["size"] for item in items])):
            invocation.outputs.append(Output(item["index"], item["ok"], data, item.get("yield"), item.get("error")))
    else:
        invocation.ended = True
        invocation.error = header.get("error")


current: Optional[Caller] = None
#: The way to the program that started this process, where it is a local entrypoint.
client: Optional[Caller] = None


def connect(caller: Optional[Caller], local: Optional[Caller] = None) -> None:
    """Makes ``caller`` the way to the runtime for this process; ``local`` that to the program that started it."""
    global current, client
    current, client = caller, local


#: What can be done with a function of the file in place of a call.
HERE = "`.local(...)` runs a function in this process."
#: The same for one that is deployed.
OVER_HTTP = "other programs call what is deployed over HTTP, with a key that `velar keys create` makes."
_FORKED = "this process was forked from the one that has one"


def connected(what: str, otherwise: str = HERE) -> Caller:
    """The way to the runtime. Raises :class:`NotConnected` that says how to get one."""
    if current is None or current.channel.foreign:
        why = "this process has none" if current is None else _FORKED
        raise NotConnected(
            "%s needs a runtime, and %s. Start the file with `velar run FILE`, or click Run on GPU above the function "
            "in the editor; %s" % (what, why, otherwise)
        )
    return current


def deploying(app: str) -> Caller:
    """The way to whoever deploys. Raises :class:`NotConnected`, and :class:`Refused` inside of a container."""
    if client is not None and not client.channel.foreign:
        return client
    if client is None and current is not None and not current.channel.foreign:
        refused = Refused('App "%s" can\'t be deployed from inside of a container: nothing that runs there may.' % app)
        refused.hint = "Deploy in a local entrypoint, or with `velar deploy FILE`."
        raise refused
    why = _FORKED if client is not None or current is not None else "this process has none"
    raise NotConnected(
        'Deploying app "%s" needs a runtime, and %s. Call it in a local entrypoint that `velar run FILE` starts, or '
        "deploy with `velar deploy FILE`." % (app, why)
    )
