"""What other commands and edits do while a repro runs is seen when its turn comes, and
kept.
"""

import json
import subprocess
import sys
import time

import pytest

from tests.support.steps import lock
from tests.support.workspace import Workspace


def edit_b_while_a_runs(ws: Workspace, command: str) -> str:
    """Runs both stages; then again, while the person edits the second one's output."""
    ws.write("in", "1")
    ws.write("go", "")
    ws.write("mltrack.yaml", WAITING.format(a=command))
    ws.mltrack("repro")
    (ws.path / "go").unlink()
    (ws.path / "started").unlink()
    ws.write("in", "2")
    running = start(ws, "repro")
    until(ws, "started", running)
    (ws.path / "b").unlink()
    ws.write("b", "an edit\n")
    ws.write("go", "")
    return running.communicate(timeout=60)[0]


WAITING = (
    "stages:\n"
    "  a:\n    cmd: touch started; while test ! -e go; do sleep 0.02; done; {a}\n"
    "    deps: [in]\n    outs: [a]\n"
    "  b:\n    cmd: cat a a > b\n    deps: [a]\n    outs: [b]\n"
)


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


@pytest.mark.parametrize("declared", ["layers", "layers[0]", "layers.0"])
@pytest.mark.parametrize("given", ["layers[0]=5", "layers.0=5", "layers=[5, 2]"])
def test_a_set_in_a_list_reaches_the_command_however_it_is_spelled(
    ws: Workspace, declared: str, given: str
) -> None:
    ws.write("params.json", '{"layers": [1, 2], "other": 2}')
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp params.json out\n    params: [{params.json: "
        f"['{declared}']}}]\n    outs: [out]\n",
    )
    ws.mltrack("repro", "--set", "params.json:other=9", "--set", f"params.json:{given}")
    assert json.loads(ws.read("out")) == {"layers": [5, 2], "other": 2}


def test_an_output_that_is_edited_while_others_run_is_saved_before_its_stage_runs(
    ws: Workspace,
) -> None:
    edit_b_while_a_runs(ws, "cp in a")
    assert ws.read("b") == "22"
    ws.mltrack("undo", "b")
    assert ws.read("b") == "an edit\n"


def test_an_output_that_is_edited_while_others_run_is_not_called_unchanged(
    ws: Workspace,
) -> None:
    edit_b_while_a_runs(ws, "echo 1 > a")
    assert ws.read("b") == "1\n1\n"
    ws.mltrack("undo", "b")
    assert ws.read("b") == "an edit\n"


def test_a_record_names_the_commit_that_was_checked_out_when_its_stage_ended(
    ws: Workspace,
) -> None:
    ws.write("in", "1")
    ws.write(
        "mltrack.yaml",
        "stages:\n"
        "  a:\n    cmd: touch a\n    outs: [a]\n"
        "  b:\n    cmd: touch started; while test ! -e go; do sleep 0.02; done; touch b\n"
        "    deps: [a]\n    outs: [b]\n",
    )
    ws.write(".gitignore", "/started\n/go\n")
    ws.commit("first")
    running = start(ws, "repro")
    until(ws, "started", running)
    ws.commit("meanwhile", tag="meanwhile")
    ws.write("go", "")
    running.communicate(timeout=60)
    commits = {
        record["stage"]: record["commit"]
        for bundle in (ws.path / ".mltrack/cache/runs").glob("*.jsonl")
        for record in map(json.loads, bundle.read_text().splitlines()[1:])
    }
    meanwhile = ws.git("rev-parse", "meanwhile").out.strip()
    assert commits["a"] == ws.git("rev-parse", "meanwhile~1").out.strip()
    assert commits["b"] == meanwhile
