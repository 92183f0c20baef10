"""Who ends here ends no job there, and a result whose receipt was cut off is taken once
more.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.hosts import stages
from tests.support.workspace import Workspace


def start(ws: Workspace, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-P",
        "-m",
        "mltrack",
        "repro",
        "--runner",
        "box",
        *arguments,
    ]
    return subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )


def wait_for(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)


def test_only_the_person_at_the_terminal_ends_jobs(
    box: Workspace, tmp_path: Path
) -> None:
    stages(
        box, a=f'{{cmd: "echo x >> {tmp_path}/ran; sleep 1; echo a > a", outs: [a]}}'
    )
    process = start(box)
    wait_for((tmp_path / "ran").exists, process)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and b"the next repro takes its result" in said
    box.mltrack("repro", "--runner", "box")
    assert box.read("a") == "a\n" and (tmp_path / "ran").read_text() == "x\n"


@pytest.mark.parametrize("number", [9, 2])
def test_a_result_whose_receipt_was_cut_off_is_taken_once_more_and_nothing_is_left_lying(
    number: int, box: Workspace, tmp_path: Path
) -> None:
    stages(
        box,
        a=f'{{cmd: "echo x >> {tmp_path}/ran; head -c 300000000 /dev/zero > a", outs: [a], always_changed: true}}',
    )
    process = start(box)
    received = box.path / ".mltrack/tmp/received"
    wait_for(
        lambda: any(
            path.is_file() and path.stat().st_size > 10**7
            for path in received.rglob("*")
        ),
        process,
    )
    process.send_signal(number)
    process.communicate(timeout=60)
    box.mltrack("repro", "--runner", "box")
    assert (box.path / "a").stat().st_size == 300_000_000 and (
        tmp_path / "ran"
    ).read_text() == "x\n"
    assert not list(received.iterdir()) and not list(
        (box.path / ".mltrack/jobs").glob("[0-9a-f]*/*.json")
    )


def test_an_error_here_ends_no_job_there(box: Workspace, tmp_path: Path) -> None:
    """The bad one's output cannot be put in place, which no rule of failures foresees."""
    stages(
        box,
        bad=f'{{cmd: "while [ ! -e {tmp_path}/ran ]; do sleep 0.05; done; mkdir -p nowhere; echo b > nowhere/b", outs: [nowhere/b]}}',
        slow=f'{{cmd: "echo x >> {tmp_path}/ran; sleep 2; echo s > s", outs: [s]}}',
    )
    process = start(box, "-k", "-j", "2")
    wait_for((tmp_path / "ran").exists, process)
    box.write("nowhere", "a file where a directory belongs")
    _, said = process.communicate(timeout=60)
    assert process.returncode not in (0, 70), said
    (box.path / "nowhere").unlink()
    box.mltrack("repro", "--runner", "box", "-j", "2")
    assert (
        box.read("s") == "s\n"
        and box.read("nowhere/b") == "b\n"
        and (tmp_path / "ran").read_text() == "x\n"
    )
