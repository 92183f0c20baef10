"""What a killed process leaves running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.workspace import Workspace


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_command_that_was_left_running_is_ended_before_it_runs_again(
    ws: Workspace, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    ws.write("params.yaml", "n: 0\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: 'cat params.yaml > out; if test ! -e $NOTE; then "
        "echo $$ > $NOTE; exec sleep 600; fi'\n    params: [n]\n    outs: [out]\n",
    )
    ws.commit("one")
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", "exp", "run", "-n", "a", "-S", "n=1"],
        cwd=ws.path,
        env={**ws.environment, "NOTE": str(note)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: note.exists() and bool(note.read_text().strip()))
    pid = int(note.read_text())
    running.send_signal(signal.SIGKILL)
    running.wait()
    try:
        assert is_running(pid)
        ws.mltrack("exp", "start", NOTE=str(note))
        assert not is_running(pid)
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)
    assert ws.mltrack("cat", "out", "--rev", "a").out == "n: 1\n"
    # what it worked in is gone, too
    left = list((ws.path / ".mltrack/exps/stands").glob("*/.mltrack/tmp/sandboxes/*"))
    assert left == []
