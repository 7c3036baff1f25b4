"""GPU memory as torch counts it, sampled inside a runner while a call runs and CUDA is in use."""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable, Dict, List, Optional

from .gpu_memory import torch_devices

#: Seconds between samples: densely first, then once a second.
FAST, SLOW, FAST_FOR = 0.1, 1.0, 2.0


def samples() -> List[Dict[str, Any]]:
    """One sample a device that torch has used: bytes allocated now, at most, and in all."""
    return [
        {
            "device": device["device"],
            "usedBytes": device["allocatedBytes"],
            "peakBytes": device["peakBytes"],
            "totalBytes": device["totalBytes"],
            "source": "torch",
        }
        for device in torch_devices()
        if device["peakBytes"]
    ]


def can_use_cuda() -> bool:
    """True when a torch built for GPUs is imported; a look that costs nothing and initialises nothing."""
    if "torch" not in sys.modules:
        return False
    version = getattr(sys.modules["torch"], "version", None)
    return bool(getattr(version, "cuda", None) or getattr(version, "hip", None))


class TorchSampler:
    """One thread, made when a call starts with a GPU build of torch imported; asleep between calls."""

    def __init__(self, report: Callable[[Dict[str, Any]], None]) -> None:
        self._report = report
        self._wake = threading.Condition()
        self._active = False
        self._generation = 0
        self._thread: Optional[threading.Thread] = None

    def call_started(self) -> None:
        """A call began, or began to load a model. Cheap when there is no torch."""
        if self._thread is None:
            if not can_use_cuda():
                return
            self._thread = threading.Thread(target=self._run, name="velar-torch-memory", daemon=True)
            self._thread.start()
        with self._wake:
            self._active = True
            self._generation += 1
            self._wake.notify()

    def call_ended(self) -> None:
        """The call ended: a last sample, with its peak."""
        if self._thread is not None:
            with self._wake:
                self._active = False
                self._wake.notify()
        if can_use_cuda():
            for sample in samples():
                self._report(sample)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._active)
                generation, waited = self._generation, 0.0
            while True:
                pause = FAST if waited < FAST_FOR else SLOW
                with self._wake:
                    if self._wake.wait_for(lambda: not self._active or self._generation != generation, pause):
                        break
                waited += pause
                for sample in samples():
                    self._report(sample)
