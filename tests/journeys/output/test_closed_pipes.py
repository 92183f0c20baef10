"""A reader who has seen enough ends a command quietly; any other broken pipe is told."""

import os
import subprocess
import sys

import pytest

from mltrack.cli import main
from tests.support.workspace import Workspace


def unread(ws: Workspace, *arguments: str) -> tuple[int, str]:
    """Runs a command whose output nobody reads; returns its code and what it says on
    standard error.
    """
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-P", "-m", "mltrack", *arguments]
    done = subprocess.run(
        command,
        cwd=ws.path,
        env=ws.environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    return done.returncode, done.stderr


def test_a_command_whose_output_nobody_reads_ends_with_141(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  t: {cmd: 'echo x; exit 3', outs: [o]}\n")
    for line in (["ls"], ["repro"], ["status", "--json"], ["ls", "--help"], []):
        code, said = unread(ws, *line)
        assert code == 141 or (line == ["ls"] and code == 0), (line, code)
        assert "error" not in said and "Traceback" not in said


def test_a_connection_that_breaks_is_an_error_in_words(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.chdir(ws.path)
    monkeypatch.setattr("mltrack.verbs.undo.undo", breaks)
    assert main.run(["undo"]) == 1
    assert "error: the system refused: Broken pipe" in capsys.readouterr().err
