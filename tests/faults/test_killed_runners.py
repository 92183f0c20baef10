"""kill -9 of every process between a person and a GPU, at many moments: nothing
doubled, nothing lost.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.servers import Sshd
from tests.support.hosts import add_runner, host_processes, kill
from tests.support.workspace import Workspace

STAGES = 4
MOMENTS = (0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.4, 1.8)
PIPELINE = """
stages:
  train:
    matrix: {n: [0, 1, 2, 3]}
    cmd: sh train.sh ${item.n} OUTSIDE
    deps: [train.sh, data]
    outs: ["model${item.n}"]
    resources: {gpus: 1}
  all:
    cmd: cat model*/m > all.txt
    deps: [model0, model1, model2, model3]
    outs: [all.txt]
"""
# a lock of the kernel tells whether the same stage runs twice at a time; it ends with
# the command, however that ends
TRAIN = """
exec 9>>"$2/lock-$1"; flock -n 9 || echo "$1" >>"$2/doubled"
exec 8>>"$2/gpu-$CUDA_VISIBLE_DEVICES"; flock -n 8 || echo "gpu $CUDA_VISIBLE_DEVICES" >>"$2/doubled"
echo "$1" >>"$2/ran"
echo begun; sleep 0.5
mkdir "model$1"; cat data/x >"model$1/m"; echo "$1" >>"model$1/m"
"""


@pytest.fixture
def project(
    ws: Workspace, tmp_path: Path, serve: Callable[[type[Sshd]], Any]
) -> tuple[Workspace, Path, Sshd]:
    if shutil.which("flock") is None:
        pytest.skip("flock is not installed")
    sshd = serve(Sshd)
    outside = tmp_path / "outside"
    outside.mkdir()
    ws.write("mltrack.yaml", PIPELINE.replace("OUTSIDE", str(outside)))
    ws.write("train.sh", TRAIN)
    ws.write("data/x", "data\n")
    add_runner(ws, sshd, tmp_path)
    ws.commit("Pipeline")
    return ws, outside, sshd


def start(ws: Workspace) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-P",
        "-m",
        "mltrack",
        "repro",
        "--runner",
        "box",
        "-j",
        "4",
    ]
    return subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


def check(ws: Workspace, outside: Path, *, at_most: int = 1) -> None:
    """The result is right, no stage ran beside itself, and none ran more often than it
    had to.
    """
    assert ws.read("all.txt") == "".join(f"data\n{n}\n" for n in range(STAGES))
    assert not (outside / "doubled").exists(), (outside / "doubled").read_text()
    ran = (outside / "ran").read_text().split()
    assert (
        set(ran) == {str(n) for n in range(STAGES)} and len(ran) <= STAGES + at_most - 1
    ), ran
    assert "up to date" in ws.mltrack("status").out


@pytest.mark.parametrize("moment", MOMENTS)
def test_repro_is_killed(moment: float, project: tuple[Workspace, Path, Sshd]) -> None:
    ws, outside, _ = project
    process = start(ws)
    time.sleep(moment)
    process.kill()
    process.communicate()
    ws.mltrack("repro", "--runner", "box", "-j", "4")
    check(ws, outside)


@pytest.mark.parametrize("moment", MOMENTS[:5])
@pytest.mark.parametrize("victim", ["ssh", "server"])
def test_the_connection_is_killed_while_it_is_made(
    victim: str, moment: float, project: tuple[Workspace, Path, Sshd], tmp_path: Path
) -> None:
    """The same repro goes on: what is lost is connected to again."""
    ws, outside, _ = project
    process = start(ws)
    time.sleep(moment)
    kill(host_processes(tmp_path)[victim])
    _, said = process.communicate(timeout=100)
    if process.returncode == 6:  # killed before anything was begun
        ws.mltrack("repro", "--runner", "box", "-j", "4")
    else:
        assert process.returncode == 0, said.decode()
    check(ws, outside)


@pytest.mark.parametrize("begun", range(1, STAGES + 1))
@pytest.mark.parametrize("victim", ["ssh", "server", "supervisor", "command"])
def test_what_is_at_work_is_killed(
    victim: str, begun: int, project: tuple[Workspace, Path, Sshd], tmp_path: Path
) -> None:
    """A lost job is tried again by the same repro; a command that is killed is a
    failure, and the next repro runs it.
    """
    ws, outside, _ = project
    process = start(ws)
    wait_until_begun(outside, begun)
    killed = kill(host_processes(tmp_path)[victim])
    _, said = process.communicate(timeout=100)
    assert killed
    if victim != "command":
        assert process.returncode == 0, said.decode()
    else:
        assert process.returncode == 8 and "SIGKILL" in said.decode(), said.decode()
        ws.mltrack("repro", "--runner", "box", "-j", "4")
    check(ws, outside, at_most=1 + killed if victim in ("supervisor", "command") else 1)


def wait_until_begun(outside: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while (
        not (outside / "ran").exists()
        or len((outside / "ran").read_text().split()) < count
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("begun", [1, 3, 4])
def test_sshd_is_killed_and_comes_back(
    begun: int, project: tuple[Workspace, Path, Sshd]
) -> None:
    ws, outside, sshd = project
    process = start(ws)
    wait_until_begun(outside, begun)
    assert kill([*sessions(sshd), *(one.pid for one in sshd.processes)]) >= 2
    for one in sshd.processes:
        one.wait()
    sshd.processes.clear()
    time.sleep(0.5)
    sshd.listen()
    _, said = process.communicate(timeout=100)
    assert process.returncode == 0, said.decode()
    check(ws, outside)


def sessions(sshd: Sshd) -> list[int]:
    """The processes of sshd that serve connections."""
    parents = {one.pid for one in sshd.processes}
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (
                int(
                    Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]
                )
                in parents
            ):
                found.append(int(name))
        except OSError:
            continue
    return found


def test_two_clones_share_the_slots_and_the_jobs(
    project: tuple[Workspace, Path, Sshd], tmp_path: Path
) -> None:
    ws, outside, sshd = project
    other = ws.clone(tmp_path / "clone")
    add_runner(other, sshd, tmp_path)
    processes = [start(ws), start(other)]
    for process in processes:
        _, said = process.communicate(timeout=100)
        assert process.returncode == 0, said.decode()
    check(ws, outside)
    assert other.read("all.txt") == ws.read("all.txt")


def test_an_interrupt_ends_the_jobs(
    project: tuple[Workspace, Path, Sshd], tmp_path: Path
) -> None:
    ws, outside, _ = project
    process = start(ws)
    wait_until_begun(outside, 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        not host_processes(tmp_path)["command"]
        and not host_processes(tmp_path)["supervisor"]
    )
    ws.mltrack("repro", "--runner", "box", "-j", "4")
    check(ws, outside, at_most=3)
