"""NVIDIA's management library, asked for the GPUs of this machine: five functions of
its C API.
"""

from __future__ import annotations

import ctypes
from typing import Any

from ...logger.nvml import Memory, loaded

_library: list[Any] = []


def gpus() -> list[tuple[str, str, int, int]]:
    """Returns number, model, and total and free memory in bytes of each GPU that the
    driver knows.
    """
    # loaded once: who stands in line asks many times a second
    if not _library:
        _library.append(loaded())
    nvml = _library[0]
    count = ctypes.c_uint()
    if nvml is None or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return []
    found = []
    for number in range(count.value):
        device, memory = ctypes.c_void_p(), Memory()
        # NVML_DEVICE_NAME_V2_BUFFER_SIZE
        model = ctypes.create_string_buffer(96)
        if nvml.nvmlDeviceGetHandleByIndex_v2(
            ctypes.c_uint(number), ctypes.byref(device)
        ):
            # a GPU that the driver lost keeps its number; the others are still good
            continue
        nvml.nvmlDeviceGetName(device, model, ctypes.c_uint(96))
        nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
        found.append(
            (
                str(number),
                model.value.decode("utf-8", "replace"),
                int(memory.total),
                int(memory.free),
            )
        )
    return found
