"""What NVIDIA's driver is asked, answered by a stand-in for its library: no GPU is
needed, and none is tested.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import ROOT

STAND_IN = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory;
static int devices[2] = {0, 1};
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = &devices[index]; return index > 1; }
int nvmlDeviceGetName(void *device, char *name, unsigned size) { strncpy(name, "Stand-in GPU", size); return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory *found) {
  found->total = 80000000000ULL; found->used = *(int *)device ? 70000000000ULL : 500000000ULL;
  found->free = found->total - found->used; return 0;
}
"""


def test_gpus_and_their_memory_are_those_that_the_driver_names(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in with")
    (tmp_path / "nvml.c").write_text(STAND_IN)
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(library), str(tmp_path / "nvml.c")],
        check=True,
    )
    program = (
        "from mltrack.runners.worker.slots import Slots\n"
        f"slots = Slots(None, {str(tmp_path / 'locks')!r})\n"
        "print(*[(gpu.name, gpu.model, gpu.free) for gpu in slots.gpus()])\n"
        "request = slots.request(1, {})\n"
        "print(request.try_take(), request.names, [slot.is_foreign for slot in slots.held()])\n"
        "print(slots.request(2, {}).try_take())\n"
    )
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "('0', 'Stand-in GPU', 79500000000) ('1', 'Stand-in GPU', 10000000000)",
        "True ['0'] [False, True]",
        "False",
    ]


def test_without_a_driver_there_are_no_gpus() -> None:
    from mltrack.runners.worker.slots import Slots, nvml_gpus

    assert nvml_gpus() == [] or nvml_gpus()[0].total > 0
    assert [gpu.name for gpu in Slots(["a", "b"]).gpus()] == ["a", "b"]
