"""Directories of data: of all kinds of files, with long listings, in two versions."""

from pathlib import Path

from tests.support.workspace import Workspace

LONG_NAMES = 4_400
"""So many files with names of 220 bytes make a listing of more than 1 MiB."""


def dataset(ws: Workspace) -> None:
    ws.write("data/a.txt", "alpha\n")
    ws.write("data/sub/b.bin", bytes(range(256)))
    ws.write("data/run.sh", "#!/bin/sh\n")
    (ws.path / "data/run.sh").chmod(0o755)
    (ws.path / "data/empty").mkdir()
    (ws.path / "data/link").symlink_to("sub/b.bin")
    ws.write("data/nothing", b"")


def many_files(ws: Workspace, directory: str, count: int = LONG_NAMES) -> None:
    (ws.path / directory).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (ws.path / directory / f"{number:05d}-{'x' * 214}").write_bytes(b"%d" % number)


def two_versions(ws: Workspace) -> None:
    """Two pushes, of which the second relies on what the first sent."""
    for number in range(5):
        ws.write(f"data/{number}", f"file {number}\n")
        ws.write(f"data/a/b/{number}", f"below {number}\n")
    ws.mltrack("add", "data")
    ws.mltrack("push")
    ws.write("data/1", "changed\n")
    ws.mltrack("add", "data")


def pull_elsewhere(ws: Workspace, to: Path) -> Workspace:
    """A colleague's clone, with the data."""
    other = ws.clone(to)
    other.mltrack("pull")
    return other
