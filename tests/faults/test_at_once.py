"""Several mltrack processes in one project: nothing is lost, nothing is doubled, nobody
fails for it.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ends
from tests.support.workspace import Workspace


def start(ws: Workspace, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mltrack", *arguments],
        cwd=ws.path,
        env=ws.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes: list["subprocess.Popen[str]"]) -> list[str]:
    said = []
    for process in processes:
        text, _ = process.communicate(timeout=120)
        assert process.returncode == 0, text
        said.append(text)
    return said


def test_adding_different_targets_while_garbage_is_collected(ws: Workspace) -> None:
    ws.mltrack("config", "gc.grace_days", "0")
    for round_ in range(6):
        for number in range(3):
            for file in range(10):
                ws.write(f"data{number}/{file}", f"{round_} {number} {file}")
        adding = [start(ws, "add", f"data{number}") for number in range(3)]
        collecting = subprocess.Popen(
            [sys.executable, "-P", "-m", "mltrack", "gc"],
            cwd=ws.path,
            env=ws.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        finish(adding)
        # 5: the others were at work
        assert collecting.wait(120) in (0, 5), collecting.stderr.read()
        if collecting.stderr:
            collecting.stderr.close()
    before = ws.files("")
    for number in range(3):
        shutil.rmtree(ws.path / f"data{number}")
    ws.mltrack("checkout")
    assert ws.files("") == before


def test_adding_the_same_target_at_once(ws: Workspace) -> None:
    for file in range(50):
        ws.write(f"data/{file}", f"{file}" * 100)
    finish([start(ws, "add", "data") for _ in range(4)])
    assert "Nothing changed" in ws.mltrack("status").out


def test_a_second_repro_waits_and_finds_the_results_of_the_first(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo ran >> ../count; sleep 1; touch o\n    outs: [o]\n",
    )
    said = finish([start(ws, "repro") for _ in range(3)])
    assert (ws.path.parent / "count").read_text() == "ran\n"
    assert (
        sum("1 ran" in text for text in said) == 1
        and sum("1 unchanged" in text for text in said) == 2
    )
    assert any("another repro is at work" in text for text in said)


def test_pushing_the_same_and_different_data_at_once(
    shared: Workspace, tmp_path: Path
) -> None:
    for number in range(4):
        shared.write(f"f{number}", f"{number}" * 1000)
    shared.mltrack("add", *(f"f{number}" for number in range(4)))
    shared.commit()
    shared.mltrack("push", "f0")
    finish(
        [
            start(shared, "push", *targets)
            for targets in (("f0", "f1"), ("f1", "f2"), ("f2", "f3"), ())
        ]
    )
    other = shared.clone(tmp_path / "clone")
    other.mltrack("pull")
    assert {name: other.read(name) for name in ("f0", "f3")} == {
        "f0": "0" * 1000,
        "f3": "3" * 1000,
    }


def test_status_never_waits_for_a_running_repro(ws: Workspace) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: touch started; sleep 30\n    outs: [o]\n",
    )
    running = start(ws, "repro")
    try:
        while not ws.exists("started"):
            assert running.poll() is None
        ws.mltrack("status")
        ws.mltrack("repro", "--dry-run")
        assert running.poll() is None
    finally:
        running.terminate()
        running.communicate(timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_repro_that_is_interrupted_stops_its_command_and_records_nothing_of_it(
    number: int, ws: Workspace
) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: touch a\n    outs: [a]\n  s:\n    cmd: sleep 60 & echo $! > child; wait\n    deps: [a]\n    outs: [o]\n",
    )
    running = start(ws, "repro")
    while not ws.exists("child") or not ws.read("child"):
        assert running.poll() is None
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert ends(int(ws.read("child")))
    assert '"a"' in ws.read("mltrack.lock") and '"s"' not in ws.read("mltrack.lock")


def test_stages_that_are_added_at_once_are_all_declared(ws: Workspace) -> None:
    names = [f"s{number}" for number in range(6)]
    added = [
        start(ws, "stage", "add", "-n", name, "-o", name, "true") for name in names
    ]
    finish(added)
    listed = ws.mltrack("stage", "list", "--json").json["stages"]
    assert len(listed) == len(names)
