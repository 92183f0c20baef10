"""Ctrl-C at any moment of a command: no traceback, exit code 130, nothing begun."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.workspace import ROOT, Workspace


@pytest.mark.parametrize("after", [0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.35])
def test_an_interrupt_ends_a_command_without_a_traceback(
    ws: Workspace, after: float
) -> None:
    with open(ws.path / "data", "wb") as file:
        # hashing it takes longer than the test waits
        file.truncate(64 << 30)
    code = "from mltrack.__main__ import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code, "add", "data"],
        cwd=ws.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    # the interpreter itself was still on its way
    is_before_us = process.returncode == -signal.SIGINT and "mltrack" not in err
    if not is_before_us:
        assert process.returncode == 130, err
        assert "Traceback" not in err and "interrupted" in err
    assert not (ws.path / "data.mlt").exists()
    assert ws.mltrack("status").code == 0
