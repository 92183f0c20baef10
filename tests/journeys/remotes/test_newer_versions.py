"""A remote to which a newer mltrack has written: read as far as this one can, added to,
and nothing there rewritten.
"""

import hashlib
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import xxhash

from tests.support.workspace import Workspace

VERSION_AT = 8
ROWS_AT = 32 + 1024
DIGEST_SIZE = 16
ROW_SIZE = DIGEST_SIZE + 29


def newer_version(data: bytearray) -> None:
    data[VERSION_AT : VERSION_AT + 4] = struct.pack(">I", 2)


def unknown_kinds(data: bytearray) -> None:
    """One row of several says what this version does not know."""
    data[ROWS_AT + DIGEST_SIZE] = 9


def chunks(data: bytearray) -> None:
    (count,) = struct.unpack_from(">Q", data, 16)
    for number in range(count):
        data[ROWS_AT + number * ROW_SIZE + DIGEST_SIZE] = 1


KINDS = pytest.mark.parametrize("change", [newer_version, unknown_kinds, chunks])


@pytest.fixture
def store(shared: Workspace, tmp_path: Path) -> Path:
    """A remote with two pushes: of ``old``, and of ``new``."""
    shared.mltrack("config", "gc.grace_days", "0")
    shared.mltrack("config", "gc.delay_hours", "0")
    for name in ("old", "new"):
        shared.write(f"{name}/1", f"one of {name}\n")
        shared.write(f"{name}/2", f"two of {name}\n")
        shared.mltrack("add", name)
        shared.commit(name)
        shared.mltrack("push")
    return tmp_path / "store"


def rewrite_last_index(
    ws: Workspace, store: Path, change: Callable[[bytearray], None]
) -> str:
    """Returns its new name."""
    last = max((store / "index").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(last.read_bytes()[:-DIGEST_SIZE])
    change(data)
    whole = bytes(data) + xxhash.xxh3_128_digest(bytes(data))
    last.unlink()
    (store / "index" / f"{xxhash.xxh3_128_hexdigest(whole)}.idx").write_bytes(whole)
    shutil.rmtree(ws.path / ".mltrack/index/remotes/store")
    return xxhash.xxh3_128_hexdigest(whole)


@KINDS
def test_what_other_indexes_name_is_pulled_and_the_rest_says_why_not(
    shared: Workspace, store: Path, tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    rewrite_last_index(shared, store, change)
    clone = shared.clone(tmp_path / "clone")
    pulled = clone.mltrack("pull", code=3)
    assert clone.read("old/1") == "one of old\n"
    assert "new" in pulled.err
    assert "upgrade mltrack" in pulled.err


def state(top: Path) -> dict[str, str]:
    files = (
        path
        for part in ("index", "packs", "objects")
        for path in (top / part).rglob("*")
        if path.is_file()
    )
    return {
        str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@KINDS
def test_a_push_adds_what_this_version_cannot_see_and_replaces_nothing(
    shared: Workspace, store: Path, tmp_path: Path, change: Callable[[bytearray], None]
) -> None:
    rewrite_last_index(shared, store, change)
    before = state(store)
    shared.mltrack("push")
    after = state(store)
    assert before.items() <= after.items()
    clone = shared.clone(tmp_path / "clone")
    clone.mltrack("pull")
    assert clone.read("new/2") == "two of new\n"


@KINDS
def test_many_pushes_take_over_none_of_its_indexes(
    shared: Workspace, store: Path, change: Callable[[bytearray], None]
) -> None:
    newer = rewrite_last_index(shared, store, change)
    for number in range(33):  # one more than are merged into one
        shared.write("old/1", f"{number}\n")
        shared.mltrack("add", "old")
        shared.mltrack("push")
    indexes = {path.stem: path.read_bytes() for path in (store / "index").iterdir()}
    assert newer in indexes
    assert not any(bytes.fromhex(newer) in data for data in indexes.values())
    # the others were merged
    assert any(len(data) > len(indexes[newer]) * 2 for data in indexes.values())


@KINDS
@pytest.mark.parametrize(
    "command",
    [("gc", "--remote", "store"), ("fsck", "--remote", "store", "--repair")],
    ids=lambda words: words[0],
)
def test_it_is_neither_collected_nor_repaired(
    shared: Workspace,
    store: Path,
    change: Callable[[bytearray], None],
    command: tuple[str, ...],
) -> None:
    rewrite_last_index(shared, store, change)
    lost = next((store / "packs").iterdir())
    lost.unlink()
    before = state(store)
    refused = shared.mltrack(*command, code=None)
    assert refused.code != 0
    assert "newer mltrack" in refused.err
    assert "upgrade mltrack" in refused.err
    assert state(store) == before


@KINDS
def test_a_look_at_all_of_it_says_what_was_not_read(
    shared: Workspace, store: Path, change: Callable[[bytearray], None]
) -> None:
    name = rewrite_last_index(shared, store, change)
    looked = shared.mltrack("fsck", "--remote", "store", code=1)
    assert f"index/{name}.idx" in looked.out
    assert "1 of its indexes not readable by this version" in looked.out
    assert "absent" in looked.out
