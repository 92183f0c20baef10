"""Disks that are full or cannot be written: told, and nothing is recorded."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"cannot mount a small file system here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_under_the_cache_is_told_and_nothing_is_recorded(
    ws: Workspace, small_disk: Path
) -> None:
    ws.mltrack("config", "--local", "cache.dir", str(small_disk / "cache"))
    ws.write("data/small", "x")
    ws.write("data/big", os.urandom(3 << 20))
    before = ws.files()
    done = ws.mltrack("add", "data", code=1)
    assert (
        "No space left" in done.err
        and str(small_disk) in done.err
        and "hint:" in done.err
    )
    assert ws.files() == before
    (ws.path / "data/big").unlink()
    ws.mltrack("add", "data")


def test_a_full_remote_is_told_and_holds_nothing_half(
    ws: Workspace, small_disk: Path
) -> None:
    ws.mltrack("remote", "add", "store", str(small_disk / "store"))
    ws.write("big", os.urandom(3 << 20))
    ws.mltrack("add", "big")
    done = ws.mltrack("push", code=6)
    assert "No space left" in done.err and "hint:" in done.err
    assert not list((small_disk / "store").glob("objects/*/*")) and not list(
        (small_disk / "store").glob("tmp/*")
    )


def test_a_cache_that_cannot_be_written_still_serves_status_and_checkout(
    ws: Workspace,
) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    cache = ws.path / ".mltrack/cache"
    mounted = (
        subprocess.run(
            ["mount", "--bind", str(cache), str(cache)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    if (
        not mounted
        or subprocess.run(
            ["mount", "-o", "remount,bind,ro", str(cache)],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip("cannot mount a directory read-only here")
    try:
        (ws.path / "data/a").unlink()
        ws.mltrack("status")
        ws.mltrack("checkout")
        assert ws.read("data/a") == "x"
        ws.write("data/a", "new")
        assert "Read-only file system" in ws.mltrack("add", "data", code=1).err
    finally:
        subprocess.run(["umount", "--lazy", str(cache)], check=True)


def test_an_unwritable_place_is_named(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.write("blocked", "a file where the cache should be")
    ws.mltrack("config", "--local", "cache.dir", str(ws.path / "blocked/cache"))
    assert "blocked" in ws.mltrack("add", "data", code=1).err
    assert not ws.exists("data.mlt")
