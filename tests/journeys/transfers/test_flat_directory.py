"""One flat directory of many files: its listing is an object of several megabytes,
which has to travel like any other.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.servers import RcloneS3, Sshd
from tests.services.service import Service
from tests.support.remotes import clone, connect
from tests.support.workspace import Workspace

FILES = int(os.environ.get("MLTRACK_FLAT_FILES", "30000"))
"""30,000 names are a listing of more than 1 MiB; `make soak` takes a million."""


def digest_of(directory: Path) -> str:
    """One digest over all names and bytes."""
    found = hashlib.sha256()
    for name in sorted(os.listdir(directory)):
        found.update(name.encode() + b"\0" + (directory / name).read_bytes() + b"\0")
    return found.hexdigest()


@pytest.mark.parametrize("kind", [None, RcloneS3, Sshd], ids=["directory", "s3", "ssh"])
def test_every_file_of_a_flat_directory_comes_back_in_both_versions(
    ws: Workspace,
    serve: Callable[[type[Service]], Any],
    kind: type[Service] | None,
    tmp_path: Path,
) -> None:
    if kind is None:
        ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    else:
        connect(ws, serve(kind), tmp_path.name)
    data = ws.path / "d"
    data.mkdir()
    for number in range(FILES):
        (data / f"a-rather-long-name-{number:08d}.txt").write_text(f"{number}\n")
    ws.mltrack("add", "d")
    ws.mltrack("push")
    ws.commit("one", tag="v1")
    first = digest_of(data)
    (data / f"a-rather-long-name-{7:08d}.txt").write_text("other\n")
    (data / f"a-rather-long-name-{8:08d}.txt").unlink()
    ws.mltrack("add", "d")
    ws.mltrack("push")
    ws.commit("two", tag="v2")
    second = digest_of(data)
    assert "Everything is there already" in ws.mltrack("push").out
    ws.mltrack("fsck", "-r", "store" if kind is None else "cloud")

    other = clone(ws, "other")
    other.mltrack("init")
    other.mltrack("pull")
    assert digest_of(other.path / "d") == second
    other.mltrack("fetch", "--rev", "v1")
    other.git("checkout", "--quiet", "v1")
    assert digest_of(other.path / "d") == first
    other.git("checkout", "--quiet", "v2")
    assert digest_of(other.path / "d") == second
