"""The supervisor of an attempt, where a process does not end."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mltrack.runners.worker import supervise
from mltrack.runners.worker.attempts import Attempt
from mltrack.runners.worker.objects import Objects
from mltrack.runners.worker.slots import Slots


def test_a_command_that_survives_even_being_killed_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one in the middle of a disk's answer that does not come."""
    (tmp_path / "work").mkdir()
    job = {
        "items": [{"id": "", "commands": ["sleep 60"], "outputs": []}],
        "directory": "",
        "shell": "/bin/sh",
        "variables": {},
        "resources": {},
        "timeout": 0.01,
        "token": "t",
    }
    one = supervise.Supervisor(
        Attempt("k", 1, str(tmp_path)),
        -1,
        job,
        Objects(str(tmp_path), "xxh3", None),
        Slots([]),
    )
    monkeypatch.setattr(one, "_end_command", lambda: None)
    one._course.begin(time.monotonic() - 1)
    assert one._run_command("sleep 60") == -signal.SIGKILL
    assert isinstance(one._process, subprocess.Popen)
    os.killpg(one._process.pid, signal.SIGKILL)
    one._process.wait()
