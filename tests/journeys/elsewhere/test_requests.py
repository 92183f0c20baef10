"""What reading a project elsewhere asks of the remote: counted on the way to a server."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mltrack
from mltrack.filesystem import MltrackFileSystem
from tests.services.servers import KEY, SECRET, RcloneS3
from tests.support.counting import Counting
from tests.support.workspace import Workspace

END = 64 << 10


@pytest.fixture
def proxy(serve: Callable[[type[RcloneS3]], Any]) -> Iterator[Counting]:
    made = Counting(serve(RcloneS3).port)
    yield made
    made.close()


@pytest.fixture
def theirs(
    ws: Workspace, proxy: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A project in a bucket, of which nothing is here: a large file, and small ones two
    directories down.
    """
    ws.write("large.bin", os.urandom(16 << 20))
    for number in range(400):
        ws.write(f"many/{number % 4}/{number:03}", os.urandom(4096))
    ws.mltrack("add", "large.bin", "many")
    ws.mltrack("remote", "add", "store", f"s3://bucket/{tmp_path.name}")
    for key, value in (
        ("endpoint", f"http://127.0.0.1:{proxy.port}"),
        ("access_key", KEY),
        ("secret_key", SECRET),
    ):
        ws.mltrack("remote", "modify", "--local", "store", key, value)
    ws.mltrack("push")
    ws.commit()
    for name in ("cache", "index"):
        for path in sorted((ws.path / ".mltrack" / name).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    # as the same user, elsewhere: who was asked about the remote
    for name, value in ws.environment.items():
        monkeypatch.setenv(name, value)
    # the server sends the whole file's checksum with a part of it
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    proxy.asked.clear()
    proxy.bytes = 0
    return ws


def about_data(proxy: Counting) -> list[str]:
    """The requests for objects and packs."""
    return [one for one in proxy.asked if "/objects/" in one or "/packs/" in one]


def test_the_end_of_a_large_file_costs_one_request_beyond_the_indexes(
    theirs: Workspace, proxy: Counting
) -> None:
    with mltrack.open("large.bin", "rb", repo=str(theirs.path), rev="HEAD") as file:
        file.seek(-END, os.SEEK_END)
        data = file.read()
    assert data == (theirs.path / "large.bin").read_bytes()[-END:]
    assert len(about_data(proxy)) == 1, proxy.asked
    assert proxy.bytes <= 1 << 20
    # the marker of the remote is the other
    beyond = [one for one in proxy.asked if "index" not in one]
    assert len(beyond) <= 2, proxy.asked


def test_one_file_comes_by_a_request_for_each_directory(
    theirs: Workspace, proxy: Counting, tmp_path: Path
) -> None:
    theirs.mltrack(
        *("get", "many/3/007", "--repo", str(theirs.path), "-o", str(tmp_path / "out")),
        AWS_RESPONSE_CHECKSUM_VALIDATION="when_required",
    )
    assert (tmp_path / "out").read_bytes() == theirs.path.joinpath(
        "many/3/007"
    ).read_bytes()
    assert len(about_data(proxy)) == 3 and len(proxy.asked) <= 6, proxy.asked


def test_files_one_by_one_are_asked_for_once_and_kept_together(
    theirs: Workspace, proxy: Counting
) -> None:
    fs = MltrackFileSystem(repo=str(theirs.path), rev="HEAD")
    # far from one another: none is read along with the one before
    paths = [f"many/{number % 4}/{number:03}" for number in range(399, 0, -4)]
    for path in (*paths, *paths):
        assert fs.cat_file(path) == (theirs.path / path).read_bytes()
    # the listings of `many` and `many/3`
    assert len(about_data(proxy)) == len(paths) + 2
    del fs
    packs = [*(theirs.path / ".mltrack/cache/packs").glob("*.pack")]
    assert 1 <= len(packs) <= 10
    proxy.asked.clear()
    again = MltrackFileSystem(repo=str(theirs.path), rev="HEAD")
    assert again.cat_file(paths[7]) == (theirs.path / paths[7]).read_bytes()
    assert not proxy.asked


def test_files_in_their_order_come_by_few_requests(
    theirs: Workspace, proxy: Counting
) -> None:
    fs = MltrackFileSystem(repo=str(theirs.path), rev="HEAD")
    for path in sorted(fs.find("many")):
        assert fs.cat_file(path) == (theirs.path / path).read_bytes()
    assert len(about_data(proxy)) < 40
    assert proxy.bytes < 1.2 * 400 * 4096 + (256 << 10)


def test_files_in_one_call_bring_the_listings_together(
    theirs: Workspace, proxy: Counting
) -> None:
    fs = MltrackFileSystem(repo=str(theirs.path), rev="HEAD")
    paths = [f"many/{number % 4}/{number:03}" for number in range(0, 400, 3)]
    found = fs.cat(paths)
    assert all(found[path] == (theirs.path / path).read_bytes() for path in paths)
    # one for the listing of `many`, one for those of its four directories
    listings = 2
    read = len(about_data(proxy)) - listings
    # a third of the files, evenly scattered: what is joined reads 256 KiB more
    assert read < 0.8 * len(paths)
    # beside the files: the index, the listings, and what a request itself takes
    assert proxy.bytes < 1.2 * 4096 * len(paths) + (256 << 10) + 100_000
