"""Signals that raise in the main thread, held back while it is inside code that must not be cut in two.

A handler that raises between receiving bytes and keeping them would lose those bytes. Code that moves frames
runs inside :func:`shielded`; an exception that a handler asks for meanwhile is raised when the shield ends.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Iterator, Optional

_main = threading.main_thread().ident
_depth = 0
_pending: Optional[BaseException] = None


def interrupt(error: BaseException) -> None:
    """For signal handlers: raises ``error`` now, or when the shield ends."""
    global _pending
    if _depth:
        _pending = error
    else:
        raise error


def adopt_main_thread() -> None:
    """Makes the calling thread the one that shields count for; after a fork or from another main thread."""
    global _main, _depth, _pending
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
    """Starts a shield in the main thread; elsewhere does nothing."""
    global _depth
    if threading.get_ident() == _main:
        _depth += 1


def leave() -> None:
    """Ends a shield; raises what was held back once no shield is left."""
    global _depth, _pending
    if threading.get_ident() == _main:
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
        yield
        return
    depth, _depth = _depth, 0
    try:
        if _pending is not None:
            error, _pending = _pending, None
            raise error
        yield
    finally:
        _depth = depth
