"""Signals that raise in the main thread, held back while it is inside code that must not be cut in two.

A handler that raises between receiving bytes and keeping them would lose those bytes. Code that moves frames
runs inside :func:`shielded`; an exception that a handler asks for meanwhile is raised when the shield ends.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Dict, Iterator, Optional, Type

_main = threading.main_thread().ident
_depth = 0
_pending: Optional[BaseException] = None


class _Guard:
    """A thread that may be interrupted: the shields that it is in, and what is held back."""

    def __init__(self) -> None:
        self.depth = 0
        self.pending: Optional[Type[BaseException]] = None


_guards: Dict[int, _Guard] = {}
#: Held where a guard is looked at or changed, so that an interrupt falls on one side of a shield's edge.
_edge = threading.Lock()


def guard() -> None:
    """The calling thread, not the main one, may be interrupted from here on."""
    with _edge:
        _guards[threading.get_ident()] = _Guard()


def unguard() -> None:
    """It may not be any more, and what was not raised yet will not be."""
    me = threading.get_ident()
    with _edge:
        _guards.pop(me, None)
        _raise_in(me, None)


def interrupt_thread(thread: int, error: Type[BaseException]) -> None:
    """Raises ``error`` in a guarded thread where it next executes Python, or when its shield ends."""
    with _edge:
        guarded = _guards.get(thread)
        if guarded is None:
            return
        if guarded.depth:
            guarded.pending = error
        else:
            _raise_in(thread, error)


def _raise_in(thread: int, error: Optional[Type[BaseException]]) -> None:
    import ctypes

    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


def _deepen(change: int) -> None:
    """Another shield in the calling thread, or one less; raises what was held back once no shield is left."""
    guarded = _guards.get(threading.get_ident())
    if guarded is None:
        return
    with _edge:
        guarded.depth += change
        due = None if guarded.depth else guarded.pending
        if due is not None:
            guarded.pending = None
    if due is not None:
        raise due()


def interrupt(error: BaseException) -> None:
    """For signal handlers: raises ``error`` now, or when the shield ends."""
    global _pending
    if _depth:
        _pending = error
    else:
        raise error


def adopt_main_thread() -> None:
    """Makes the calling thread the main one; after a fork or from another main thread."""
    global _main, _depth, _pending, _edge
    _edge = threading.Lock()
    _guards.clear()
    _main = threading.get_ident()
    _depth = 0
    _pending = None


def reset(depth: int) -> None:
    """Sets how many shields the main thread is in, after an interrupt that may have cut one's bookkeeping in two."""
    global _depth, _pending
    _depth = depth
    _pending = None


def lift() -> None:
    """Ends all shields of the main thread, which calls it; raises what was held back."""
    global _depth, _pending
    _depth = 0
    if _pending is not None:
        error, _pending = _pending, None
        raise error


def enter() -> None:
    """Starts a shield in the main thread or a guarded one; elsewhere does nothing."""
    global _depth
    if threading.get_ident() == _main:
        _depth += 1
    elif _guards:
        _deepen(1)


def leave() -> None:
    """Ends a shield; raises what was held back once no shield is left."""
    global _depth, _pending
    if threading.get_ident() != _main:
        if _guards:
            _deepen(-1)
    else:
        _depth -= 1
        if not _depth and _pending is not None:
            error, _pending = _pending, None
            raise error


@contextmanager
def shielded() -> Iterator[None]:
    """A shield around a block."""
    enter()
    try:
        yield
    finally:
        leave()


@contextmanager
def exposed() -> Iterator[None]:
    """Inside a shield: a block that waits, where an interrupt may raise at once."""
    global _depth, _pending
    if threading.get_ident() != _main:
        guarded = _guards.get(threading.get_ident())
        around = guarded.depth if guarded is not None else 0
        _deepen(-around)
        try:
            yield
        finally:
            _deepen(around)
        return
    depth, _depth = _depth, 0
    try:
        if _pending is not None:
            error, _pending = _pending, None
            raise error
        yield
    finally:
        _depth = depth
