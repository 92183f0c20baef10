"""Data comes along where git rebases and reverts."""

from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def test_a_rebase_brings_the_data_along(ws: Workspace) -> None:
    ws.write("data/base", "base")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "-b", "side")
    ws.write("data/side", "side")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    ws.write("data/main", "main")
    ws.mltrack("add", "data")
    ws.commit()
    ws.git("checkout", "--quiet", "side")
    ws.git("rebase", "--quiet", "main")
    assert set(ws.files("data")) == {"data/base", "data/main", "data/side"}


@pytest.mark.parametrize("where", ["main worktree", "linked worktree"])
@pytest.mark.parametrize("commits", [1, 2])
def test_a_rebase_brings_back_what_only_the_rebased_commits_track(
    ws: Workspace, tmp_path: Path, where: str, commits: int
) -> None:
    """git checks out what the rebase builds on first, and the data of our commits goes
    with that.
    """
    ws.mltrack("init")
    ws.write("x/a", "1\n")
    ws.mltrack("add", "x")
    ws.commit("start")
    ws.git("branch", "ours")
    ws.write("x/a", "2\n")
    ws.mltrack("add", "x")
    ws.commit("theirs")
    if where == "linked worktree":
        ws.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "ours")
        there = Workspace(tmp_path / "tree", ws.environment)
    else:
        ws.git("checkout", "--quiet", "ours")
        there = ws
    for number in range(commits):
        there.write(f"data{number}/f", f"{number}\n")
        there.mltrack("add", f"data{number}")
        there.commit(f"ours {number}")
    there.git("rebase", "--quiet", "main")
    for number in range(commits):
        assert there.read(f"data{number}/f") == f"{number}\n"
    assert there.read("x/a") == "2\n"
    there.mltrack("status", "--check")


def test_a_revert_brings_the_data_back_and_nothing_advises_to_undo_it(
    ws: Workspace,
) -> None:
    ws.write("d/2", "good")
    ws.mltrack("add", "d")
    ws.commit()
    ws.write("d/2", "BAD")
    ws.mltrack("add", "d")
    ws.commit()
    ws.git("revert", "--no-edit", "HEAD")
    assert ws.read("d/2") == "good"
    assert "Nothing changed" in ws.mltrack("status").out
