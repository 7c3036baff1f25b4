"""Host memory: of a runner's process tree, the limit that holds for it, and evidence that the limit was hit."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from . import process_tree

#: How often the list of descendants is read again, in seconds.
_TREE_AGE = 1.0
#: No call and no import has this number.
_NO_CALL = -1


class HostMemory:
    """Samples of one runner, in bytes.

    Peaks count from the beginning of a call, or of the import, and for each of its phases. Of the runner's own process
    they are what the kernel saw, of processes that it started what was sampled.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._call: Optional[int] = None
        self._phase = "imports"
        self._peaks: Dict[str, int] = {}
        self._fresh = True
        self._tree: List[int] = []
        self._tree_at = float("-inf")
        self._total = total_bytes()
        #: Bytes of what else the container holds and the runner doesn't share.
        self.beside: Callable[[], int] = lambda: 0

    def sample(self, call: Optional[int]) -> Optional[Dict[str, Any]]:
        """The header of a memory message; None when the runner is gone or the platform tells nothing.

        ``call``: None for the import, 0 for several calls at once.
        """
        self._follow(call)
        now = time.monotonic()
        if now - self._tree_at >= _TREE_AGE:
            self._tree, self._tree_at = process_tree.descendants(self._pid), now
        own = process_tree.resident_bytes(self._pid)
        peak = process_tree.peak_bytes(self._pid)
        if sys.platform != "linux":
            peak = own = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        if not own:
            return None
        used = own + sum(process_tree.resident_bytes(pid) for pid in self._tree)
        self._raise(max(used, peak))
        return self._told(used)

    def changed(self, call: Optional[int], phase: str, peak: int, now: str) -> Optional[Dict[str, Any]]:
        """The runner went from one phase to the next, and tells the peak of what is over: a sample of that, if any."""
        self._follow(call)
        self._phase = phase
        self._raise(peak)
        own = process_tree.resident_bytes(self._pid)
        told = self._told(own) if own else None
        self._phase = now
        return told

    def rest(self) -> None:
        """Nothing runs any more: the next call's peak counts from here."""
        if not self._fresh:
            self._fresh = True
            self._call, self._peaks = _NO_CALL, {}
            process_tree.reset_peak(self._pid)

    def _follow(self, call: Optional[int]) -> None:
        self._fresh = False
        if call != self._call:
            self._call, self._phase, self._peaks = call, "running", {}

    def _raise(self, peak: int) -> None:
        self._peaks[self._phase] = max(self._peaks.get(self._phase, 0), peak)

    def _told(self, used: int) -> Dict[str, Any]:
        return {
            "type": "memory",
            "call": self._call or None,
            "device": "host",
            "usedBytes": used + self.beside(),
            "peakBytes": max(self._peaks.values()),
            "phase": self._phase,
            "phasePeakBytes": self._peaks[self._phase],
            "totalBytes": self._total,
            "source": "rss",
        }


def total_bytes() -> Optional[int]:
    """The memory that the runner may use: the machine's, or less where a control group limits it."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = _control_group(name)
        if text is not None and text.strip().isdigit():
            total = min(total, int(text))
    return total


def oom_kills() -> int:
    """How many processes of this control group were killed for memory so far; 0 where it isn't counted."""
    for name in ("memory.events", "memory.oom_control"):
        for line in (_control_group(name) or "").splitlines():
            key, _, count = line.partition(" ")
            if key == "oom_kill" and count.strip().isdigit():
                return int(count)
    return 0


def _control_group(name: str) -> Optional[str]:
    """A file of this process's memory control group, version 2 or 1."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            places = ["/sys/fs/cgroup" + path, "/sys/fs/cgroup"]
        elif "memory" in controllers.split(","):
            places = ["/sys/fs/cgroup/memory" + path, "/sys/fs/cgroup/memory"]
        else:
            continue
        for place in places:
            try:
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    return file.read()
            except OSError:
                continue
    return None
