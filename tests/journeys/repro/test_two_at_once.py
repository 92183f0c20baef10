"""Two repros at once: no stage runs twice for one result, and no result is made from an
input that was taken away meanwhile.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


class Gates:
    """Named pipes: a command waits at one until the test opens it, and tells at one
    that it got there.
    """

    def __init__(self, at: Path) -> None:
        self.at = at

    def make(self, *names: str) -> None:
        for name in names:
            os.mkfifo(self.at / name)

    def wait(self, name: str) -> None:
        (self.at / name).read_text()

    def open(self, name: str) -> None:
        (self.at / name).write_text("")


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    return Gates(tmp_path)


def begin(ws: Workspace, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", *(arguments or ("repro",))],
        cwd=ws.path,
        env=ws.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate()
    return process.returncode, said


SLOW = """stages:
  up: {cmd: 'echo up >> ../log; cat in > up', deps: [in], outs: [up]}
  down: {cmd: 'echo down >> ../log; head -n 1 up > down; : > ../here; : < ../go; tail -n 1 up >> down', deps: [up], outs: [down]}
"""


@pytest.mark.parametrize(
    "meanwhile",
    [
        "echo 2 > up",
        "rm up",
        "echo 2 > t; mv t up",
        "echo 2 > up; echo 1 > up",
        "cp -p up t; echo 2 > up; cp -p t up",
        "mv up t; echo 2 > up; rm up; mv t up",
    ],
)
def test_an_input_that_is_touched_while_a_stage_reads_it_makes_no_result(
    ws: Workspace, gates: Gates, meanwhile: str
) -> None:
    """Also where its bytes are the same again when the stage ends."""
    gates.make("here", "go")
    ws.write("in", "1\n")
    ws.write("mltrack.yaml", SLOW)
    process = begin(ws)
    gates.wait("here")
    ws.run(["/bin/sh", "-ec", meanwhile])
    gates.open("go")
    code, said = end(process)
    assert code in (3, 8), said
    assert '"down"' not in (
        ws.read("mltrack.lock") if ws.exists("mltrack.lock") else ""
    )


@pytest.mark.parametrize(
    "verb", [["repro", "-f", "up"], ["checkout", "--force", "up"], ["commit", "up"]]
)
def test_who_would_replace_what_a_running_stage_reads_waits_or_is_refused(
    ws: Workspace, gates: Gates, verb: list[str]
) -> None:
    gates.make("here", "go")
    ws.write("in", "1\n")
    ws.write("mltrack.yaml", SLOW)
    ws.mltrack("repro", "up")
    process = begin(ws)
    gates.wait("here")
    other = begin(ws, *verb)
    try:
        other.wait(1)
    except subprocess.TimeoutExpired:
        pass  # it waits for the stage
    assert ws.read("up") == "1\n"
    gates.open("go")
    code, said = end(process)
    second, said_too = end(other)
    assert second in (0, 1, 5), said_too
    if code == 0:
        assert ws.read("down") == "1\n1\n", said
    ws.mltrack("repro", "up")
    assert ws.read("up") == "1\n"


def test_an_equal_stage_runs_once_whoever_comes_second(
    ws: Workspace, gates: Gates
) -> None:
    gates.make("here", "go")
    ws.write("in", "1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: 'echo a >> ../log; : > ../here; : < ../go; cat in > a', deps: [in], outs: [a]}\n"
        "  x: {cmd: 'echo x >> ../log; cat a > x', deps: [in, a], outs: [x]}\n"
        "  y: {cmd: 'echo y >> ../log; cat x > y', deps: [x], outs: [y]}\n",
    )
    first = begin(ws)
    gates.wait("here")
    others = [begin(ws), begin(ws, "repro", "x"), begin(ws, "repro", "-j", "3")]
    gates.open("go")
    ended = [end(process) for process in (first, *others)]
    assert [code for code, _ in ended] == [0, 0, 0, 0], ended
    assert sorted(ws.read("../log").splitlines()) == ["a", "x", "y"]
    ws.mltrack("status", "--check")


def test_a_stage_that_always_runs_above_one_that_is_running_leaves_its_input_alone(
    ws: Workspace, gates: Gates
) -> None:
    gates.make("here", "go")
    ws.write("in", "1\n")
    ws.write(
        "mltrack.yaml", SLOW.replace("outs: [up]", "outs: [up], always_changed: true")
    )
    first = begin(ws)
    gates.wait("here")
    second = begin(ws, "repro", "up")
    try:
        second.wait(1)
    except subprocess.TimeoutExpired:
        pass
    held = ws.exists("up") and ws.read("up")
    gates.open("go")
    code, said = end(first)
    end(second)
    recorded = '"down"' in (
        ws.read("mltrack.lock") if ws.exists("mltrack.lock") else ""
    )
    assert held == "1\n" or not recorded, said
    assert code == 0 or not recorded


def test_two_repros_at_once_share_the_work(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  base:\n    cmd: echo x >> ../count; sleep 1; echo b > base\n    outs: [base]\n"
        "  left:\n    cmd: sleep 0.5; cp base left\n    deps: [base]\n    outs: [left]\n"
        "  right:\n    cmd: sleep 0.5; cp base right\n    deps: [base]\n    outs: [right]\n",
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack", "repro", target],
            cwd=ws.path,
            env=ws.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for target in ("left", "right")
    ]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert (ws.path.parent / "count").read_text() == "x\n"
    assert sum("another repro is at work on it" in text for text in said) == 1
    assert json.loads(ws.read("mltrack.lock"))["stages"].keys() == {
        "base",
        "left",
        "right",
    }
    assert "3 unchanged" in ws.mltrack("repro").out
