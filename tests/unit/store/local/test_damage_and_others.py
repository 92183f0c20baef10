"""The cache on its own: what is damaged is never given out, and what is young, or not
understood, is left alone.
"""

import errno
import os
import struct
import time
from pathlib import Path

import pytest

from mltrack.disk.abilities import Ability
from mltrack.errors import IntegrityError
from mltrack.objects.digest import XXH3
from mltrack.store import pack
from mltrack.store.local import gc
from mltrack.store.local import writer as writer_module
from mltrack.store.local.cache import Cache
from mltrack.store.local.reader import Reader
from mltrack.store.local.renewal import renew_pack
from mltrack.store.local.writer import CacheWriter, merge_small_packs
from mltrack.store.pack import digest_of_file
from tests.support.abilities import needs

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


def fail(*given: object, **named: object) -> None:
    raise OSError(errno.EIO, "the disk is broken")


def test_a_pack_that_cannot_be_written_anew_keeps_its_whole_objects(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = pack_of(cache)
    flip(cache.pack_path(id_), offset_of(cache, b"two"))
    with monkeypatch.context() as broken:
        broken.setattr(pack, "fsync", fail)
        with pytest.raises(OSError, match="broken"):
            renew_pack(cache, id_)
    cache.reload()
    assert cache.read(XXH3.hex_of(b"one")) == b"one"
    renew_pack(cache, id_)
    assert cache.read(XXH3.hex_of(b"three")) == b"three"
    assert not cache.has(XXH3.hex_of(b"two")) and id_ not in cache.indexes()
    assert Path(cache.quarantine_path, id_ + ".pack").exists()


def test_a_pack_of_which_the_head_alone_is_damaged_is_replaced_under_its_name(
    cache: Cache,
) -> None:
    id_ = pack_of(cache)
    flip(cache.pack_path(id_), len(Path(cache.pack_path(id_)).read_bytes()) - 1)
    renew_pack(cache, id_)
    assert [cache.read(XXH3.hex_of(data)) for data in SMALL] == SMALL
    assert digest_of_file(cache.pack_path(id_), XXH3) == id_
    assert digest_of_file(f"{cache.quarantine_path}/{id_}.pack", XXH3) != id_


def test_an_object_that_another_process_unpacks_meanwhile_keeps_its_bytes(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = XXH3.hex_of(b"one")
    packed = Reader.packed

    def unpack_first(self: Reader, hex_digest: str) -> bytes | None:
        monkeypatch.setattr(Reader, "packed", packed)
        with CacheWriter(cache.twin()) as other:
            other.unpack([one])
            other.publish()
        return packed(self, hex_digest)

    monkeypatch.setattr(Reader, "packed", unpack_first)
    with CacheWriter(cache) as writer:
        writer.unpack([one])
        writer.finish()
    assert cache.read(one) == b"one"


def in_two_packs(cache: Cache) -> tuple[str, str]:
    """Puts b"one" into a second pack with others; returns the old one and the new."""
    first = pack_of(cache)
    with CacheWriter(cache) as writer:
        for data in (b"one", b"four", b"five"):
            writer.rewrite(XXH3.hex_of(data), data)
        writer.finish()
    [second] = set(cache.indexes()) - {first}
    return first, second


def test_the_only_whole_copy_of_an_object_in_two_packs_is_not_collected(
    cache: Cache,
) -> None:
    shrinking, other = in_two_packs(cache)
    with open(cache.pack_path(other), "rb") as file:
        at = file.read().index(b"one")
    flip(cache.pack_path(other), at)
    marked = {XXH3.hex_of(data) for data in (b"one", b"four", b"five")}
    plan = gc.plan(cache, marked, [], time.time() + 60)
    assert list(plan.shrink) == [shrinking]
    gc.execute(cache, plan)
    assert shrinking not in cache.indexes()
    assert [cache.read(XXH3.hex_of(data)) for data in (b"one", b"five")] == [
        b"one",
        b"five",
    ]


def test_an_object_that_was_repaired_meanwhile_is_not_set_aside(
    cache: Cache, tmp_path: Path
) -> None:
    data = os.urandom(2 << 20)
    with CacheWriter(cache) as writer:
        large = writer.put(data)
        writer.finish()
    path = cache.loose_path(large)
    flip(path, 5)
    place = cache.find(large)
    assert place is not None and not cache.is_whole(large, place)
    # another process sets it aside and writes it anew
    with CacheWriter(cache.twin()) as other:
        assert other.put(data) == large
        other.finish()
    with pytest.raises(IntegrityError, match="whole now"):
        cache.quarantine(large, place)
    assert cache.read(large) == data


def test_an_object_that_is_repaired_between_look_and_move_is_put_back(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(2 << 20)
    with CacheWriter(cache) as writer:
        large = writer.put(data)
        writer.finish()
    place = cache.find(large)
    assert place is not None
    monkeypatch.setattr(cache, "_is_mended", lambda *given: False)
    with pytest.raises(IntegrityError):
        cache.quarantine(large, place)
    assert cache.read(large) == data


def test_what_was_merged_since_the_cache_was_read_does_not_stop_a_collection(
    cache: Cache,
) -> None:
    assert cache.indexes()
    other = cache.twin()
    with CacheWriter(other) as writer:
        writer.unpack(XXH3.hex_of(data) for data in SMALL)
        writer.publish()
    other.remove_pack(pack_of(other))
    assert gc.plan(cache, set(), [], time.time() - 60).objects == 0


@pytest.mark.parametrize("how", ["truncated", "full disk"])
def test_merging_never_fails_who_has_written(
    cache: Cache, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MERGE_ABOVE", 3)
    for n in range(3):
        with CacheWriter(cache) as writer:
            writer.put(b"more %d" % n)
            writer.publish()
    if how == "truncated":
        path = cache.pack_path(min(cache.indexes()))
        os.chmod(path, 0o644)
        os.truncate(path, 20)
    else:
        monkeypatch.setattr(CacheWriter, "rewrite", fail)
    merge_small_packs(cache)
    assert len(cache.indexes()) >= (2 if how == "truncated" else 4)
    assert not [name for name in os.listdir(cache.tmp_path) if name.startswith(".mlt")]


@needs(Ability.LEASES)
def test_a_file_that_was_to_be_linked_may_be_written_again_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(str(tmp_path / "cache"), XXH3, links=("hardlink", "copy"))
    mine = tmp_path / "mine"
    mine.write_text("mine")
    mine.chmod(0o664)
    monkeypatch.setattr(writer_module, "fsync", fail)
    with pytest.raises(OSError, match="broken"), CacheWriter(cache) as writer:
        assert writer.link_in(os.fsencode(mine), XXH3.hex_of(b"mine"), os.lstat(mine))
        writer.finish()
    state = mine.stat()
    assert state.st_mode & 0o777 == 0o664 and state.st_nlink == 1
