"""Merges in which one branch renames or removes what the other changes."""

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def tracked(ws: Workspace) -> Workspace:
    """A directory of two files, committed; then we are on 'other'."""
    ws.write("d/a", "a\n")
    ws.write("d/b", "b\n")
    ws.mltrack("add", "d")
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "other")
    return ws


def changed_and_committed(ws: Workspace) -> None:
    ws.write("d/new", "new\n")
    ws.mltrack("add", "d")
    ws.commit("changes")


def renamed_and_committed(ws: Workspace) -> None:
    ws.mltrack("move", "d", "e")
    ws.commit("renames")


def removed_and_committed(ws: Workspace) -> None:
    ws.mltrack("remove", "--data", "d")
    ws.commit("removes")


@pytest.mark.parametrize("renames", ["ours", "theirs"])
def test_what_one_branch_renames_and_the_other_changes_is_both(
    tracked: Workspace, renames: str
) -> None:
    ws = tracked
    theirs, ours = (renamed_and_committed, changed_and_committed)
    if renames == "ours":
        theirs, ours = ours, theirs
    theirs(ws)
    ws.git("checkout", "-q", "main")
    ours(ws)
    ws.git("merge", "-q", "--no-edit", "other")
    assert ws.read("e/new") == "new\n" and ws.read("e/a") == "a\n"
    assert not (ws.path / "d").exists()
    assert "up to date" in ws.mltrack("status").out
    assert ws.git("status", "--porcelain").out == ""


def test_what_one_branch_renames_and_changes_is_told_as_removed(
    tracked: Workspace,
) -> None:
    """Less than half alike: git takes the new name for a new file."""
    ws = tracked
    ws.write("d/theirs", "theirs\n")
    ws.mltrack("add", "d")
    renamed_and_committed(ws)
    ws.git("checkout", "-q", "main")
    changed_and_committed(ws)
    ws.git("merge", "--no-edit", "other", code=1)
    assert "we changed it, they removed it" in ws.mltrack("resolve", code=1).err
    ws.mltrack("resolve", "--theirs")
    ws.git("commit", "-q", "--no-edit")
    assert ws.read("e/theirs") == "theirs\n" and not (ws.path / "d").exists()


@pytest.fixture(params=["ours", "theirs"])
def disputed(
    tracked: Workspace, request: pytest.FixtureRequest
) -> tuple[Workspace, str]:
    """A merge that git left in conflict, and the side that removed the directory."""
    ws = tracked
    theirs, ours = removed_and_committed, changed_and_committed
    if request.param == "ours":
        theirs, ours = ours, theirs
    theirs(ws)
    ws.git("checkout", "-q", "main")
    ours(ws)
    assert "CONFLICT (modify/delete)" in ws.git("merge", "other", code=1).said
    return ws, request.param


def test_what_one_branch_removes_and_the_other_changes_waits_for_a_side(
    disputed: tuple[Workspace, str],
) -> None:
    ws, remover = disputed
    said = ws.mltrack("resolve", code=1).err
    who = {"ours": "we removed it, they", "theirs": "we changed it, they removed"}
    assert f"d.mlt: {who[remover]}" in said
    assert "mltrack resolve --ours d.mlt  (or --theirs)" in said


def test_the_side_that_keeps_it_keeps_its_ignore_line(
    disputed: tuple[Workspace, str],
) -> None:
    ws, remover = disputed
    ws.mltrack("resolve", "--theirs" if remover == "ours" else "--ours")
    ws.git("commit", "-q", "--no-edit")
    assert ws.read("d/new") == "new\n"
    assert ws.git("status", "--porcelain").out == ""
    assert "up to date" in ws.mltrack("status").out


def test_the_side_that_removes_it_takes_the_data_along(
    disputed: tuple[Workspace, str],
) -> None:
    ws, remover = disputed
    ws.mltrack("resolve", f"--{remover}")
    ws.git("commit", "-q", "--no-edit")
    assert not (ws.path / "d").exists() and not (ws.path / "d.mlt").exists()
    assert ws.git("status", "--porcelain").out == ""


def test_a_commit_of_data_that_git_would_take_is_told(
    disputed: tuple[Workspace, str],
) -> None:
    ws, _ = disputed
    ws.git("add", "d.mlt")
    said = ws.git("commit", "-q", "--no-edit").said
    assert "d is tracked and git does not ignore it; `mltrack add d`" in said
    ws.mltrack("checkout")
    ws.mltrack("add", "d")
    ws.git("add", "-A")
    assert "d/a" not in ws.git("ls-files").out


def test_an_amended_merge_leaves_what_is_here_alone(tracked: Workspace) -> None:
    ws = tracked
    changed_and_committed(ws)
    ws.git("checkout", "-q", "main")
    ws.git("commit", "-q", "--allow-empty", "-m", "ours")
    ws.git("merge", "-q", "--no-edit", "other")
    ws.write("d/mine", "not recorded\n")
    (ws.path / "d/a").unlink()
    said = ws.git("commit", "-q", "--amend", "--no-edit").said
    assert "left as it is" not in said and "written" not in said
    assert ws.exists("d/mine") and not ws.exists("d/a")


def test_a_merge_that_is_concluded_by_hand_takes_away_what_they_removed(
    ws: Workspace,
) -> None:
    for name in ("kept", "gone"):
        ws.write(name, "1\n")
        ws.mltrack("add", name)
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "other")
    ws.mltrack("remove", "--data", "gone")
    ws.write("kept", "theirs\n")
    ws.mltrack("add", "kept")
    ws.commit("theirs")
    ws.git("checkout", "-q", "main")
    ws.write("kept", "ours\n")
    ws.mltrack("add", "kept")
    ws.commit("ours")
    ws.git("merge", "other", code=1)
    ws.mltrack("resolve", "--ours")
    ws.git("commit", "-q", "--no-edit")
    assert not ws.exists("gone") and ws.read("kept") == "ours\n"
