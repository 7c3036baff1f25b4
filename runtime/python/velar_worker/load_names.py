"""What loads are called: a model's name from a loader's arguments, and where a move to a GPU leads."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Optional, Tuple

#: The name and way of a load, told from its arguments; None for a call that loads nothing.
Label = Callable[..., Optional[Tuple[str, str]]]


def label_of(label: Label, args: Any, kwargs: Any) -> Optional[Tuple[str, str]]:
    """The label, or None for arguments that the loader itself will complain about."""
    try:
        return label(*args, **kwargs)
    except Exception:
        return None


def to_target(*args: Any, **kwargs: Any) -> Optional[str]:
    """The GPU that ``Module.to`` moves to; None when it changes the type or goes to the CPU."""
    for value in list(args[:1]) + [kwargs.get("device")]:
        device = str(getattr(value, "device", value))
        if device.startswith("cuda"):
            return device
    return None


def cuda_target(device: Any = None) -> str:
    """The GPU that ``Module.cuda`` moves to."""
    if device is None:
        return "cuda"
    return "cuda:%d" % device if type(device) is int else str(device)


def is_on(module: Any, device: str) -> bool:
    """True when all of a module lies on that GPU already, as far as it tells."""
    try:
        tensors = [*module.parameters(), *module.buffers()]
        if device == "cuda":
            device = "cuda:%d" % sys.modules["torch"].cuda.current_device() if tensors else device
        return bool(tensors) and all(str(tensor.device) == device for tensor in tensors)
    except Exception:
        return False


def pipeline_label(task: Any = None, model: Any = None, *_: Any, **__: Any) -> Tuple[str, str]:
    return name_of(model if model is not None else task or "model"), "transformers.pipeline"


def name_of(what: Any) -> str:
    """A model's name: of a path its last part, of an object its class."""
    if isinstance(what, os.PathLike):
        what = os.fspath(what)
    if isinstance(what, str):
        return os.path.basename(what.rstrip("/")) or what if os.path.isabs(what) or what.startswith(".") else what
    return type(what).__name__ if not hasattr(what, "name") else str(what.name)
