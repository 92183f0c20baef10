"""Remotes that vanished or were exchanged, lost their marker, or hold something else in
a file's place.
"""

import os
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


def test_a_remote_that_vanished_or_was_exchanged_is_told_and_not_filled_again(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("f", "x")
    shared.mltrack("add", "f")
    shared.mltrack("push")
    (tmp_path / "store").rename(tmp_path / "away")
    assert "empty or gone now" in shared.mltrack("push", code=6).err
    assert not (tmp_path / "store").exists()
    (tmp_path / "store").mkdir()
    (tmp_path / "store/mltrack.json").write_text(
        '{"mltrack": 1, "hash": "xxh3", "id": "other"}'
    )
    assert "another remote than before" in shared.mltrack("push", code=6).err
    shared.mltrack("remote", "add", "--force", "store", str(tmp_path / "store"))
    shared.mltrack("push")


@pytest.fixture
def pushed(shared: Workspace) -> Workspace:
    for number in range(3):
        shared.write(f"d/{number}", f"{number}\n")
    shared.write("big", b"x" * (1 << 20))
    shared.mltrack("add", "d", "big")
    shared.commit()
    shared.mltrack("push")
    return shared


@pytest.mark.parametrize("way", ["lost", "a pipe"])
def test_a_remote_that_lost_its_marker_gets_it_back(
    pushed: Workspace, tmp_path: Path, way: str
) -> None:
    marker = tmp_path / "store/mltrack.json"
    before = marker.read_bytes()
    marker.unlink()
    if way == "a pipe":
        os.mkfifo(marker)
    for command in (
        ["push"],
        ["status", "--remote", "store"],
        ["fsck", "--remote", "store"],
    ):
        said = pushed.mltrack(*command, code=6).err
        assert (
            "has lost its mltrack.json" in said
            and "fsck --remote store --repair" in said
        ), command
    pushed.mltrack("fsck", "--remote", "store", "--repair")
    assert marker.read_bytes() == before, (
        "it is the same remote as before, for every clone"
    )
    pushed.mltrack("fsck", "--remote", "store")


def test_a_directory_of_other_files_is_no_remote_that_lost_its_marker(
    ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "other/index").mkdir(parents=True)
    (tmp_path / "other/index/book.idx").write_text("x")
    ws.write("d/1", "1\n")
    ws.mltrack("add", "d")
    ws.mltrack("remote", "add", "other", str(tmp_path / "other"))
    ws.mltrack("fsck", "--remote", "other", "--repair", code=6)
    assert "not empty" in ws.mltrack("push", "-r", "other", code=6).err
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["index"]


@pytest.mark.parametrize("place", ["packs", "index", "objects"])
@pytest.mark.parametrize("other", ["pipe", "directory"])
def test_what_is_no_file_on_a_remote_counts_as_absent(
    pushed: Workspace, tmp_path: Path, place: str, other: str
) -> None:
    found = next(
        path
        for path in sorted((tmp_path / "store" / place).rglob("*"))
        if path.is_file()
    )
    found.unlink()
    os.mkfifo(found) if other == "pipe" else found.mkdir()
    clone = pushed.clone(tmp_path / "clone")
    assert clone.mltrack("pull", code=3).err
    assert clone.mltrack("fsck", "--remote", "store", code=None).code in (1, 7)
