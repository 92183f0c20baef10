"""A lock speaks only for stages that are declared: moved stages, deleted pipeline
files, at revisions, in hooks and clones.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

HERE = "stages:\n  s:\n    cmd: cat in > out\n    deps: [in]\n    outs: [out]\n"
ABOVE = "stages:\n  s:\n    wdir: a\n    cmd: cat in > out; echo >> out\n    deps: [in]\n    outs: [out]\n"


def deleted(ws: Workspace) -> None:
    (ws.path / "a/mltrack.yaml").unlink()


def emptied(ws: Workspace) -> None:
    ws.write("a/mltrack.yaml", "stages: {}\n")


def renamed(ws: Workspace) -> None:
    ws.write(
        "a/mltrack.yaml", HERE.replace("> out", "> other").replace("[out]", "[other]")
    )


leaves = pytest.mark.parametrize("leave", [deleted, emptied, renamed])


@pytest.fixture
def moved(shared: Workspace, leave: Callable[[Workspace], None]) -> Workspace:
    """A stage that moved up after ``v1`` and has run twice since; its old lock is
    brought back by somebody.
    """
    shared.write("a/in", "1\n")
    shared.write("a/mltrack.yaml", HERE)
    shared.mltrack("repro")
    shared.mltrack("push")
    shared.commit("1", tag="v1")
    lock = shared.read("a/mltrack.lock")
    leave(shared)
    shared.write("mltrack.yaml", ABOVE)
    shared.mltrack("repro")
    shared.write("a/in", "2\n")
    shared.mltrack("repro")
    if leave is not renamed:
        shared.write("a/mltrack.lock", lock)
    shared.mltrack("push")
    shared.commit("2", tag="v2")
    return shared


@leaves
def test_checkout_believes_the_file_that_declares_the_stage(moved: Workspace) -> None:
    moved.mltrack("checkout", "--force")
    assert moved.read("a/out") == "2\n\n"
    (moved.path / "a/out").unlink()
    moved.mltrack("checkout")
    assert moved.read("a/out") == "2\n\n"
    moved.mltrack("status", "--check")


@leaves
def test_the_hooks_take_each_revision_by_its_own_files(moved: Workspace) -> None:
    moved.git("checkout", "-q", "v1")
    assert moved.read("a/out") == "1\n"
    moved.git("checkout", "-q", "v2")
    assert moved.read("a/out") == "2\n\n"
    (one,) = moved.mltrack("ls", "--rev", "v1", "a/out", "--json").json["tracked"]
    assert one["size"] == 2


@leaves
def test_a_clone_pulls_what_the_declaring_file_recorded(
    moved: Workspace, tmp_path: Path
) -> None:
    clone = moved.clone(tmp_path / "clone")
    clone.mltrack("pull")
    assert clone.read("a/out") == "2\n\n"
    assert clone.mltrack("repro", "--json").code == 0
    clone.mltrack("status", "--check")
    assert clone.read("a/out") == "2\n\n"


def test_two_files_that_claim_one_output_are_told_and_nothing_is_checked_out_of_either(
    ws: Workspace,
) -> None:
    ws.write("a/in", "1\n")
    ws.write("a/mltrack.yaml", HERE)
    ws.mltrack("repro")
    ws.write("mltrack.yaml", ABOVE)
    said = ws.mltrack("repro", code=1).err
    assert "a/out" in said and "twice" in said
    assert ws.read("a/out") == "1\n"


def test_a_stage_that_moved_and_never_ran_since_is_restored_by_repro(
    ws: Workspace,
) -> None:
    ws.write("a/in", "1\n")
    ws.write("a/mltrack.yaml", HERE)
    ws.mltrack("repro")
    (ws.path / "a/mltrack.yaml").unlink()
    ws.write("mltrack.yaml", ABOVE.replace("; echo >> out", ""))
    (ws.path / "a/out").unlink()
    ws.mltrack("repro")
    assert ws.read("a/out") == "1\n"
    ws.mltrack("status", "--check")


def test_a_file_of_ones_own_is_not_taken_for_an_output_that_only_an_old_lock_names(
    ws: Workspace,
) -> None:
    ws.write("a/in", "1\n")
    ws.write("a/mltrack.yaml", HERE)
    ws.mltrack("repro")
    (ws.path / "a/mltrack.yaml").unlink()
    ws.write("a/out", "mine\n")
    for arguments in (["checkout"], ["checkout", "--force"], ["repro"], ["pull"]):
        ws.mltrack(*arguments, code=None)
        assert ws.read("a/out") == "mine\n", arguments


def test_an_output_that_became_tracked_data_is_what_its_pointer_says(
    ws: Workspace,
) -> None:
    ws.write("in", "1\n")
    ws.write("mltrack.yaml", HERE)
    ws.mltrack("repro")
    ws.write("mltrack.yaml", "stages: {}\n")
    ws.write("out", "tracked\n")
    ws.mltrack("add", "out")
    ws.mltrack("checkout", "--force")
    assert ws.read("out") == "tracked\n"
    (ws.path / "out").unlink()
    ws.mltrack("checkout")
    assert ws.read("out") == "tracked\n"


def test_stages_are_frozen_across_files_in_both_directions(ws: Workspace) -> None:
    ws.write("in", "1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: cat in > a\n    deps: [in]\n    outs: [a]\n"
        "  c:\n    cmd: cat sub/b > c\n    deps: [{stage: 'sub/mltrack.yaml:b'}]\n    outs: [c]\n",
    )
    ws.write(
        "sub/mltrack.yaml",
        "stages:\n  b:\n    cmd: cat ../a > b\n    deps: [{stage: '../mltrack.yaml:a'}]\n    outs: [b]\n",
    )
    ws.mltrack("repro")
    ws.mltrack("freeze", "c")
    ws.mltrack("freeze", "b", cwd=ws.path / "sub")
    ws.write("in", "2\n")
    ws.mltrack("repro")
    assert (ws.read("a"), ws.read("sub/b"), ws.read("c")) == ("2\n", "1\n", "1\n")
    ws.mltrack("unfreeze", "sub/mltrack.yaml:b", "c")
    ws.mltrack("repro")
    assert ws.read("c") == "2\n"
