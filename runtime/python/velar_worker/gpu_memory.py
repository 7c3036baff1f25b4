"""GPU memory of this process: what torch holds, and errors that say that there is no more."""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Optional

from velar.exception import RemoteError

from . import sizes

#: Exceptions of libraries for memory that can't be had on a GPU, by the package and name of their class.
_CLASSES = {
    ("torch", "OutOfMemoryError"),
    ("cupy", "OutOfMemoryError"),
    ("rmm", "out_of_memory"),
}
#: What other exceptions say, in lower case. Each names CUDA, HIP or a GPU: the same libraries run on CPUs too.
_TEXTS = (
    "cuda out of memory",
    "hip out of memory",
    "cuda error: out of memory",
    "hip error: out of memory",
    "cudaerrormemoryallocation",
    "cuda_error_out_of_memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cumemalloc failed: out of memory",
    "cuda failure 2: out of memory",
)
#: jax and tensorflow say this wherever memory ran out; a GPU stands in the text, or is what jax computes on.
_EXHAUSTED = ("resource_exhausted", "oom when allocating", "resourceexhausted")


def exhausted(error: BaseException) -> bool:
    """True for an error of a library that says that a GPU's memory ran out."""
    if isinstance(error, RemoteError):
        return False
    for cls in type(error).__mro__:
        if (cls.__module__.split(".")[0].split("_")[0], cls.__name__) in _CLASSES:
            return True
    if not isinstance(error, Exception):
        return False
    try:
        text = str(error).lower()
    except Exception:
        return False
    if any(part in text for part in _TEXTS):
        return True
    told = any(part in text for part in _EXHAUSTED) or "resourceexhausted" in type(error).__name__.lower()
    return told and ("gpu:" in text or "cuda" in text or ("out of memory" in text and _jax_on_gpu()))


def _jax_on_gpu() -> bool:
    tell = getattr(sys.modules.get("jax"), "default_backend", None)
    try:
        return callable(tell) and tell() in ("gpu", "cuda", "rocm")
    except Exception:
        return False


def _cuda() -> Any:
    """torch.cuda where it is in use already; asking for it must not be its first use."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    initialized = getattr(cuda, "is_initialized", None)
    return cuda if callable(initialized) and initialized() else None


def torch_devices() -> List[Dict[str, Any]]:
    """For each device that torch uses: bytes allocated, the most since :func:`restart_peaks`, reserved, and in all."""
    cuda = _cuda()
    if cuda is None:
        return []
    return [
        {
            "device": "cuda:%d" % index,
            "allocatedBytes": int(cuda.memory_allocated(index)),
            "peakBytes": int(cuda.max_memory_allocated(index)),
            "reservedBytes": int(cuda.memory_reserved(index)),
            "totalBytes": int(cuda.get_device_properties(index).total_memory),
        }
        for index in range(cuda.device_count())
    ]


def restart_peaks() -> None:
    """Lets torch's peaks count from what is allocated now."""
    cuda = _cuda()
    if cuda is not None:
        for index in range(cuda.device_count()):
            cuda.reset_peak_memory_stats(index)


def allocated() -> Optional[int]:
    """Bytes that torch has allocated on all devices; None while it uses none."""
    cuda = _cuda()
    return None if cuda is None else sum(int(cuda.memory_allocated(index)) for index in range(cuda.device_count()))


def total() -> Optional[int]:
    """Bytes of all devices that torch may use; None while it uses none."""
    cuda = _cuda()
    if cuda is None:
        return None
    return sum(int(cuda.get_device_properties(index).total_memory) for index in range(cuda.device_count()))


def release() -> None:
    """Gives back what torch keeps for reuse and nothing holds."""
    cuda = _cuda()
    if cuda is not None:
        cuda.empty_cache()


def explain(wire: Dict[str, Any], models: List[str]) -> None:
    """Adds what holds the GPU's memory now to an error's hint and details. ``models``: loaded ones, with their sizes."""
    devices = [device for device in torch_devices() if device["reservedBytes"]]
    told = ["Models in memory: %s." % ", ".join(models)] if models else []
    told += [
        "On %s torch holds %s and keeps %s reserved of %s in all."
        % (device["device"], *(sizes.text(device[name + "Bytes"]) for name in ("allocated", "reserved", "total")))
        for device in devices
    ]
    wire["hint"] = " ".join([wire.get("hint") or "", *told]).strip()
    wire["details"] = {**wire.get("details", {}), "models": models, "devices": devices}
