"""GPUs are shared by processes and users, refused where there are none, and shown with
their holders.
"""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.services.servers import Sshd, has_other_user
from tests.support.hosts import add_runner, stages
from tests.support.workspace import Workspace


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_sent(
    box: Workspace, tmp_path: Path
) -> None:
    box.mltrack("config", "--local", "runner.box.gpus", "0")
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo x > o\n    outs: [o]\n    resources: {gpus: 1}\n",
    )
    said = box.mltrack("repro", "--runner", "box", code=1).err
    assert (
        "stage 't' needs 1 of 'gpus'; box has 0" in said and "runner.box.gpus 1" in said
    )
    assert not list((tmp_path / "host/objects").rglob("*/*/*")) and not list(
        (tmp_path / "host/jobs").iterdir()
    )


def test_two_processes_share_the_gpus_of_this_machine(
    ws: Workspace, tmp_path: Path
) -> None:
    import subprocess

    locks = str(tmp_path / "locks")
    text = (
        "stages:\n  t:\n    matrix: {n: [0, 1, 2]}\n    resources: {gpus: 1}\n    outs: ['o${item.n}']\n"
        f"    cmd: mkdir {tmp_path}/gpu-$CUDA_VISIBLE_DEVICES && sleep 0.3 && rmdir {tmp_path}/gpu-$CUDA_VISIBLE_DEVICES"
        " && touch o${item.n}\n"
    )
    ws.write("mltrack.yaml", text)
    ws.commit("Pipeline")
    other = ws.clone(tmp_path / "clone")
    processes = []
    for one in (ws, other):
        one.mltrack("config", "--local", "runner.local.gpus", "2")
        one.mltrack("config", "--local", "runner.local.gpu_locks", locks)
    for one in (ws, other):
        command = [sys.executable, "-P", "-m", "mltrack", "repro", "-j", "2"]
        processes.append(
            subprocess.Popen(
                command, cwd=one.path, env=one.environment, stderr=subprocess.PIPE
            )
        )
    for process in processes:
        assert process.wait(60) == 0, process.stderr.read() if process.stderr else ""


def test_who_holds_a_gpu_is_shown(ws: Workspace, tmp_path: Path) -> None:
    import subprocess

    ws.mltrack("config", "--local", "runner.local.gpus", "2")
    ws.mltrack("config", "--local", "runner.local.gpu_locks", str(tmp_path / "locks"))
    ws.write(
        "mltrack.yaml",
        f"stages:\n  t:\n    cmd: touch {tmp_path}/go; sleep 3\n    resources: {{gpus: 1}}\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", "repro", "-q"],
        cwd=ws.path,
        env=ws.environment,
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    said = ws.mltrack("runner", "check", "local").out
    assert f"process {process.pid}: t" in said and "GPU 1: free" in said
    process.kill()  # the command goes on, and so does its hold on the GPU
    process.wait()
    assert "GPU 0: held" in ws.mltrack("runner", "check", "local").out
    ws.mltrack("repro", "-q", code=None)
    assert "GPU 0: free" in ws.mltrack("runner", "check", "local").out


def test_two_users_share_the_gpus_of_a_host(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    import subprocess
    import tempfile

    if not has_other_user():
        pytest.skip(
            "there is no second user mltrack-other, or this one may not log in as it"
        )
    with tempfile.TemporaryDirectory(prefix="mltrack-shared-") as shared:
        os.chmod(shared, 0o1777)
        add_runner(box, sshd, Path(shared), "mine")
        add_runner(box, sshd, Path(shared), "theirs", host="other")
        box.mltrack("config", "--local", "runner.theirs.directory", "~/.mltrack-test")
        note = f"mkdir {shared}/g-$CUDA_VISIBLE_DEVICES && sleep 0.4 && rmdir {shared}/g-$CUDA_VISIBLE_DEVICES && id -un > o"
        box.write(
            "mltrack.yaml",
            f"stages:\n  t:\n    matrix: {{n: [0, 1, 2, 3, 4, 5]}}\n    cmd: {note}${{item.n}}\n    outs: ['o${{item.n}}']\n"
            "    resources: {gpus: 1}\n",
        )
        box.commit("Pipeline")
        other = box.clone(tmp_path / "clone")
        shutil.copy(
            box.path / ".mltrack/config.local.toml",
            other.path / ".mltrack/config.local.toml",
        )
        processes = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "mltrack",
                    "repro",
                    "-j",
                    "6",
                    "--runner",
                    name,
                ],
                cwd=one.path,
                env=one.environment,
                stderr=subprocess.PIPE,
            )
            for one, name in ((box, "mine"), (other, "theirs"))
        ]
        for process in processes:
            assert process.wait(60) == 0, (
                process.stderr.read() if process.stderr else ""
            )
        assert other.read("o0") == "mltrack-other\n"


def test_memory_of_gpus_is_a_size(ws: Workspace) -> None:
    stages(ws, a="{cmd: echo a > a, outs: [a], resources: {gpus: 1, gpu_memory: 20GB}}")
    ws.mltrack("config", "--local", "runner.local.gpus", "1")
    ws.mltrack("repro", "--dry-run")
