"""How much of each resource this machine has."""

import os
import re
from contextlib import suppress

from mltrack.disk.abilities import Ability, has

CPUS, GPUS, MEMORY, TIME = "cpus", "gpus", "memory", "time"
GPU_MEMORY = "gpu_memory"
"""How much memory each GPU must have free, in bytes: it says which GPUs will do, and is
not counted up.
"""
NOT_COUNTED = (TIME, GPU_MEMORY)
"""Claims that are not taken from what a machine has: the first only schedulers of
clusters read.
"""

_DEVICE = re.compile(r"nvidia\d+\Z")


def machine() -> dict[str, float]:
    """Returns what this machine has: ``cpus`` that this process may use, ``memory`` in
    bytes, ``gpus``.
    """
    return {
        CPUS: float(_cpus()),
        MEMORY: _memory(),
        GPUS: float(len(_devices())),
    }


def visible_gpus(count: int) -> list[str]:
    """Returns the names of ``count`` GPUs as CUDA_VISIBLE_DEVICES takes them: those
    that it names already, if set.
    """
    named = [
        name.strip()
        for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        if name.strip()
    ]
    return (named or [str(number) for number in range(count)])[:count]


def _cpus() -> int:
    if has(Ability.AFFINITY):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> float:
    total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    # cgroup v2, then v1; an unlimited `max` is no number, and is passed over
    for path in (
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ):
        with suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            return min(total, float(file.read()))
    return total


def _devices() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        # CUDA takes -1 for no GPU
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    try:
        # names in /dev cost nothing; to load NVML takes 5 ms
        return [name for name in os.listdir("/dev") if _DEVICE.match(name)]
    except OSError:
        return []
