"""NVIDIA's management library, asked how busy the GPUs of this machine are: functions of
its C API.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Any, Mapping


class Memory(ctypes.Structure):
    """nvmlMemory_t of NVIDIA's NVML API reference."""

    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class _Utilization(ctypes.Structure):
    """nvmlUtilization_t."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


def loaded() -> Any:
    """Returns the library, ready to be asked; None where there is no driver."""
    # one without this function is no driver either
    with suppress(OSError, AttributeError):
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() == 0:
            return nvml
    return None


class Gpus:
    """The GPUs that a program may use, by ``CUDA_VISIBLE_DEVICES``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._nvml = loaded()
        self._devices: dict[int, ctypes.c_void_p] = {}
        if self._nvml is not None:
            # a driver without these functions: no GPUs
            with suppress(AttributeError):
                self._find(environment.get("CUDA_VISIBLE_DEVICES"))

    def _find(self, visible: Any) -> None:
        count = ctypes.c_uint()
        if self._nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return
        for number in _chosen(visible, count.value):
            device = ctypes.c_void_p()
            if not self._nvml.nvmlDeviceGetHandleByIndex_v2(
                ctypes.c_uint(number), ctypes.byref(device)
            ):
                self._devices[number] = device

    def readings(self) -> dict[str, float]:
        """Returns for each GPU its use in percent, its memory in use in bytes, and its
        power in watts: those that it says.
        """
        found: dict[str, float] = {}
        for number, device in self._devices.items():
            name = f"gpu{number}"
            use, memory, power = _Utilization(), Memory(), ctypes.c_uint()
            if not self._nvml.nvmlDeviceGetUtilizationRates(device, ctypes.byref(use)):
                found[f"{name}/use"] = use.gpu
            if not self._nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)):
                found[f"{name}/memory"] = memory.used
            if not self._nvml.nvmlDeviceGetPowerUsage(device, ctypes.byref(power)):
                found[f"{name}/power"] = power.value / 1000  # it says milliwatts
        return found


def _chosen(visible: Any, count: int) -> list[int]:
    """The numbers of the GPUs to look at; where they are named in other ways, all."""
    if visible is None:
        return list(range(count))
    words = [word.strip() for word in visible.split(",") if word.strip()]
    if not all(word.isdigit() for word in words):
        return list(range(count))
    return [int(word) for word in words if int(word) < count]
