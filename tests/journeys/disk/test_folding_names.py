"""A file system on which `A` and `a` are one name: exFAT, as on cards and sticks."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

TOOLS = ("mkfs.exfat", "mount.exfat-fuse", "losetup")


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    image, place = tmp_path / "stick.img", tmp_path / "stick"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 << 20)
    made = subprocess.run(
        ["losetup", "--find", "--show", str(image)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    device = made.stdout.strip()
    try:
        subprocess.run(["mkfs.exfat", device], check=True, capture_output=True)
        mounted = subprocess.run(
            # it has no modes: unmasked, every file would be an executable one
            ["mount.exfat-fuse", "-o", "fmask=0133", device, str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip(f"exFAT cannot be mounted: {mounted.stderr.strip()}")
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@pytest.fixture
def source(tmp_path: Path, ws: Workspace) -> Workspace:
    """A project where twins are told apart, with a remote."""
    ws.write("good/one", "1\n")
    ws.write("twins/deep/A", "upper\n")
    ws.write("twins/deep/a", "lower\n")
    ws.mltrack("add", "good", "twins")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("push")
    ws.git("add", ".")
    ws.git("commit", "-qm", "data")
    return ws


def clone(source: Workspace, stick: Path) -> Workspace:
    there = Workspace(stick / "project", source.environment)
    source.git("clone", "-q", ".", str(there.path))
    there.mltrack("init")
    return there


def test_names_that_would_be_one_are_refused_before_anything_is_written(
    source: Workspace, stick: Path
) -> None:
    there = clone(source, stick)
    done = there.mltrack("pull", code=None)
    assert done.code != 0
    assert "twins: 'A' and 'a' of one directory are the same name" in done.err
    # what can stand there does
    assert there.read("good/one") == "1\n" and not there.exists("twins")


def test_data_is_added_changed_and_checked_out_there(
    source: Workspace, stick: Path
) -> None:
    there = clone(source, stick)
    there.mltrack("pull", "good")
    there.write("good/two", "2\n")
    there.mltrack("add", "good")
    there.git("commit", "-qam", "two")
    there.git("checkout", "-q", "HEAD~1")
    there.mltrack("checkout", "good")
    assert not there.exists("good/two")
    assert there.mltrack("status", "good", "--json").json


def test_a_name_whose_case_changes_follows(source: Workspace, stick: Path) -> None:
    (source.path / "good/one").rename(source.path / "good/One")
    source.mltrack("add", "good")
    source.git("commit", "-qam", "case")
    source.mltrack("push")
    there = clone(source, stick)
    there.git("checkout", "-q", "HEAD~1")
    there.mltrack("pull", "good")
    there.git("checkout", "-q", "-")
    there.mltrack("pull", "good")
    assert [path.name for path in (there.path / "good").iterdir()] == ["One"]
