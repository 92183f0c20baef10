"""Experiments between clones."""

from pathlib import Path

import pytest

from tests.support.experiments import refused, states, training, untouched
from tests.support.workspace import Workspace


@pytest.fixture
def pair(shared: Workspace, tmp_path: Path) -> tuple[Workspace, Workspace]:
    """A project with two experiments that are done, and a clone of it that has none."""
    training(shared)
    shared.git("init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    shared.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    shared.git("push", "--quiet", "--set-upstream", "origin", "main")
    clone = Workspace(tmp_path / "clone", shared.environment)
    shared.git("clone", "--quiet", str(tmp_path / "origin.git"), str(clone.path))
    clone.mltrack("init")
    shared.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1,0.2")
    return shared, clone


def test_experiments_go_to_another_clone_with_what_they_name(
    pair: tuple[Workspace, Workspace],
) -> None:
    ws, clone = pair
    with untouched(ws):
        ws.mltrack("exp", "push")
    with untouched(clone):
        clone.mltrack("exp", "fetch")
        assert states(clone) == {"t-1": "done", "t-2": "done"}
        clone.mltrack("exp", "pull")
    clone.mltrack("exp", "apply", "t-2")
    assert clone.read("model") == "HELLO\n0.2 2\n"
    assert "2 stages: 2 unchanged" in clone.mltrack("repro").said
    assert "there already" in ws.mltrack("exp", "push").said


def test_what_was_fetched_alone_says_what_it_lacks(
    pair: tuple[Workspace, Workspace],
) -> None:
    ws, clone = pair
    ws.mltrack("exp", "push", "t-1")
    clone.mltrack("exp", "fetch")
    assert list(states(clone)) == ["t-1"]
    done = clone.mltrack("exp", "apply", "t-1", code=None)
    assert done.code not in (0, 70) and "mltrack" in done.err
    clone.mltrack("exp", "pull")
    clone.mltrack("exp", "apply", "t-1", "--force")
    assert clone.read("model") == "HELLO\n0.1 2\n"


def test_a_remote_without_experiments(pair: tuple[Workspace, Workspace]) -> None:
    _, clone = pair
    with untouched(clone):
        for verb in ("fetch", "pull", "push"):
            assert "there already" in clone.mltrack("exp", verb).said
    refused(clone, "fetch", "t-1", words="no experiment 't-1'", code=2)
    refused(clone, "push", "t-1", words="no experiment 't-1'", code=2)


def test_a_repository_without_a_remote(ws: Workspace) -> None:
    training(ws)
    ws.mltrack("exp", "run", "-n", "t", "-S", "lr=0.1")
    for verb in ("fetch", "pull", "push"):
        refused(ws, verb, words="no remote", hint="git remote add", code=2)
    refused(ws, "push", "--git-remote", "gone", words="gone", code=1)


def test_a_remote_that_is_away(pair: tuple[Workspace, Workspace]) -> None:
    ws, _ = pair
    ws.git("remote", "set-url", "origin", "/nowhere/at/all.git")
    for verb in ("fetch", "pull", "push"):
        refused(ws, verb, words="/nowhere/at/all.git", code=1)


def test_two_that_have_one_name_are_never_overwritten(
    pair: tuple[Workspace, Workspace],
) -> None:
    ws, clone = pair
    clone.mltrack("exp", "run", "-n", "t-1", "-S", "lr=0.9")
    ws.mltrack("exp", "push")
    theirs = clone.git("rev-parse", "refs/mltrack/exps/t-1").out
    with untouched(clone):
        for verb in ("push", "fetch", "pull"):
            done = clone.mltrack("exp", verb, code=3)
            assert "t-1" in done.err and "mltrack exp rename" in done.err
    # the others came
    assert states(clone) == {"t-1": "done", "t-2": "done"}
    assert clone.git("rev-parse", "refs/mltrack/exps/t-1").out == theirs
    there = clone.git("ls-remote", "origin", "refs/mltrack/exps/t-1").out
    assert there.split()[0] == ws.git("rev-parse", "refs/mltrack/exps/t-1").out.strip()
    clone.mltrack("exp", "rename", "t-1", "mine")
    clone.mltrack("exp", "pull")
    clone.mltrack("exp", "push")
    assert set(states(clone)) == {"t-1", "t-2", "mine"}


def test_a_name_that_waits_here_is_not_taken_by_one_from_elsewhere(
    pair: tuple[Workspace, Workspace],
) -> None:
    ws, clone = pair
    ws.mltrack("exp", "push")
    clone.mltrack("exp", "run", "-n", "t-1", "-S", "lr=0.9", "--queue")
    assert "t-1" in clone.mltrack("exp", "fetch", code=3).err
    assert states(clone) == {"t-1": "queued", "t-2": "done"}
    clone.mltrack("exp", "start")
    assert states(clone)["t-1"] == "done"


def test_only_what_is_done_is_sent(pair: tuple[Workspace, Workspace]) -> None:
    ws, _ = pair
    ws.mltrack("exp", "run", "-n", "q", "-S", "lr=0.7", "--queue")
    ws.mltrack("exp", "push")
    assert "exps/q" not in ws.git("ls-remote", "origin").out
    assert "bases" not in ws.git("ls-remote", "origin").out
    refused(ws, "push", "q", words="no result yet", code=2)


def test_one_run_from_what_another_clone_found(
    pair: tuple[Workspace, Workspace],
) -> None:
    ws, clone = pair
    ws.mltrack("exp", "push")
    clone.mltrack("exp", "pull")
    with untouched(clone):
        clone.mltrack("exp", "run", "-n", "on", "--from", "t-2", "-S", "depth=9")
    assert states(clone)["on"] == "done"
