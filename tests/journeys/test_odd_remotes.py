"""Remotes that lost a file, or hold something else in its place."""

import os
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


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
