"""What a load asks for, and what the runtime is told when its files are there."""

from __future__ import annotations

from typing import Any, Dict

from .bundle import Change


def environment(header: Dict[str, Any]) -> Dict[str, str]:
    """Variables that the runner gets; on the CPU no card is visible, unless the function says otherwise."""
    env = {str(name): str(value) for name, value in (header.get("env") or {}).items()}
    if header.get("cpu"):
        env.setdefault("CUDA_VISIBLE_DEVICES", "")
    return env


def written(load: int, change: Change, ms: float) -> Dict[str, Any]:
    """The message that the files of a load lie there."""
    detail = "%d of %d files written" % (change.written, change.total)
    phase = {"type": "phase", "load": load, "call": None, "phase": "container", "status": "progress"}
    return {**phase, "ms": round(ms, 3), "detail": detail}
