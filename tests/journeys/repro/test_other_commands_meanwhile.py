"""What other commands and edits do while a repro runs is seen when its turn comes, and
kept.
"""

import subprocess
import sys
import time

from tests.support.steps import lock
from tests.support.workspace import Workspace


def start(ws: Workspace, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-P", "-m", "mltrack", *arguments]
    return subprocess.Popen(
        command,
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_result_to_be_restored_is_decided_again_when_its_turn_comes(
    ws: Workspace,
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch ../started; sleep 2; cat ain > aout\n    deps: [ain]\n    outs: [aout]\n"
        "  b:\n    cmd: cat aout > bout\n    deps: [aout]\n    outs: [bout]\n"
        "  z:\n    cmd: cat x bout > zout\n    deps: [x, bout]\n    outs: [zout]\n"
        "  y:\n    cmd: cat x > yout\n    deps: [x]\n    outs: [yout]\n",
    )
    for x in ("one", "two"):
        ws.write("ain", "1")
        ws.write("x", x)
        ws.mltrack("repro")
    (ws.path.parent / "started").unlink()
    ws.write("ain", "2")
    ws.write("x", "one")
    running = start(ws, "repro")
    while not (ws.path.parent / "started").exists():
        time.sleep(0.02)
    ws.write("x", "three")
    running.communicate(timeout=60)
    ws.mltrack("repro")
    assert ws.read("yout") == "three" and ws.read("zout") == "three2"


def test_a_checkout_leaves_the_outputs_of_a_stage_at_work_alone(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: mkdir d; sleep 2; cp in d/$(cat in)\n    deps: [in]\n    outs: [d]\n",
    )
    ws.write("in", "64")
    ws.mltrack("repro")
    ws.write("in", "65")
    running = start(ws, "repro")
    while ws.exists("d/64") or not ws.exists("d"):
        time.sleep(0.02)
    assert "the stage 's' is at work on it" in ws.mltrack("checkout", code=5).err
    running.communicate(timeout=60)
    assert sorted(path.name for path in (ws.path / "d").iterdir()) == ["65"]


def until(ws: Workspace, path: str, process: "subprocess.Popen[str]") -> None:
    while not ws.exists(path):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def test_a_commit_that_waits_looks_when_it_may_go_on(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch started; sleep 2; cp ain aout\n    deps: [ain]\n    outs: [aout]\n"
        "  b:\n    cmd: cp in bout\n    deps: [in]\n    outs: [bout]\n",
    )
    ws.write("ain", "1")
    ws.write("in", "X")
    ws.write("bout", "X")
    running = start(ws, "repro", "a")
    until(ws, "started", running)
    committing = start(ws, "commit", "b")
    time.sleep(0.7)
    ws.write("in", "YYYY")
    running.communicate(timeout=60)
    committing.communicate(timeout=60)
    ws.write("in", "X")
    assert "b: run" in ws.mltrack("why", "b").out, "what was recorded is of YYYY"


def test_a_long_repro_keeps_what_was_declared_and_recorded_meanwhile(
    ws: Workspace,
) -> None:
    text = "stages:\n  long:\n    cmd: touch started; sleep 2; touch l\n    outs: [l]\n"
    ws.write("mltrack.yaml", text)
    running = start(ws, "repro")
    until(ws, "started", running)
    ws.write("mltrack.yaml", text + "  fresh:\n    cmd: touch f\n    outs: [f]\n")
    ws.mltrack("repro", "fresh")
    running.communicate(timeout=60)
    assert lock(ws).keys() == {"long", "fresh"}
