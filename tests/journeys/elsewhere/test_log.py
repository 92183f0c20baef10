"""The versions of data by the commits that recorded them: here, and of others."""

import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture(params=["here", "its path", "its address"])
def repo(request: pytest.FixtureRequest, theirs: Workspace) -> list[str]:
    """Where the project is that is asked about."""
    place = {"its path": str(theirs.path), "its address": f"file://{theirs.path}"}
    return ["--repo", place[request.param]] if request.param in place else []


@pytest.fixture
def asker(theirs: Workspace, mine: Workspace, repo: list[str]) -> Workspace:
    return mine if repo else theirs


def test_each_commit_says_what_it_recorded(
    theirs: Workspace, asker: Workspace, repo: list[str]
) -> None:
    commits = asker.mltrack("log", *repo, "--json").json["commits"]
    assert [one["subject"] for one in commits] == ["two", "one"]
    two, one = commits
    assert two["commit"] == theirs.git("rev-parse", "HEAD").out.strip()
    [change] = two["changes"]
    assert change["path"] == "data/images"
    assert change["before"]["digest"] != change["after"]["digest"]
    assert {item["path"] for item in one["changes"]} >= {
        "data/images",
        "data/table.csv",
        "model.bin",
    }
    assert all(item["before"] is None for item in one["changes"])


def test_paths_and_revisions_choose(
    theirs: Workspace, asker: Workspace, repo: list[str]
) -> None:
    theirs.git("tag", "-f", "v2")
    said = asker.mltrack("log", *repo, "data/table.csv").out
    assert " one\n" in said and " two\n" not in said
    assert "added    data/table.csv  (4 B)" in said
    # a directory stands for what is in it, a part for the whole
    assert " two\n" in asker.mltrack("log", *repo, "data").out
    assert " two\n" in asker.mltrack("log", *repo, "data/images/1.png").out
    assert " two\n" not in asker.mltrack("log", *repo, "--rev", "v1").out


def test_what_came_later_is_there_later(
    theirs: Workspace, asker: Workspace, repo: list[str]
) -> None:
    asker.mltrack("log", *repo)
    theirs.mltrack("remove", "data/table.csv")
    theirs.git("add", "-A")
    theirs.git("commit", "-qm", "three")
    said = asker.mltrack("log", *repo, "data/table.csv").out
    assert said.index("three") < said.index("one")
    assert "removed  data/table.csv" in said


def test_the_list_ends_where_it_is_told_to(theirs: Workspace) -> None:
    done = theirs.mltrack("log", "-n", "1")
    assert " two\n" in done.out and " one\n" not in done.out
    assert "-n 2 shows more" in done.out + done.err
    assert "No commit recorded it." in theirs.mltrack("log", "nosuch").out


def test_a_project_in_a_directory_speaks_of_its_own_paths(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.git("rm", "-rq", ".mltrack")
    ws.git("commit", "-qm", "no project here")
    shutil.rmtree(ws.path / ".mltrack", ignore_errors=True)
    inner = Workspace(ws.path / "inner", ws.environment)
    inner.path.mkdir()
    inner.mltrack("init")
    inner.write("data", "1\n")
    inner.mltrack("add", "data")
    ws.git("add", "-A")
    ws.git("commit", "-qm", "data")
    assert "added    data  (2 B)" in inner.mltrack("log").out


def test_a_revision_that_is_not_there_is_refused(ws: Workspace) -> None:
    refused = ws.mltrack("log", "--rev", "nosuch", code=None)
    assert refused.code in (1, 2) and "nosuch" in refused.err
