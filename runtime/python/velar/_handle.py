"""What can be called on the runtime: handles, and the calls that they start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Generic, Iterable, Iterator, Optional, TypeVar, cast

from . import _remote
from ._caller import Invocation
from ._remote import Input, Pending, Target

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")
else:
    P = TypeVar("P")
R = TypeVar("R")


class FunctionCall(Generic[R]):
    """A call that ``.spawn`` started. Its result waits on the runtime until :meth:`get` takes it."""

    def __init__(self, invocation: Invocation, function: str) -> None:
        self._pending = Pending(invocation)
        self._function = function

    def get(self, timeout: Optional[float] = None) -> R:
        """The result; waits for it. May be called again.

        Raises what the function raised (:class:`velar.exception.RemoteError`), or
        :class:`velar.exception.OutputTimeout` when ``timeout`` seconds are over; the call then goes on.
        """
        return cast(R, self._pending.get(timeout, "%s has no result" % self._function))

    def cancel(self) -> None:
        """Cancels the call; :meth:`get` then raises :class:`velar.exception.Cancelled`, unless it had ended."""
        self._pending.cancel()


class Handle(Generic[P, R]):
    """A function that is called on the runtime."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @property
    def app_name(self) -> str:
        """Name of the app that it belongs to."""
        return self._target.app

    @property
    def qualname(self) -> str:
        """Its qualified name in the app's file."""
        return self._target.function

    def _yields(self) -> Optional[bool]:
        """Whether it is a generator; None where only the runtime knows."""
        return None

    def remote(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs it on the runtime and returns its result.

        Raises :class:`velar.exception.NotConnected` without a runtime, :class:`velar.exception.RemoteError` when
        it raised there, and its kin for time-outs, cancels, memory and the platform.
        """
        if self._yields():
            raise TypeError("%s is a generator; call it with .remote_gen(...)." % self.qualname)
        result: R = _remote.call(self._target, args, kwargs)
        return result

    def remote_gen(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
        """Runs a generator on the runtime; yields its items as they are made. Closing the iterator cancels it."""
        if self._yields() is False:
            raise TypeError("%s is no generator; call it with .remote(...)." % self.qualname)
        return _remote.generate(self._target, args, kwargs)

    def map(
        self,
        *iterables: Iterable[Any],
        kwargs: Optional[Dict[str, Any]] = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> Iterator[R]:
        """Calls it once for each element of the iterables, in parallel on the runtime, like the built-in ``map``.

        Inputs are read lazily and sent in batches. ``kwargs`` go to every call. Results come in the order of the
        inputs, or as they complete with ``order_outputs=False``. The first failure raises and cancels the rest,
        unless ``return_exceptions=True`` yields errors in their places.
        """
        if not iterables:
            raise TypeError("%s.map takes one or more iterables." % self.qualname)
        shared = kwargs or {}
        return self._spread(((args, shared) for args in zip(*iterables)), order_outputs, return_exceptions)

    def starmap(
        self,
        arguments: Iterable[Iterable[Any]],
        *,
        kwargs: Optional[Dict[str, Any]] = None,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> Iterator[R]:
        """:meth:`map` over tuples of arguments."""
        shared = kwargs or {}
        return self._spread(((tuple(args), shared) for args in arguments), order_outputs, return_exceptions)

    def for_each(
        self, *iterables: Iterable[Any], kwargs: Optional[Dict[str, Any]] = None, ignore_exceptions: bool = False
    ) -> None:
        """:meth:`map` for its effects: waits for every call and drops the results."""
        for _ in self.map(*iterables, kwargs=kwargs, order_outputs=False, return_exceptions=ignore_exceptions):
            pass

    def spawn(self, *args: P.args, **kwargs: P.kwargs) -> "FunctionCall[R]":
        """Starts it on the runtime and returns at once."""
        data = self._target.encode(args, kwargs)
        invocation, announce = self._target.begin("spawn")
        invocation.inputs([data], True, announce)
        return FunctionCall(invocation, self.qualname)

    def _spread(self, inputs: Iterable[Input], ordered: bool, return_exceptions: bool) -> Iterator[R]:
        if self._yields():
            raise TypeError("%s is a generator; .map takes functions that return." % self.qualname)
        results: Iterator[R] = _remote.spread(self._target, inputs, ordered, return_exceptions)
        return results
