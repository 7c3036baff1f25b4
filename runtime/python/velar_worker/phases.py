"""Timing of model loading inside a runner, with monotonic clocks."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional

#: Tells that model loading started, goes on or is done: status, milliseconds so far, what is being loaded (progress: None
#: where nothing is, for now).
Report = Callable[[str, float, Optional[str]], None]


class ModelLoads:
    """What one scope (the import of a module, or one call) spends on loading models.

    Loads inside of loads, and loads in several threads at once, count once. An ``enter`` method or a
    ``velar.phase`` is told apart from the loaders inside of it: its time covers them, while their names are
    still shown.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._names: List[str] = []
        self._loaders = threading.local()
        self._since = 0.0
        self._total = 0.0
        self._started = False

    def begin_scope(self) -> None:
        """Starts counting from nothing."""
        with self._lock:
            self._total = 0.0
            self._since = time.perf_counter()
            self._started = False

    @property
    def started(self) -> bool:
        """True when the scope has loaded something."""
        return self._started

    def end_scope(self) -> float:
        """Reports ``done`` if something was loaded; returns the milliseconds of the scope."""
        total = self._now()
        if self._started:
            self._report("done", total, None)
            self._started = False
        return total

    def _now(self) -> float:
        with self._lock:
            running = time.perf_counter() - self._since if self._names else 0.0
            return (self._total + running) * 1000.0

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """A stretch that the user named: an ``enter`` method or a ``velar.phase``."""
        self._begin(name)
        try:
            yield
        finally:
            self._end(name)

    @contextmanager
    def loader(self, name: str) -> Iterator[None]:
        """A recognised loader. Inside another one in the same thread it neither counts nor shows."""
        depth = getattr(self._loaders, "depth", 0)
        self._loaders.depth = depth + 1
        try:
            if depth:
                yield
            else:
                self._begin(name)
                try:
                    yield
                finally:
                    self._end(name)
        finally:
            self._loaders.depth = depth

    def _begin(self, name: str) -> None:
        with self._lock:
            self._names.append(name)
            if len(self._names) == 1:
                self._since = time.perf_counter()
            first, self._started = not self._started, True
        self._report("started" if first else "progress", self._now(), name)

    def _end(self, name: str) -> None:
        """Reports what is still loading; no name says that nothing is, though more may follow."""
        with self._lock:
            self._names.remove(name)
            if not self._names:
                self._total += time.perf_counter() - self._since
            around = self._names[-1] if self._names else None
        self._report("progress", self._now(), around)
