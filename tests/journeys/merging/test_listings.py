"""Two people change one directory, and merge: what each lacks of the other's data is a
listing, which the merge gets itself.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def colleagues(shared: Workspace, tmp_path: Path) -> tuple[Workspace, Workspace]:
    for name in ("a", "b", "sub/c"):
        shared.write(f"d/{name}", f"{name}\n")
    shared.mltrack("add", "d")
    shared.commit("base")
    shared.mltrack("push")
    other = shared.clone(tmp_path / "other")
    other.mltrack("init")
    other.mltrack("pull")
    other.write("d/sub/theirs", "theirs\n")
    other.mltrack("add", "d")
    other.git("commit", "-qam", "theirs")
    other.mltrack("push")
    shared.write("d/sub/ours", "ours\n")
    shared.mltrack("add", "d")
    shared.git("commit", "-qam", "ours")
    return shared, other


def test_a_merge_gets_the_listings_that_it_needs(
    colleagues: tuple[Workspace, Workspace],
) -> None:
    ours, other = colleagues
    ours.git("fetch", "-q", str(other.path), "main")
    ours.git("merge", "-q", "--no-edit", "FETCH_HEAD")
    ours.mltrack("pull")
    assert sorted(p for p, k in ours.files("d").items() if k != "directory") == [
        "d/a",
        "d/b",
        "d/sub/c",
        "d/sub/ours",
        "d/sub/theirs",
    ]


def test_without_a_remote_at_hand_the_hint_works_once_it_is_back(
    colleagues: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    ours, other = colleagues
    (tmp_path / "store").rename(tmp_path / "away")
    ours.git("fetch", "-q", str(other.path), "main")
    told = ours.git("merge", "-q", "--no-edit", "FETCH_HEAD", code=None).said
    assert "mltrack resolve d.mlt" in told
    (tmp_path / "away").rename(tmp_path / "store")
    ours.mltrack("resolve", "d.mlt")
    ours.git("commit", "-qm", "merged")
    ours.mltrack("pull")
    assert (
        ours.read("d/sub/theirs") == "theirs\n" and ours.read("d/sub/ours") == "ours\n"
    )


def test_a_directory_that_one_side_removes_keeps_what_the_other_adds_to_it(
    ws: Workspace,
) -> None:
    ws.write("d/a", "a\n")
    ws.write("d/sub/c", "c\n")
    ws.mltrack("add", "d")
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "other")
    ws.write("d/sub/new", "new\n")
    ws.mltrack("add", "d")
    ws.git("commit", "-qam", "adds")
    ws.git("checkout", "-q", "main")
    shutil.rmtree(ws.path / "d/sub")
    ws.mltrack("add", "d")
    ws.git("commit", "-qam", "removes")
    ws.git("merge", "-q", "--no-edit", "other")
    assert sorted(p for p, k in ws.files("d").items() if k != "directory") == [
        "d/a",
        "d/sub/new",
    ]


def test_a_file_that_one_side_removes_with_its_directory_and_the_other_changes_is_in_conflict(
    ws: Workspace,
) -> None:
    ws.write("d/a", "a\n")
    ws.write("d/sub/c", "c\n")
    ws.mltrack("add", "d")
    ws.commit("base")
    ws.git("checkout", "-q", "-b", "other")
    ws.write("d/sub/c", "changed\n")
    ws.mltrack("add", "d")
    ws.git("commit", "-qam", "changes")
    ws.git("checkout", "-q", "main")
    shutil.rmtree(ws.path / "d/sub")
    ws.mltrack("add", "d")
    ws.git("commit", "-qam", "removes")
    assert (
        "both sides changed d/sub/c"
        in ws.git("merge", "-q", "--no-edit", "other", code=None).said
    )
