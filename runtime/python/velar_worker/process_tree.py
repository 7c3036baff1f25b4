"""The processes below a process, and their memory, without packages."""

from __future__ import annotations

import os
import signal
import sys
from typing import Dict, List, Optional

_PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> List[int]:
    """Children, their children and so on; empty where there is no /proc."""
    children = _children_lists(pid)
    if children is not None:
        return children
    parents: Dict[int, List[int]] = {}
    for name in _listed("/proc"):
        if name.isdigit():
            parent = _parent(name)
            if parent is not None:
                parents.setdefault(parent, []).append(int(name))
    found: List[int] = []
    todo = [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _children_lists(pid: int) -> Optional[List[int]]:
    """From /proc/PID/task/TID/children; None where the kernel has no such file."""
    found: List[int] = []
    todo = [pid]
    while todo:
        current = todo.pop()
        for task in _listed("/proc/%d/task" % current):
            text = _read("/proc/%d/task/%s/children" % (current, task))
            if text is None:
                if not os.path.exists("/proc/self/task/%d/children" % os.getpid()):
                    return None
                continue
            below = [int(child) for child in text.split()]
            found += below
            todo += below
    return found


def _parent(pid: str) -> Optional[int]:
    text = _read("/proc/%s/stat" % pid)
    if text is None:
        return None
    # The command's name stands in parentheses and may hold anything, a closing one included.
    return int(text[text.rindex(")") + 1 :].split()[1])


def resident_bytes(pid: int) -> int:
    """Resident memory of one process; 0 when it is gone."""
    if sys.platform == "linux":
        text = _read("/proc/%d/statm" % pid)
        return int(text.split()[1]) * _PAGE if text else 0
    return 0


def peak_bytes(pid: int) -> int:
    """Most resident memory that one process had since :func:`reset_peak`; 0 when it is gone."""
    text = _read("/proc/%d/status" % pid)
    for line in (text or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peak(pid: int) -> bool:
    """Linux: lets the peak of one process count from what is resident now. False: it goes on counting."""
    try:
        with open("/proc/%d/clear_refs" % pid, "wb", buffering=0) as file:
            file.write(b"5")
    except OSError:
        # Not this platform, not allowed here, or the process is gone.
        return False
    return True


def kill_tree(pid: int) -> None:
    """SIGKILL to a process group and to whatever below left the group."""
    below = descendants(pid)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        below.append(pid)
    kill_all(below)


def kill_all(pids: List[int]) -> None:
    """SIGKILL to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def adopt_orphans() -> None:
    """Linux: processes whose parent below this one died become this one's children, so that none escapes."""
    if sys.platform == "linux":
        import ctypes

        pr_set_child_subreaper = 36
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def _listed(path: str) -> List[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
