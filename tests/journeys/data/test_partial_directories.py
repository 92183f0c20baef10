"""Directories of which only a part is here: what was never brought is not deleted, and
what can be had is brought.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def recorded(ws: Workspace, path: str = "d") -> list[str]:
    """The files of a tracked directory as its pointer has it."""
    ws.mltrack("fetch", path)  # the listings
    return [
        item["path"]
        for item in ws.mltrack("ls", "-R", path, "--json").json["tracked"]
        if item["kind"] == "file"
    ]


@pytest.fixture
def pushed(shared: Workspace) -> Workspace:
    for name in ("1", "2", "3", "sub/4", "sub/5", "other/6"):
        shared.write(f"d/{name}", f"{name}\n")
    shared.mltrack("add", "d")
    shared.mltrack("push")
    shared.commit("data", tag="v1")
    return shared


@pytest.fixture
def clone(pushed: Workspace, tmp_path: Path) -> Workspace:
    return pushed.clone(tmp_path / "clone")


ALL = ["d/1", "d/2", "d/3", "d/other/6", "d/sub/4", "d/sub/5"]


@pytest.mark.parametrize("part", ["d/2", "d/sub", "d/sub/4"])
def test_add_after_a_partial_pull_records_the_change_and_keeps_the_rest(
    clone: Workspace, part: str
) -> None:
    clone.mltrack("pull", part)
    edited = part if (clone.path / part).is_file() else f"{part}/4"
    clone.write(edited, "edited\n")
    clone.mltrack("fetch", "d")
    clone.mltrack("add", part)
    assert recorded(clone) == ALL
    assert "files: 6" in clone.read("d.mlt")
    clone.mltrack("pull")
    assert clone.read(edited) == "edited\n"
    assert (
        sorted(path for path, kind in clone.files("d").items() if kind != "directory")
        == ALL
    )


def test_a_file_that_was_brought_and_deleted_is_deleted_by_add(
    clone: Workspace,
) -> None:
    clone.mltrack("pull", "d/sub", "d/2")
    (clone.path / "d/sub/4").unlink()
    clone.mltrack("add", "d")
    assert recorded(clone) == ["d/1", "d/2", "d/3", "d/other/6", "d/sub/5"]
    assert "files: 5" in clone.read("d.mlt")


def test_add_of_a_new_file_in_a_fresh_clone_asks_for_the_listing_first(
    clone: Workspace,
) -> None:
    clone.write("d/new", "new\n")
    before = clone.read("d.mlt")
    assert "mltrack fetch d" in clone.mltrack("add", "d", code=1).err
    assert clone.read("d.mlt") == before
    clone.mltrack("fetch", "d")
    clone.mltrack("add", "d")
    assert recorded(clone) == [
        "d/1",
        "d/2",
        "d/3",
        "d/new",
        "d/other/6",
        "d/sub/4",
        "d/sub/5",
    ]


def test_add_after_drop_and_a_partial_pull_keeps_the_rest(pushed: Workspace) -> None:
    shutil.rmtree(pushed.path / "d")
    pushed.mltrack("drop", "d")
    pushed.mltrack("pull", "d/3")
    pushed.write("d/3", "edited\n")
    pushed.mltrack("add", "d")
    assert recorded(pushed) == ALL


def test_status_calls_a_part_a_part_and_nothing_in_it_deleted(clone: Workspace) -> None:
    clone.mltrack("pull", "d/2")
    (item,) = clone.mltrack("status", "--json").json["data"]
    assert (item["state"], item["files"]) == ("partial", [])
    clone.write("d/2", "edited\n")
    (item,) = clone.mltrack("status", "--json").json["data"]
    assert (item["state"], [change["path"] for change in item["files"]]) == (
        "modified",
        ["d/2"],
    )


def test_git_checkout_brings_the_part_that_is_here_along(
    pushed: Workspace, tmp_path: Path
) -> None:
    pushed.write("d/2", "second\n")
    pushed.mltrack("add", "d")
    pushed.mltrack("push")
    pushed.commit("second", tag="v2")
    clone = pushed.clone(tmp_path / "clone")
    clone.mltrack("fetch", "d/2", "--rev", "v1", "--rev", "v2")
    clone.mltrack("pull", "d/2")
    clone.mltrack("fetch", "--rev", "v1", "d/2")
    clone.git("checkout", "--quiet", "v1")
    assert clone.read("d/2") == "2\n"
    assert not clone.exists("d/1")


def test_commit_of_a_stage_keeps_what_was_never_brought_of_its_output(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: mkdir -p o; echo 1 > o/1; echo 2 > o/2, outs: [o]}\n",
    )
    shared.mltrack("repro")
    shared.mltrack("push")
    shared.commit()
    clone = shared.clone(tmp_path / "clone")
    clone.mltrack("pull", "o/1")
    clone.write("o/1", "by hand\n")
    clone.mltrack("commit", "s")
    assert recorded(clone, "o") == ["o/1", "o/2"]


def test_a_pull_brings_all_but_what_was_never_pushed_and_names_that(
    pushed: Workspace, tmp_path: Path
) -> None:
    pushed.write("later.bin", "later\n")
    pushed.mltrack("add", "later.bin")
    pushed.commit("not pushed")
    clone = pushed.clone(tmp_path / "clone")
    said = clone.mltrack("pull", code=3).err
    assert "later.bin" in said and "in no remote" in said
    assert clone.files("d") == pushed.files("d")


def test_a_clone_of_a_project_with_an_output_that_is_never_pushed_pulls_the_rest(
    pushed: Workspace, tmp_path: Path
) -> None:
    pushed.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: echo of-o > o, deps: [d], outs: [{o: {push: false}}]}\n",
    )
    pushed.mltrack("repro")
    pushed.mltrack("push")
    pushed.commit()
    clone = pushed.clone(tmp_path / "clone")
    said = clone.mltrack("pull", code=3).err
    assert "o: it is never pushed (push: false)" in said
    assert clone.files("d") == pushed.files("d")
    clone.mltrack("repro")
    assert clone.read("o") == "of-o\n"


def test_a_lost_listing_on_the_remote_costs_only_what_it_lists(
    pushed: Workspace, tmp_path: Path
) -> None:
    for number in range(4_400):
        pushed.write(f"d/many/{number:05d}-{'x' * 214}", "")
    pushed.mltrack("add", "d")
    pushed.mltrack("push")
    pushed.commit()
    shutil.rmtree(tmp_path / "store/objects")
    clone = pushed.clone(tmp_path / "clone")
    assert "d/many/" in clone.mltrack("pull", code=3).err
    assert (
        sorted(path for path, kind in clone.files("d").items() if kind != "directory")
        == ALL
    )
    clone.write("d/1", "edited\n")
    clone.mltrack("add", "d")
    assert "files: 4406" in clone.read("d.mlt")


def test_what_could_not_be_had_comes_with_a_later_pull(
    pushed: Workspace, tmp_path: Path
) -> None:
    pushed.write("d/late", "late\n")
    pushed.mltrack("add", "d")
    pushed.commit()
    clone = pushed.clone(tmp_path / "clone")
    clone.mltrack("pull", code=3)
    pushed.mltrack("push")
    clone.mltrack("pull")
    assert clone.files("d") == pushed.files("d")
    clone.mltrack("status", "--check")


def test_checking_out_a_part_does_not_make_the_rest_look_edited(ws: Workspace) -> None:
    for number in (1, 2, 3):
        ws.write("data/sub/f", f"{number}")
        ws.write("data/g", f"{number}")
        ws.mltrack("add", "data")
        ws.commit(tag=f"v{number}")
    ws.git("checkout", "--quiet", "v1")
    ws.git("checkout", "--quiet", "v2", MLTRACK_HOOKS="0")
    ws.mltrack("checkout", "data/sub")
    assert ws.read("data/sub/f") == "2" and ws.read("data/g") == "1"
    ws.git("checkout", "--quiet", "v3")
    assert ws.read("data/sub/f") == "3" and ws.read("data/g") == "3"


def test_one_file_of_a_directory_is_pulled_without_the_rest(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push")
    other = two.clone(tmp_path / "clone")
    other.mltrack("pull", "data/3")
    assert os.listdir(other.path / "data") == ["3"]
    moved = two.clone(tmp_path / "second").mltrack("pull", "data/4", "--json").json
    assert moved["objects"] == 1 and moved["bytes"] == len("file 4")


def test_an_output_is_pushed_as_its_stage_says_now_and_not_as_when_it_ran(
    pushed: Workspace, tmp_path: Path
) -> None:
    stage = "stages:\n  s: {cmd: echo of-o > o, deps: [d], outs: [%s]}\n"
    pushed.write("mltrack.yaml", stage % "{o: {push: false}}")
    pushed.mltrack("repro")
    pushed.mltrack("push")
    pushed.write("mltrack.yaml", stage % "o")
    assert "o" in pushed.mltrack("status", "--remote", "store", code=None).out.split()
    assert "1 unchanged" in pushed.mltrack("repro").out
    pushed.mltrack("push")
    pushed.commit()
    clone = pushed.clone(tmp_path / "clone")
    clone.mltrack("pull")
    assert clone.read("o") == "of-o\n"
