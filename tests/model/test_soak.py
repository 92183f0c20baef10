"""What takes long or much room, once through add, push, clone and pull: `make soak`,
never `make test`.
"""

import os
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
GIBIBYTE = 1 << 30
PACK_OBJECTS = 1 << 16
"""As many as one pack holds."""


def test_a_sparse_file_of_4_gib_and_a_byte_comes_back(
    shared: Workspace, tmp_path: Path
) -> None:
    with (shared.path / "sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(4 * GIBIBYTE)
        file.write(b"!")
    other = sent_and_brought_back(shared, "sparse", tmp_path / "clone")
    back = other.path / "sparse"
    assert back.stat().st_size == 4 * GIBIBYTE + 1
    with back.open("rb") as file:
        assert file.read(6) == b"begin\0"
        file.seek(-2, os.SEEK_END)
        assert file.read() == b"\0!"


def test_one_object_more_than_a_pack_holds_comes_back(
    shared: Workspace, tmp_path: Path
) -> None:
    place = shared.path / "many"
    place.mkdir()
    for number in range(PACK_OBJECTS + 1):
        (place / f"{number}").write_bytes(b"%d" % number)
    other = sent_and_brought_back(shared, "many", tmp_path / "clone")
    with os.scandir(other.path / "many") as entries:
        assert (
            sum(
                Path(entry.path).read_bytes() == os.fsencode(entry.name)
                for entry in entries
            )
            == PACK_OBJECTS + 1
        )


def sent_and_brought_back(ws: Workspace, path: str, place: Path) -> Workspace:
    """Returns a clone in which a path was pulled; both sides are found whole."""
    ws.mltrack("add", path)
    ws.commit(path)
    ws.mltrack("push")
    ws.mltrack("fsck", "--remote", "store")
    other = ws.clone(place)
    other.mltrack("pull")
    for workspace in (ws, other):
        workspace.mltrack("status", "--check")
        workspace.mltrack("fsck")
    return other
