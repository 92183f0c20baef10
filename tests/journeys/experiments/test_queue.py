"""The queue: noting, starting, stopping, cancelling, and several processes at it."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.experiments import (
    SCRIPT,
    ran,
    refused,
    shown,
    start,
    states,
    training,
    untouched,
)
from tests.support.processes import comes
from tests.support.workspace import Workspace


@pytest.fixture
def trained(ws: Workspace) -> Workspace:
    return training(ws)


@pytest.fixture
def slow(trained: Workspace) -> Workspace:
    """A pipeline whose last stage waits for a file ``go-LR`` beside the project."""
    place = trained.path.parent
    trained.write(
        "code/train.sh",
        f"touch {place}/begun-$1; until [ -e {place}/go ] || [ -e {place}/go-$1 ]; do sleep 0.05; done\n"
        + SCRIPT,
    )
    trained.commit("slow")
    return trained


def go(ws: Workspace, lr: str = "") -> None:
    (ws.path.parent / (f"go-{lr}" if lr else "go")).touch()


def begun(ws: Workspace, lr: str) -> bool:
    return comes((ws.path.parent / f"begun-{lr}").exists)


def test_what_is_queued_runs_once_it_is_started(trained: Workspace) -> None:
    with untouched(trained):
        trained.mltrack("exp", "run", "-n", "q", "-S", "lr=0.1,0.2", "--queue")
    assert ran(trained) == [] and set(states(trained).values()) == {"queued"}
    # the workspace moves on: what was queued stays what it was
    trained.write("in.txt", "changed since\n")
    trained.commit("changed")
    with untouched(trained):
        trained.mltrack("exp", "start", "q-2")
        trained.mltrack("exp", "start")
    assert set(states(trained).values()) == {"done"}
    assert trained.git("show", "refs/mltrack/exps/q-1:in.txt").out == "hello\n"
    assert "Nothing is queued" in trained.mltrack("exp", "start").said


def test_changes_of_the_workspace_that_were_queued_survive_gits_gc(
    trained: Workspace,
) -> None:
    trained.write("in.txt", "only in the workspace\n")
    trained.mltrack("exp", "run", "-n", "q", "-S", "lr=0.1", "--queue")
    trained.git("checkout", "--quiet", "--", "in.txt")
    trained.git("gc", "--quiet", "--prune=now")
    trained.mltrack("exp", "start")
    assert (
        trained.git("show", "refs/mltrack/exps/q:in.txt").out
        == "only in the workspace\n"
    )


def test_data_that_only_a_queued_experiment_names_survives_gc(
    trained: Workspace,
) -> None:
    trained.mltrack("config", "gc.grace_days", "0")
    trained.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat data.bin > o; echo ${lr} >> o\n    deps: [data.bin]\n    params: [lr]\n    outs: [o]\n",
    )
    trained.write("data.bin", "never committed\n")
    trained.mltrack("add", "data.bin")
    trained.mltrack("exp", "run", "-n", "q", "-S", "lr=0.1", "--queue")
    trained.write("data.bin", "the next version\n")
    trained.mltrack("add", "data.bin")
    trained.mltrack("gc")
    trained.mltrack("exp", "start")
    assert states(trained) == {"q": "done"}


def test_results_that_only_an_experiment_names_survive_gc(trained: Workspace) -> None:
    trained.mltrack("config", "gc.grace_days", "0")
    trained.commit("no grace")
    trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    trained.mltrack("gc")
    trained.mltrack("exp", "apply", "t-1")
    assert trained.read("model") == "HELLO\n0.1 2\n"


def test_one_that_runs_is_stopped_and_started_again(slow: Workspace) -> None:
    with untouched(slow):
        running = start(slow, "run", "-n", "t", "-S", "lr=0.1")
        assert begun(slow, "0.1")
        assert states(slow) == {"t": "running"}
        assert "asked to stop" in slow.mltrack("exp", "stop").said
        running.communicate(timeout=60)
        assert states(slow) == {"t": "stopped"}
        go(slow)
        slow.mltrack("exp", "start")
    assert states(slow) == {"t": "done"} and ran(slow) == ["0.1 2"]


def test_stop_ends_a_whole_sweep(slow: Workspace) -> None:
    with untouched(slow):
        running = start(slow, "run", "-n", "t", "-S", "lr=0.1,0.2,0.3")
        assert begun(slow, "0.1")
        slow.mltrack("exp", "stop")
        running.communicate(timeout=60)
    assert (
        "done" not in states(slow).values() and "running" not in states(slow).values()
    )
    assert ran(slow) == []


def test_one_of_several_is_cancelled(slow: Workspace) -> None:
    with untouched(slow):
        running = start(slow, "run", "-n", "t", "-S", "lr=0.1,0.2,0.3")
        assert begun(slow, "0.1")
        slow.mltrack("exp", "cancel", "t-1", "t-2")
        go(slow, "0.3")
        running.communicate(timeout=60)
    found = states(slow)
    assert found == {"t-1": "failed", "t-3": "done"}, found
    assert ran(slow) == ["0.3 2"]
    assert shown(slow)["t-1"]["reason"] == "cancelled"


def test_one_that_was_removed_from_the_queue_does_not_run(slow: Workspace) -> None:
    running = start(slow, "run", "-n", "t", "-S", "lr=0.1,0.2")
    assert begun(slow, "0.1")
    slow.mltrack("exp", "remove", "t-2")
    go(slow)
    running.communicate(timeout=60)
    assert states(slow) == {"t-1": "done"} and ran(slow) == ["0.1 2"]


def test_what_is_said_of_one_that_waits_is_kept(slow: Workspace) -> None:
    running = start(slow, "run", "-n", "t", "-S", "lr=0.1,0.2")
    assert begun(slow, "0.1")
    slow.mltrack("exp", "note", "t-2", "look at this one")
    slow.mltrack("exp", "tag", "t-2", "later")
    go(slow)
    running.communicate(timeout=60)
    row = shown(slow)["t-2"]
    assert (row["state"], row["note"], row["tags"]) == (
        "done",
        "look at this one",
        ["later"],
    )


def test_stopping_reaches_the_process_that_has_it(slow: Workspace) -> None:
    first = start(slow, "run", "-n", "a", "-S", "lr=0.1")
    second = start(slow, "run", "-n", "b", "-S", "lr=0.2")
    try:
        assert begun(slow, "0.1") and begun(slow, "0.2")
        slow.mltrack("exp", "stop", "a")
        first.communicate(timeout=30)
        assert second.poll() is None
        assert states(slow) == {"a": "stopped", "b": "running"}
    finally:
        go(slow)
        second.communicate(timeout=60)
        first.communicate(timeout=60)
    assert states(slow) == {"a": "stopped", "b": "done"}


def test_a_word_that_came_too_late_stops_no_later_run(trained: Workspace) -> None:
    trained.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1", "--queue")
    asked = trained.path / ".mltrack/exps/asked"
    asked.mkdir(parents=True)
    (asked / "t").write_text("cancel")
    trained.mltrack("exp", "start")
    assert states(trained) == {"t": "done"}


def test_two_starts_share_the_queue(slow: Workspace) -> None:
    slow.mltrack("exp", "run", "-n", "q", "-S", "lr=0.1,0.2,0.3,0.4", "--queue")
    with untouched(slow):
        both = [start(slow, "start"), start(slow, "start")]
        # the second takes whichever of them is free
        is_shared = comes(lambda: len(list(slow.path.parent.glob("begun-*"))) == 2)
        go(slow)
        told = [process.communicate(timeout=60)[0] for process in both]
        assert is_shared and not any(one.returncode for one in both), "\n---\n".join(
            told
        )
    assert set(states(slow).values()) == {"done"} and len(states(slow)) == 4
    assert sorted(ran(slow)) == ["0.1 2", "0.2 2", "0.3 2", "0.4 2"]


def test_one_that_another_process_finished_is_not_begun_again(slow: Workspace) -> None:
    slow.mltrack("exp", "run", "-n", "q", "-S", "lr=0.1,0.2", "--queue")
    first = start(slow, "start")
    assert begun(slow, "0.1")
    go(slow, "0.2")
    slow.mltrack("exp", "start", "q-2")
    done = slow.git("rev-parse", "refs/mltrack/exps/q-2").out
    go(slow)
    first.communicate(timeout=60)
    assert slow.git("rev-parse", "refs/mltrack/exps/q-2").out == done
    assert set(states(slow).values()) == {"done"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_what_can_go_on(number: int, slow: Workspace) -> None:
    with untouched(slow):
        running = start(slow, "run", "-n", "t", "-S", "lr=0.1,0.2,0.3")
        go(slow, "0.1")
        assert begun(slow, "0.2")
        running.send_signal(number)
        said, _ = running.communicate(timeout=60)
        assert running.returncode == 130, said
        assert "2 experiments can go on" in said
        assert states(slow) == {"t-1": "done", "t-2": "stopped", "t-3": "queued"}
        go(slow)
        slow.mltrack("exp", "start")
    assert ran(slow) == ["0.1 2", "0.2 2", "0.3 2"]


def test_equal_work_of_two_processes_runs_once(slow: Workspace) -> None:
    with untouched(slow):
        both = [start(slow, "run", "-S", "lr=0.1,0.2") for _ in range(2)]
        assert begun(slow, "0.1")
        go(slow)
        for process in both:
            said, _ = process.communicate(timeout=60)
            assert process.returncode == 0, said
    assert sorted(ran(slow)) == ["0.1 2", "0.2 2"]
    assert len(states(slow)) == 4


def test_what_is_under_way_is_neither_removed_nor_renamed_nor_started(
    slow: Workspace,
) -> None:
    running = start(slow, "run", "-n", "t", "-S", "lr=0.1")
    assert begun(slow, "0.1")
    try:
        for verb in (
            ["remove", "t"],
            ["rename", "t", "u"],
            ["note", "t", "x"],
            ["start", "t"],
        ):
            refused(slow, *verb, words="under way", code=2)
        refused(slow, "apply", "t", words="no result yet", code=2)
    finally:
        go(slow)
        running.communicate(timeout=60)
    assert states(slow) == {"t": "done"}


def test_looking_never_keeps_anybody_from_starting(trained: Workspace) -> None:
    """Who looks asks the kernel who works on what."""
    for _ in range(8):
        trained.mltrack("exp", "run", "-S", "lr=0.1", "--queue")
    queue = trained.path / ".mltrack/exps/queue"
    for file in queue.iterdir():
        # as left by a process that was killed
        file.write_text(
            json.dumps({**json.loads(file.read_text()), "state": "running"})
        )
    (trained.path / ".mltrack/exps/names.lock").touch()
    assert set(states(trained).values()) == {"stopped"}
    looking = [start(trained, "show") for _ in range(3)]
    done = trained.mltrack("exp", "start")
    for process in looking:
        process.communicate(timeout=60)
    assert "8 done" in done.said and set(states(trained).values()) == {"done"}


def test_a_queue_without_a_disk_left_notes_all_or_none(
    trained: Workspace, tmp_path: Path
) -> None:
    import sys

    for at in range(1, 40):
        command = [
            sys.executable,
            "-P",
            "-m",
            "tests.support.breaking",
            "ENOSPC",
            str(at),
            str(tmp_path / "count"),
            "exp",
            "run",
            "-n",
            f"t{at}",
            "-S",
            "lr=0.1,0.2,0.3",
            "--queue",
        ]
        with untouched(trained):
            done = trained.run(command)
        found = {name for name in states(trained) if name.startswith(f"t{at}-")}
        assert len(found) in (0, 3), (at, done.said)
        assert done.code != 70 and (done.code == 0) == (len(found) == 3), done.said
        if done.code == 0:
            break
    assert not [name for name in os.listdir(trained.path / ".git") if "crash" in name]
