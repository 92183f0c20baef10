"""How busy the machine is, as series; GPUs by a stand-in for NVIDIA's library."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mltrack.logger.monitor import Monitor
from tests.support.workspace import ROOT

STAND_IN = """
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned gpu, memory; } use;
static int devices[3] = {0, 1, 2};
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = &devices[index]; return 0; }
int nvmlDeviceGetUtilizationRates(void *device, use *found) { found->gpu = 10 * (*(int *)device + 1); return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory *found) { found->used = 5000000000ULL; return 0; }
int nvmlDeviceGetPowerUsage(void *device, unsigned *found) { *found = 251500; return *(int *)device == 2; }
"""


def steps(path: Path) -> list[str]:
    return [line.split(",")[0] for line in path.read_text().splitlines()[1:]]


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="the system has no /proc")
def test_samples_are_series_by_seconds_since_the_first_look(tmp_path: Path) -> None:
    monitor = Monitor(str(tmp_path), 1.0, {})
    for moment in (100.0, 100.5, 101.0, 102.1, 102.2, 105.0):
        monitor.look(moment)
    monitor.close()
    # what was missed is left out, and the beat goes on
    assert steps(tmp_path / "memory.csv") == ["1", "2", "5"]
    assert monitor.next_moment == 106.0
    lines = (tmp_path / "memory.csv").read_text().splitlines()
    assert lines[0] == "step,memory" and float(lines[1].split(",")[1]) > 1 << 20


@pytest.mark.parametrize(
    ("visible", "numbers"), [(None, "012"), ("1", "1"), ("", ""), ("GPU-ab", "012")]
)
def test_gpus_are_those_that_a_program_may_use(
    tmp_path: Path, visible: str | None, numbers: str
) -> None:
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
        "import os; from mltrack.logger.nvml import Gpus\n"
        "for name, value in sorted(Gpus(os.environ).readings().items()): print(name, value)\n"
    )
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(line.split() for line in done.stdout.splitlines())
    assert {name[3] for name in said} == {*numbers}
    if "1" in numbers:
        assert said["gpu1/use"] == "20" and said["gpu1/memory"] == "5000000000"
        assert said["gpu1/power"] == "251.5"
    # what a GPU does not say is left out
    assert "gpu2/power" not in said


def test_a_program_is_sampled_while_it_runs(tmp_path: Path) -> None:
    text = "import time; from mltrack import log; log.system(0.05); log.system(0.05); time.sleep(1)"
    subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    if os.path.exists("/proc/stat"):
        found = steps(tmp_path / "live/system/cpu.csv")
        # asked for twice, it is one
        assert len(found) >= 5 and len({*found}) == len(found)
        rows = (tmp_path / "live/system/cpu.csv").read_text().splitlines()[1:]
        assert all(0 <= float(row.split(",")[1]) <= 100 for row in rows)
    assert not (tmp_path / "live/metrics.json").exists()
