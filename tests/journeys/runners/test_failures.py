"""What failed on a host is told by its kind, and tried again by the rule for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.hosts import stages
from tests.support.workspace import Workspace


def test_failures_are_told_by_kind_and_tried_again_by_their_rule(
    box: Workspace, tmp_path: Path
) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: sh t.sh\n    deps: [t.sh]\n    outs: [o]\n",
    )
    box.write(
        "t.sh",
        f"echo x >> {tmp_path}/n; echo 'CUDA error: uncorrectable ECC error encountered' >&2; exit 1\n",
    )
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "the machine is at fault" in said and "trying again" in said
    assert (tmp_path / "n").read_text().count("x") == 3
    box.write("t.sh", "echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1\n")
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "out of GPU memory" in said and "trying again" not in said


@pytest.mark.parametrize("where", ["local", "box"])
def test_a_checkpoint_is_restored_by_the_next_try(where: str, box: Workspace) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  t:\n    cmd: echo step >> ck/at; test $(wc -l < ck/at) -ge 3 && cp ck/at o\n    outs: [o]\n    checkpoint: ck\n"
        "    retry: {tries: 2}\n",
    )
    box.mltrack("repro", "--runner", where, code=8)
    assert not box.exists("ck")
    said = box.mltrack("repro", "--runner", where)
    assert box.read("o") == "step\nstep\nstep\n" and not box.exists("ck")
    assert where == "box" or "resuming from its checkpoint" in said.err
    # another key finds none
    box.write("mltrack.yaml", box.read("mltrack.yaml").replace("-ge 3", "-ge 1"))
    box.mltrack("repro", "--runner", where)
    assert box.read("o") == "step\n"


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    import subprocess

    path.mkdir(parents=True, exist_ok=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)],
        capture_output=True,
    ).returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


def test_a_full_disk_on_the_host_is_told_and_the_host_stays_usable(
    box: Workspace, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "host", "4m"):
        box.write(
            "mltrack.yaml",
            "stages:\n  t:\n    cmd: head -c 8000000 /dev/zero > o\n    outs: [o]\n",
        )
        said = box.mltrack("repro", "--runner", "box", code=8).err
        assert "No space left on device" in said or "exit code 1" in said
        box.write("big", os.urandom(8 << 20))
        box.write(
            "mltrack.yaml",
            "stages:\n  t:\n    cmd: cat big > o\n    deps: [big]\n    outs: [o]\n",
        )
        said = box.mltrack("repro", "--runner", "box", code=8).err
        assert "worker" in said and "No space left on device" in said
        box.write(
            "mltrack.yaml", "stages:\n  t:\n    cmd: echo small > o\n    outs: [o]\n"
        )
        box.mltrack("repro", "--runner", "box")
        assert box.read("o") == "small\n"


def test_the_timeout_is_that_of_all_commands_together(box: Workspace) -> None:
    stages(
        box, t='{cmd: ["sleep 1.5", "sleep 1.5", "echo t > o"], outs: [o], timeout: 2s}'
    )
    for runner in ("local", "box"):
        assert (
            "longer than its timeout of 2 s"
            in box.mltrack("repro", "--runner", runner, code=8).err
        )


def test_setup_that_fails_is_told_from_a_command_that_does(box: Workspace) -> None:
    box.mltrack("config", "--local", "runner.box.setup", ". /nowhere/activate")
    stages(box, a='{cmd: "echo a > a", outs: [a]}')
    assert (
        "the setup of runner box failed on worker"
        in box.mltrack("repro", "--runner", "box", code=8).err
    )
    box.mltrack("config", "--local", "runner.box.setup", "export X=set")
    stages(box, a='{cmd: "echo $X > a; exit 3", outs: [a]}')
    said = box.mltrack("repro", "--runner", "box", code=8).err
    assert "exit code 3" in said and "setup" not in said
