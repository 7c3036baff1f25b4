"""Models that a runner has loaded, so that equal loads find the object that is there."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import OrderedDict
from typing import AbstractSet, Any, Callable, Dict, Hashable, List, NamedTuple, Optional, Tuple

from . import gpu_memory, memory, sizes
from .cache_keys import copies, leaves
from .process_tree import resident_bytes

#: Models that no call in progress uses may take this share of the memory; the ones unused for longest go first.
_SHARE = 0.5


class Held(NamedTuple):
    """A loaded model as it is told: its name, and the memory that its load took; None where that isn't known."""

    name: str
    host_bytes: Optional[int]
    gpu_bytes: Optional[int]

    def __str__(self) -> str:
        if self.gpu_bytes:
            return "%s (%s of GPU memory)" % (self.name, sizes.text(self.gpu_bytes))
        return "%s (%s)" % (self.name, sizes.text(self.host_bytes) if self.host_bytes else "size unknown")


class Entry:
    """One loaded model."""

    def __init__(self, number: int, name: str, value: Any, plain: bool) -> None:
        self.number = number
        self.name = name
        self.host_bytes: Optional[int] = None
        self.gpu_bytes: Optional[int] = None
        self._plain = plain
        self._value = copies(value) if plain else value
        self._versions = _versions(self._value) if plain else []

    @property
    def value(self) -> Any:
        """What to hand out: of plain weights fresh containers around the same tensors."""
        return copies(self._value) if self._plain else self._value

    def is_(self, value: Any) -> bool:
        """True for the very object that was loaded."""
        return self._value is value

    @property
    def intact(self) -> bool:
        """False once plain weights were changed in place, as torch counts it."""
        return all(_version(tensor) == version for tensor, version in self._versions)

    @property
    def held(self) -> Held:
        """How it is told."""
        return Held(self.name, self.host_bytes, self.gpu_bytes)


class _Loading:
    """A load in progress, which other threads with the same key wait for."""

    def __init__(self) -> None:
        self.over = threading.Event()


class ModelCache:
    """The models of one runner. ``in_use`` tells the keys that calls in progress have been given."""

    def __init__(self, in_use: Callable[[], AbstractSet[Hashable]]) -> None:
        self._in_use = in_use
        self._entries: "OrderedDict[Hashable, Entry]" = OrderedDict()
        self._loading: Dict[Hashable, _Loading] = {}
        self._lock = threading.Lock()
        self._count = 0

    def known(self, value: Any) -> Optional[int]:
        """The number of a model that is held; None for any other object."""
        for entry in list(self._entries.values()):
            if entry.is_(value):
                return entry.number
        return None

    def find(self, key: Hashable) -> Optional[Entry]:
        """The model of this key. Plain weights that were changed are forgotten."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if not entry.intact:
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry

    def load(self, key: Hashable, name: str, plain: bool, loader: Callable[[], Any]) -> Any:
        """What ``loader`` gives, or gave another thread meanwhile. What it raises is kept for nobody.

        ``plain``: the result is weights in plain containers, which callers take apart, not an object of its own.
        """
        while True:
            with self._lock:
                loading = self._loading.get(key)
                if loading is None:
                    mine = self._loading[key] = _Loading()
                    break
            loading.over.wait()
            entry = self.find(key)
            if entry is not None:
                return entry.value
        try:
            # Another thread may have loaded it since the caller looked.
            entry = self.find(key)
            return self._load(key, name, plain, loader) if entry is None else entry.value
        finally:
            with self._lock:
                self._loading.pop(key, None)
            mine.over.set()

    def moved(self, value: Any, mover: Callable[[], Any]) -> Any:
        """Runs what moves a model to a GPU, and notes what memory that took where the model is held."""
        before = _memory()
        result = mover()
        for entry in list(self._entries.values()):
            if entry.is_(value):
                host, gpu = _taken(before)
                entry.gpu_bytes = (entry.gpu_bytes or 0) + gpu if gpu is not None else entry.gpu_bytes
                entry.host_bytes = None if host is None else max(0, (entry.host_bytes or 0) + host)
        return result

    @property
    def held(self) -> List[Held]:
        """All models, the latest used last."""
        return [entry.held for entry in list(self._entries.values())]

    def drop_unused(self) -> List[Held]:
        """Forgets what no call in progress was given; returns that. Frees GPU memory that torch keeps for reuse."""
        used = self._in_use()
        with self._lock:
            dropped = [self._entries.pop(key).held for key in list(self._entries) if key not in used]
        gc.collect()
        gpu_memory.release()
        return dropped

    def forked(self) -> None:
        """In a forked process: the threads that were loading are not here."""
        self._lock = threading.Lock()
        self._loading = {}

    def _load(self, key: Hashable, name: str, plain: bool, loader: Callable[[], Any]) -> Any:
        before = _memory()
        try:
            value = loader()
        except Exception as error:
            if not (isinstance(error, MemoryError) or gpu_memory.exhausted(error)):
                raise
            # Held models must not make a load fail that would succeed without them.
            if not self._entries:
                raise
        else:
            return self._keep(key, name, plain, value, before)
        if not self.drop_unused():
            return loader()
        before = _memory()
        return self._keep(key, name, plain, loader(), before)

    def _keep(self, key: Hashable, name: str, plain: bool, value: Any, before: "_Memory") -> Any:
        with self._lock:
            self._count += 1
            entry = Entry(self._count, name, value, plain)
        host, gpu = _taken(before)
        entry.host_bytes = host if host is not None and host > 0 else None
        entry.gpu_bytes = gpu if gpu is not None and gpu > 0 else None
        with self._lock:
            self._entries[key] = entry
            self._trim(key)
        return value

    def _trim(self, newest: Hashable) -> None:
        used = {newest, *self._in_use()}
        for total, of in ((memory.total_bytes(), "host_bytes"), (gpu_memory.total(), "gpu_bytes")):
            if total is None:
                continue
            for key in [key for key in self._entries if key not in used]:
                if sum(getattr(entry, of) or 0 for entry in self._entries.values()) <= total * _SHARE:
                    break
                del self._entries[key]


_Memory = Tuple[Optional[int], Optional[int]]


def _memory() -> _Memory:
    """Bytes resident on the host and allocated on GPUs by this process; None where that isn't told."""
    resident = resident_bytes(os.getpid())
    return (resident or None, gpu_memory.allocated())


def _taken(before: _Memory) -> _Memory:
    """What came on top; GPU memory that was first used since counts from nothing."""
    host, gpu = _memory()
    return (
        None if host is None or before[0] is None else host - before[0],
        None if gpu is None else gpu - (before[1] or 0),
    )


def ambient() -> Hashable:
    """What decides over a load besides its arguments: torch's defaults, where torch is imported."""
    torch = sys.modules.get("torch")
    found = []
    for name in ("get_default_dtype", "get_default_device", "is_inference_mode_enabled"):
        tell = getattr(torch, name, None)
        found.append(repr(tell()) if callable(tell) else None)
    return tuple(found)


def _versions(value: Any) -> List[Tuple[Any, int]]:
    found = ((leaf, _version(leaf)) for leaf in leaves(value))
    return [(leaf, version) for leaf, version in found if version is not None]


def _version(tensor: Any) -> Optional[int]:
    """How often torch saw a tensor change in place; None for what isn't counted."""
    try:
        version = getattr(tensor, "_version", None)
    except RuntimeError:
        return None
    return version if type(version) is int else None
