"""Timing of model loading inside a runner, with monotonic clocks."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Callable, Dict, Hashable, Iterator, List, Optional, Set

#: Tells of a scope that model loading started, goes on, is done or was not needed: status, milliseconds so far, what
#: is being loaded (progress: None where nothing is, for now; skipped: why).
Report = Callable[["Scope", str, float, Optional[str]], None]
#: Tells that a scope goes from one phase, the first, to another.
Changing = Callable[["Scope", str, str], None]


def _unheard(*_: object) -> None:
    """Nobody listens."""


class Scope:
    """What one import of a module, or one call, spends on loading models."""

    def __init__(self, call: Optional[int], report: Report, changing: Changing) -> None:
        #: The call's number; None for the import.
        self.call = call
        #: Whether loads may be answered with what was loaded before.
        self.cache = True
        #: Keys of the held models that it was given.
        self.models: Set[Hashable] = set()
        self._report = report
        self._changing = changing
        self._lock = threading.Lock()
        self._names: List[str] = []
        self._hits: Dict[str, None] = {}
        self._since = 0.0
        self._total = 0.0
        #: True when it has loaded something.
        self.started = False

    @property
    def phase(self) -> str:
        """What it is doing."""
        return "model-load" if self._names else "imports" if self.call is None else "running"

    @property
    def ms(self) -> float:
        """Milliseconds of loading so far."""
        with self._lock:
            running = time.perf_counter() - self._since if self._names else 0.0
            return (self._total + running) * 1000.0

    def begin(self, name: str) -> None:
        """A load begins."""
        if not self._names:
            self._changing(self, self.phase, "model-load")
        with self._lock:
            self._names.append(name)
            if len(self._names) == 1:
                self._since = time.perf_counter()
            first, self.started = not self.started, True
        self._report(self, "started" if first else "progress", self.ms, name)

    def end(self, name: str) -> None:
        """A load is over. Reports what is still loading; no name says that nothing is, though more may follow."""
        with self._lock:
            self._names.remove(name)
            if not self._names:
                self._total += time.perf_counter() - self._since
            around = self._names[-1] if self._names else None
        if around is None:
            self._changing(self, "model-load", self.phase)
        self._report(self, "progress", self.ms, around)

    def hit(self, held: str) -> None:
        """Something didn't have to be loaded: it is in memory."""
        self._hits[held] = None

    def close(self) -> float:
        """Reports ``done`` if something was loaded, ``skipped`` if all was there; returns the milliseconds."""
        total = self.ms if self.started else 0.0
        if self.started:
            self._report(self, "done", total, None)
        elif self._hits:
            self._report(self, "skipped", 0.0, "already in memory: %s" % ", ".join(self._hits))
        return total


class ModelLoads:
    """The scopes of one runner.

    Loads inside of loads, and loads in several threads at once, count once. An ``enter`` method or a
    ``velar.phase`` is told apart from the loaders inside of it: its time covers them, while their names are
    still shown.
    """

    def __init__(self) -> None:
        self._report: Report = _unheard
        self._changing: Changing = _unheard
        self._current: "ContextVar[Optional[Scope]]" = ContextVar("velar-scope", default=None)
        self._open: Dict[Scope, None] = {}
        self._nowhere = Scope(None, _unheard, _unheard)
        self._loaders = threading.local()
        self._lock = threading.Lock()
        self._whole = 0

    def connect(self, report: Report, changing: Changing) -> None:
        """Says who hears of what scopes do that are opened from here on."""
        self._report, self._changing = report, changing

    def open(self, call: Optional[int]) -> Scope:
        """A new scope, which is the current one in this context from here on."""
        scope = Scope(call, self._report, self._changing)
        self._open[scope] = None
        self._current.set(scope)
        return scope

    def close(self, scope: Scope) -> float:
        """The scope is over; see :meth:`Scope.close`."""
        self._open.pop(scope, None)
        return scope.close()

    @property
    def scope(self) -> Scope:
        """The scope of this context. A thread that user code made has none of its own; it gets the only open one."""
        scope = self._current.get()
        if scope is not None and scope in self._open:
            return scope
        scopes = list(self._open)
        return scopes[0] if len(scopes) == 1 else self._nowhere

    @property
    def call(self) -> int:
        """The number of the call that this context belongs to; 0 where that isn't known."""
        own = self._current.get()
        scope = self.scope if own is None or own in self._open else self._nowhere
        return scope.call or 0

    def in_use(self) -> Set[Hashable]:
        """Keys of the held models that open scopes were given."""
        return {key for scope in list(self._open) for key in list(scope.models)}

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """A stretch that the user named: an ``enter`` method or a ``velar.phase``."""
        scope = self.scope
        scope.begin(name)
        try:
            yield
        finally:
            scope.end(name)

    @property
    def nested(self) -> bool:
        """True in a thread that is inside a recognised loader."""
        return getattr(self._loaders, "depth", 0) > 0

    @property
    def composing(self) -> bool:
        """True while some thread loads a whole model, whose files other threads may be reading for it."""
        return self._whole > 0

    @contextmanager
    def loader(self, name: str, whole: bool = False) -> Iterator[None]:
        """A recognised loader, ``whole`` where it makes a model of many files.

        Inside another one in the same thread it neither counts nor shows.
        """
        depth = getattr(self._loaders, "depth", 0)
        self._loaders.depth = depth + 1
        scope = None if depth else self.scope
        self._compose(int(whole))
        if scope is not None:
            scope.begin(name)
        try:
            yield
        finally:
            self._compose(-int(whole))
            self._loaders.depth = depth
            if scope is not None:
                scope.end(name)

    def _compose(self, change: int) -> None:
        with self._lock:
            self._whole += change
