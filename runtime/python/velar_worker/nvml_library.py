"""NVIDIA's management library through ctypes: which cards there are, and what each tells.

Names, layouts, codes and units are those of NVIDIA's NVML API reference, https://docs.nvidia.com/deploy/nvml-api/.
A value that a card or driver doesn't tell is None.
"""

from __future__ import annotations

import ctypes
from typing import Any, Dict, List, Optional, Tuple

SUCCESS = 0
_INSUFFICIENT_SIZE = 7
_VERSION_2 = 2 << 24
_TEMPERATURE_GPU = 0
#: What a 64-bit value is where it isn't available, such as a process's memory under Windows' own driver model.
_NOT_AVAILABLE = (1 << 64) - 1
#: The library was not opened, the driver isn't loaded, or it was replaced by another version.
_DRIVER_GONE = (1, 9, 18)
#: The card fell off the bus, or has to be reset.
_CARD_GONE = (15, 16)
_TEXT_BYTES = 96
_Values = Dict[str, Any]


class Memory(ctypes.Structure):
    """nvmlMemory_t, in bytes."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Memory2(ctypes.Structure):
    """nvmlMemory_v2_t, in bytes. Its ``used`` is what nvidia-smi shows: without what the driver keeps for itself."""

    _fields_ = [
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    ]


class Utilization(ctypes.Structure):
    """nvmlUtilization_t, in percent of the time of the last sample period."""

    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class Process1(ctypes.Structure):
    """nvmlProcessInfo_v1_t."""

    _fields_ = [("pid", ctypes.c_uint), ("usedGpuMemory", ctypes.c_ulonglong)]


class Process2(ctypes.Structure):
    """nvmlProcessInfo_v2_t, which the third version of the calls fills too."""

    _fields_ = [
        ("pid", ctypes.c_uint),
        ("usedGpuMemory", ctypes.c_ulonglong),
        ("gpuInstanceId", ctypes.c_uint),
        ("computeInstanceId", ctypes.c_uint),
    ]


class Process535(ctypes.Structure):
    """What the third version of the calls fills in the first drivers of the branch 535, and in no others."""

    _fields_ = [
        ("pid", ctypes.c_uint),
        ("usedGpuMemory", ctypes.c_ulonglong),
        ("gpuInstanceId", ctypes.c_uint),
        ("computeInstanceId", ctypes.c_uint),
        ("usedGpuCcProtectedMemory", ctypes.c_ulonglong),
    ]


class NvmlError(Exception):
    """NVML can't be used, or not any more. The message says why."""


class Card:
    """One card, found by its index."""

    def __init__(self, index: int, handle: ctypes.c_void_p, uuid: str, name: str) -> None:
        self.index, self.handle, self.uuid, self.name = index, handle, uuid, name


class Library:
    """An opened NVML. Raises NvmlError when it can't be loaded or opened."""

    def __init__(self, path: str) -> None:
        try:
            self._library = ctypes.CDLL(path)
        except OSError as error:
            raise NvmlError("%s can't be loaded (%s)" % (path, error)) from None
        self._functions: Dict[str, Any] = {}
        self._gone: Optional[str] = None
        self._check("nvmlInit_v2", self._call("nvmlInit_v2"))
        self._process_call, self._process_type = self._process_version()

    def close(self) -> None:
        """Lets the driver go."""
        self._call("nvmlShutdown")

    def driver(self) -> Optional[str]:
        """Version of the driver, such as ``550.54.15``."""
        return self._text("nvmlSystemGetDriverVersion")

    def cards(self) -> List[Card]:
        """Every card that this process may use. One that can't be asked for its identity is left out."""
        count = ctypes.c_uint()
        self._check("nvmlDeviceGetCount_v2", self._call("nvmlDeviceGetCount_v2", ctypes.byref(count)))
        found = []
        for index in range(count.value):
            handle = ctypes.c_void_p()
            code = self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
            if code != SUCCESS:
                continue
            uuid = self._text("nvmlDeviceGetUUID", handle)
            name = self._text("nvmlDeviceGetName", handle)
            if uuid is not None and name is not None:
                found.append(Card(index, handle, uuid, name))
        return found

    def read(self, card: Card) -> _Values:
        """What a card tells now. Raises NvmlError when the driver is gone; a card that is gone says so in ``problem``."""
        handle = card.handle
        self._gone = None
        total, used = self._memory(handle)
        busy = Utilization()
        told = self._value("nvmlDeviceGetUtilizationRates", handle, ctypes.byref(busy))
        return {
            "index": card.index,
            "uuid": card.uuid,
            "name": card.name,
            "memoryTotalBytes": total,
            "memoryUsedBytes": used,
            "gpuPercent": busy.gpu if told else None,
            "memoryPercent": busy.memory if told else None,
            "temperatureC": self._number("nvmlDeviceGetTemperature", handle, ctypes.c_uint(_TEMPERATURE_GPU)),
            "powerWatts": _watts(self._number("nvmlDeviceGetPowerUsage", handle)),
            "powerLimitWatts": _watts(self._number("nvmlDeviceGetPowerManagementLimit", handle)),
            "processes": self._processes(handle),
            "problem": self._gone,
        }

    def _memory(self, handle: ctypes.c_void_p) -> Tuple[Optional[int], Optional[int]]:
        """Total and used, in bytes."""
        second = Memory2()
        second.version = ctypes.sizeof(Memory2) | _VERSION_2
        if self._value("nvmlDeviceGetMemoryInfo_v2", handle, ctypes.byref(second)):
            return int(second.total), int(second.used)
        first = Memory()
        if self._value("nvmlDeviceGetMemoryInfo", handle, ctypes.byref(first)):
            return int(first.total), int(first.used)
        return None, None

    def _processes(self, handle: ctypes.c_void_p) -> Optional[List[_Values]]:
        """Processes with memory on the card, those that compute and those that draw; None where neither is told."""
        memory: Dict[int, Optional[int]] = {}
        told = False
        for kind in ("Compute", "Graphics"):
            entries = self._entries("nvmlDeviceGet%sRunningProcesses%s" % (kind, self._process_call), handle)
            told = told or entries is not None
            for entry in entries or ():
                # A process that does both is in both lists, with all of its memory in each.
                used = None if entry.usedGpuMemory == _NOT_AVAILABLE else int(entry.usedGpuMemory)
                memory[entry.pid] = used if memory.get(entry.pid) is None else max(memory[entry.pid] or 0, used or 0)
        return [{"pid": pid, "usedBytes": used} for pid, used in memory.items()] if told else None

    def _entries(self, name: str, handle: ctypes.c_void_p) -> Optional[List[Any]]:
        room = 32
        while True:
            entries = (self._process_type * room)()
            count = ctypes.c_uint(room)
            code = self._call(name, handle, ctypes.byref(count), entries)
            if code == _INSUFFICIENT_SIZE and room < 1 << 16:
                # More may start before the next call.
                room = max(room, count.value) * 2
                continue
            return list(entries[: count.value]) if self._is_told(name, code) else None

    def _process_version(self) -> Any:
        """Suffix of the calls that list processes, and what they fill."""
        if self._function("nvmlDeviceGetComputeRunningProcesses_v3") is not None:
            interim = self._function("nvmlDeviceGetConfComputeMemSizeInfo") is not None
            settled = self._function("nvmlDeviceGetRunningProcessDetailList") is not None
            return "_v3", Process535 if interim and not settled else Process2
        if self._function("nvmlDeviceGetComputeRunningProcesses_v2") is not None:
            return "_v2", Process2
        return "", Process1

    def _number(self, name: str, *arguments: Any) -> Optional[int]:
        number = ctypes.c_uint()
        return number.value if self._value(name, *arguments, ctypes.byref(number)) else None

    def _text(self, name: str, *arguments: Any) -> Optional[str]:
        buffer = ctypes.create_string_buffer(_TEXT_BYTES)
        if self._call(name, *arguments, buffer, ctypes.c_uint(_TEXT_BYTES)) != SUCCESS:
            return None
        return buffer.value.decode("utf-8", "replace")

    def _value(self, name: str, *arguments: Any) -> bool:
        return self._is_told(name, self._call(name, *arguments))

    def _is_told(self, name: str, code: Optional[int]) -> bool:
        """True for a success; what is not told, or not to us, is no failure."""
        if code in _DRIVER_GONE:
            self._check(name, code)
        if code in _CARD_GONE:
            self._gone = self._describe(code)
        return code == SUCCESS

    def _check(self, name: str, code: Optional[int]) -> None:
        if code is None:
            raise NvmlError("the driver's library lacks %s" % name)
        if code != SUCCESS:
            raise NvmlError(self._describe(code))

    def _describe(self, code: Optional[int]) -> str:
        describe = self._function("nvmlErrorString")
        if describe is None or code is None:
            return "NVML error %s" % code
        describe.restype = ctypes.c_char_p
        text = describe(ctypes.c_int(code))
        return "%s (NVML error %d)" % ((text or b"unknown").decode("utf-8", "replace"), code)

    def _call(self, name: str, *arguments: Any) -> Optional[int]:
        """The code that a function returns; None where the driver lacks the function."""
        function = self._function(name)
        return None if function is None else int(function(*arguments))

    def _function(self, name: str) -> Any:
        if name not in self._functions:
            self._functions[name] = getattr(self._library, name, None)
        return self._functions[name]


def _watts(milliwatts: Optional[int]) -> Optional[float]:
    return None if milliwatts is None else milliwatts / 1000
