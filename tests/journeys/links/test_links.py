"""Files as links to the cache: hard and symbolic, read-only, private again by ``edit``,
and never wrong about changes.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.disk.abilities import Ability
from tests.support.abilities import needs
from tests.support.workspace import Workspace

LARGE = os.urandom(2 << 20)


@pytest.fixture
def linked(ws: Workspace, request: pytest.FixtureRequest) -> Workspace:
    ws.mltrack("config", "cache.link", f"{request.param},copy", "--local")
    (ws.path / "data/deep").mkdir(parents=True)
    (ws.path / "data/small").write_text("small")
    (ws.path / "data/deep/large").write_bytes(LARGE)
    (ws.path / "data/tool").write_text("#!/bin/sh\n")
    (ws.path / "data/tool").chmod(0o755)
    (ws.path / "data/link").symlink_to("deep/large")
    return ws


both = pytest.mark.parametrize("linked", ["hardlink", "symlink"], indirect=True)


def objects(ws: Workspace) -> list[Path]:
    return [
        path for path in (ws.path / ".mltrack/cache/loose").rglob("*") if path.is_file()
    ]


def is_linked(ws: Workspace, name: str) -> bool:
    path = ws.path / name
    if path.is_symlink():
        return ".mltrack/cache/loose" in os.readlink(path)
    return any(path.samefile(item) for item in objects(ws))


def again(ws: Workspace) -> None:
    """Deletes the data and checks it out."""
    for path in sorted((ws.path / "data").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    (ws.path / "data").rmdir()
    ws.mltrack("checkout")


@both
def test_files_are_read_only_links_and_programs_and_links_are_what_they_were(
    linked: Workspace,
) -> None:
    linked.mltrack("add", "data")
    again(linked)
    for name in ("data/small", "data/deep/large"):
        assert is_linked(linked, name)
        assert os.stat(linked.path / name).st_mode & 0o777 == 0o444
    assert not is_linked(linked, "data/tool")
    assert os.stat(linked.path / "data/tool").st_mode & 0o700 == 0o700
    assert os.readlink(linked.path / "data/link") == "deep/large"
    assert (linked.path / "data/link").read_bytes() == LARGE
    assert "Nothing changed" in linked.mltrack("status").out


@needs(Ability.LEASES)
@pytest.mark.parametrize("linked", ["hardlink"], indirect=True)
def test_add_makes_the_file_the_object_without_copying(linked: Workspace) -> None:
    inode = os.stat(linked.path / "data/deep/large").st_ino
    linked.mltrack("add", "data")
    assert inode in {path.stat().st_ino for path in objects(linked)}
    assert os.stat(linked.path / "data/deep/large").st_ino == inode
    assert "unchanged" in linked.mltrack("add", "data").out
    assert "Nothing changed" in linked.mltrack("status").out


@both
def test_edit_gives_a_writable_copy_and_the_object_stays_as_it_is(
    linked: Workspace,
) -> None:
    linked.mltrack("add", "data")
    again(linked)
    assert "1 file made writable" in linked.mltrack("edit", "data/small").out
    assert "writable already" in linked.mltrack("edit", "data/small").out
    assert not is_linked(linked, "data/small")
    (linked.path / "data/small").write_text("SMALL")
    assert "modified  data/small" in linked.mltrack("status").out
    linked.mltrack("checkout", "--force")
    assert (linked.path / "data/small").read_text() == "small"


@pytest.mark.parametrize("linked", ["hardlink"], indirect=True)
def test_an_edit_in_place_is_seen_and_the_damaged_object_is_not_served(
    linked: Workspace,
) -> None:
    linked.mltrack("add", "data")
    again(linked)
    linked.mltrack("status")
    time.sleep(0.05)
    path = linked.path / "data/small"
    path.chmod(0o644)
    path.write_text("SMALL")
    assert "modified  data/small" in linked.mltrack("status").out
    path.unlink()
    result = linked.mltrack("checkout", code=7)
    assert "damaged" in result.err
    assert not path.exists()


@both
def test_relink_turns_copies_into_links_and_back(
    ws: Workspace, linked: Workspace
) -> None:
    linked.mltrack("config", "cache.link", "copy", "--local")
    linked.mltrack("add", "data")
    again(linked)
    assert not is_linked(linked, "data/deep/large")
    linked.mltrack("config", "cache.link", "hardlink,copy", "--local")
    assert "3 files recreated" in linked.mltrack("checkout", "--relink").out
    assert is_linked(linked, "data/small") and is_linked(linked, "data/deep/large")
    assert "Nothing changed" in linked.mltrack("status").out
    linked.mltrack("config", "cache.link", "copy", "--local")
    linked.mltrack("checkout", "--relink")
    assert not is_linked(linked, "data/small")
    assert os.access(linked.path / "data/small", os.W_OK)
    assert "Nothing changed" in linked.mltrack("status").out


@both
def test_a_stage_has_the_same_key_whether_its_input_is_a_link_or_a_copy(
    linked: Workspace,
) -> None:
    linked.mltrack("add", "data")
    (linked.path / "mltrack.yaml").write_text(
        "stages:\n  s:\n    cmd: cat data/small data/deep/large > out\n    deps: [data, data/small]\n    outs: [out]\n"
    )
    linked.mltrack("repro")
    again(linked)
    assert "Nothing changed" in linked.mltrack("status").out
    linked.mltrack("config", "cache.link", "copy", "--local")
    linked.mltrack("checkout", "--relink")
    assert "Nothing changed" in linked.mltrack("status").out


@both
def test_a_persistent_output_is_private_while_its_command_runs(
    linked: Workspace,
) -> None:
    (linked.path / "mltrack.yaml").write_text(
        "stages:\n  s:\n    cmd: echo x >> log\n    deps: [in]\n    outs: [{log: {persist: true}}]\n"
    )
    (linked.path / "in").write_text("1")
    linked.mltrack("repro")
    (linked.path / "log").unlink()
    linked.mltrack("checkout", "log")
    assert is_linked(linked, "log")
    (linked.path / "in").write_text("2")
    linked.mltrack("repro")
    assert (linked.path / "log").read_text() == "x\nx\n"
    linked.mltrack("fsck")  # what was recorded before is as it was


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    """A file system that can share blocks, on a loop file."""
    mkfs = shutil.which("mkfs.xfs", path="/usr/sbin:/sbin:/usr/bin")
    if mkfs is None or os.geteuid() != 0:
        pytest.skip("mkfs.xfs and root are needed for a file system that shares blocks")
    image, place = tmp_path / "image", tmp_path / "xfs"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(400 << 20)
    subprocess.run([mkfs, "-q", "-m", "reflink=1", str(image)], check=True)
    if subprocess.run(
        ["mount", "-o", "loop", str(image), str(place)],
        check=False,
        capture_output=True,
    ).returncode:
        pytest.skip("a loop device cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@needs(Ability.CLONE)
def test_blocks_are_shared_where_the_file_system_can(xfs: Path, ws: Workspace) -> None:
    project = Workspace(xfs / "project", ws.environment)
    project.path.mkdir()
    project.git("init", "--quiet")
    project.mltrack("init")
    data = os.urandom(64 << 20)
    project.write("big", data)
    os.sync()
    free = shutil.disk_usage(xfs).free
    project.mltrack("add", "big")
    (project.path / "big").unlink()
    project.mltrack("checkout")
    os.sync()
    assert (project.path / "big").read_bytes() == data
    assert free - shutil.disk_usage(xfs).free < 8 << 20, "the bytes were copied"
    with (project.path / "big").open("r+b") as file:
        file.write(b"mine")
    assert "all whole" in project.mltrack("fsck").out, (
        "an edit of the file reached the object"
    )


@needs(Ability.HOLES)
def test_holes_stay_holes_and_files_may_be_larger_than_4_gib(ws: Workspace) -> None:
    path = ws.path / "sparse"
    with path.open("wb") as file:
        file.write(b"begin")
        file.seek(5 << 30)
        file.write(b"end")
    ws.mltrack("add", "sparse")
    (stored,) = objects(ws)
    assert (
        stored.stat().st_size == (5 << 30) + 3
        and stored.stat().st_blocks * 512 < 1 << 20
    )
    path.unlink()
    ws.mltrack("checkout")
    assert (
        path.stat().st_size == (5 << 30) + 3 and path.stat().st_blocks * 512 < 1 << 20
    )
    with path.open("rb") as file:
        assert file.read(5) == b"begin"
        file.seek(-3, os.SEEK_END)
        assert file.read() == b"end"
    assert "Nothing changed" in ws.mltrack("status").out
