"""Host memory: of a runner's process tree, the limit that holds for it, and evidence that the limit was hit."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import Any, Dict, List, Optional

from . import process_tree

#: How often the list of descendants is read again, in seconds.
_TREE_AGE = 1.0


class HostMemory:
    """Samples of one runner. Used and peak in bytes; the peak counts from the runner's start."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._tree: List[int] = []
        self._tree_at = float("-inf")
        self._total = total_bytes()

    def sample(self, call: Optional[int]) -> Optional[Dict[str, Any]]:
        """The header of a memory message; None when the runner is gone or the platform tells nothing."""
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
        self._peak = max(self._peak, used, peak)
        return {
            "type": "memory",
            "call": call,
            "device": "host",
            "usedBytes": used,
            "peakBytes": self._peak,
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
