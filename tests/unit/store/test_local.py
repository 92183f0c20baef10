"""The cache on its own: what is damaged is never given out, and what is young, or not
understood, is left alone.
"""

import os
import struct
import time
from pathlib import Path

import pytest

from mltrack.errors import IntegrityError, WorkspaceError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.local import gc
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import TREES

_ROWS_AT = 32 + 1024
"""An index begins with a header and its fan-out."""
SMALL = [b"one", b"two", b"three"]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(str(tmp_path / "cache"), XXH3)
    with CacheWriter(made) as writer:
        for data in SMALL:
            writer.put(data)
        writer.finish()
    return made


def pack_of(cache: Cache) -> str:
    [id_] = cache.indexes()
    return id_


def flip(path: str, at: int) -> None:
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def offset_of(cache: Cache, data: bytes) -> int:
    with open(cache.pack_path(pack_of(cache)), "rb") as file:
        return file.read().index(data)


def test_an_object_whose_bytes_have_changed_is_not_given_out(cache: Cache) -> None:
    flip(cache.pack_path(pack_of(cache)), offset_of(cache, b"two"))
    with pytest.raises(IntegrityError):
        cache.read(XXH3.hex_of(b"two"))


def test_a_pack_with_one_flipped_byte_is_not_adopted(
    cache: Cache, tmp_path: Path
) -> None:
    other = Cache(str(tmp_path / "other"), XXH3)
    id_, data = pack_of(cache), Path(cache.pack_path(pack_of(cache))).read_bytes()
    for at in range(len(data)):
        (tmp_path / "came").write_bytes(
            data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        )
        with CacheWriter(other) as writer, pytest.raises(IntegrityError):
            writer.adopt_pack(str(tmp_path / "came"), id_)
    assert not other.indexes()


def with_an_unknown_row(data: bytes) -> bytes:
    """The bytes of a pack whose first object is of another kind, every digest in it
    right again.
    """
    trailer = struct.Struct(f">QQ{XXH3.raw_size}s8s")
    offset, count, _, magic = trailer.unpack(data[-trailer.size :])
    index = bytearray(data[offset : -trailer.size - XXH3.raw_size])
    index[_ROWS_AT + XXH3.raw_size] = 7
    digest = bytes.fromhex(XXH3.hex_of(bytes(index)))
    return (
        data[:offset]
        + bytes(index)
        + digest
        + trailer.pack(offset, count, digest, magic)
    )


def test_a_pack_of_which_not_all_is_understood_is_not_adopted(
    cache: Cache, tmp_path: Path
) -> None:
    data = with_an_unknown_row(Path(cache.pack_path(pack_of(cache))).read_bytes())
    (tmp_path / "came").write_bytes(data)
    other = Cache(str(tmp_path / "other"), XXH3)
    with (
        CacheWriter(other) as writer,
        pytest.raises(IntegrityError, match="other things than whole objects"),
    ):
        writer.adopt_pack(str(tmp_path / "came"), XXH3.hex_of(data))
    assert not other.indexes()


def test_only_what_is_older_than_the_grace_is_freed(cache: Cache) -> None:
    now = time.time()
    os.utime(cache.pack_path(pack_of(cache)), (now, now))
    assert gc.plan(cache, set(), [], now - 60).objects == 0
    assert gc.plan(cache, set(), [], now + 60).objects == len(SMALL)


def test_what_is_marked_stays_and_the_rest_of_its_pack_goes(cache: Cache) -> None:
    plan = gc.plan(cache, {XXH3.hex_of(b"one")}, [], time.time() + 60)
    [kept] = plan.shrink[pack_of(cache)]
    assert kept.raw.hex() == XXH3.hex_of(b"one") and plan.objects == len(SMALL) - 1


def test_a_tree_that_history_names_and_that_is_not_here_is_asked_about_again(
    cache: Cache,
) -> None:
    with CacheWriter(cache) as writer:
        listing = tree.encode([(b"file", "f", XXH3.hex_of(b"one"), 3)])
        top = writer.put(listing, TREES)
        writer.finish()
    gone = XXH3.hex_of(b"never fetched")
    marked: set[str] = set()
    gc.mark(cache, [], [Content(TREE, gone, 3, 1), Content(TREE, top, 3, 1)], marked)
    assert marked == {top, XXH3.hex_of(b"one")}
    with pytest.raises(WorkspaceError):
        gc.mark(cache, [Content(TREE, gone, 3, 1)], [], marked)
