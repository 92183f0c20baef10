"""What lies in the cache and in a directory remote: listed, aged, damaged, lost."""

import os
import shutil
from pathlib import Path

from tests.support.workspace import Workspace

LARGE = bytes(range(256)) * (8 << 10)


def packs(ws: Workspace) -> list[Path]:
    return sorted((ws.path / ".mltrack/cache/packs").glob("*.pack"))


def loose(ws: Workspace) -> list[Path]:
    return [
        path for path in (ws.path / ".mltrack/cache/loose").rglob("*") if path.is_file()
    ]


def cached(ws: Workspace) -> int:
    return int(
        sum(
            ws.mltrack("du", "--json").json["cache"][part]
            for part in ("loose", "packs")
        )
    )


def age(ws: Workspace, days: int = 30) -> None:
    """Makes everything in cache and remote look old."""
    for top in (ws.path / ".mltrack/cache", ws.path.parent / "store"):
        for path in top.rglob("*"):
            state = path.stat()
            os.utime(path, (state.st_atime, state.st_mtime - days * 86400))


def corrupt(path: Path, at: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def lose_index(ws: Workspace) -> None:
    """Leaves the bytes of a directory in the packs of the remote only, where no index
    names them.
    """
    ws.mltrack("drop", "d")
    shutil.rmtree(ws.path / "d")
    for index in (ws.path.parent / "store/index").iterdir():
        index.unlink()
