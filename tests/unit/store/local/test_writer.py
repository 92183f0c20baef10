"""Writing into the cache: nothing shows before it is whole, and nothing is taken in
unseen.
"""

import os
import struct
import time
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.disk.abilities import Ability
from mltrack.errors import IntegrityError, WorkspaceError
from mltrack.objects import tree
from mltrack.objects.digest import XXH3
from mltrack.store import pack
from mltrack.store.local import writer as module
from mltrack.store.local.cache import HARDLINK, SYMLINK, Cache
from mltrack.store.local.renewal import renew_pack
from mltrack.store.local.writer import (
    CacheWriter,
    NewTrees,
    merge_small_packs,
)
from tests.support.abilities import needs
from tests.support.objects import LARGE, damage, flip, named, pack_of, put

_ROWS_AT = 32 + 1024
"""An index begins with a header and its fan-out."""


@pytest.fixture
def linked(tmp_path: Path) -> Cache:
    """A cache whose objects are files of their own: files are links to them."""
    return Cache(str(tmp_path / "cache"), XXH3, [HARDLINK])


def again(cache: Cache) -> Cache:
    return Cache(cache.path, cache.algorithm, cache.links)


def everything(cache: Cache) -> set[str]:
    """All files of a cache, by their paths in it."""
    top = Path(cache.path)
    return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}


def lasting(cache: Cache) -> set[str]:
    return {path for path in everything(cache) if path.startswith(("loose", "packs"))}


@settings(max_examples=30)
@given(
    st.lists(
        st.one_of(st.binary(max_size=30), st.just(LARGE)), max_size=30, unique=True
    )
)
def test_nothing_is_visible_before_it_is_published_and_all_of_it_is_then(
    tmp_path_factory: pytest.TempPathFactory, found: list[bytes]
) -> None:
    cache = Cache(str(tmp_path_factory.mktemp("cache")), XXH3)
    with CacheWriter(cache) as writer:
        digests = [writer.put(one) for one in found]
        assert again(cache).missing(digests) == set(digests)
        assert writer.missing(digests) == set() and all(map(writer.adds, digests))
        fresh = writer.publish()
    assert digests == [named(one) for one in found]
    for seen in (cache, again(cache)):
        assert [seen.read(one) for one in digests] == found
    alone = {named(one) for one in found if len(one) >= pack.SMALL_OBJECT}
    assert fresh == alone | set(cache.indexes())
    assert {one for _, one in cache.loose_files()} == alone
    assert len(cache.indexes()) == bool(set(digests) - alone)


def test_what_was_not_finished_leaves_nothing(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "came").write_bytes(LARGE)
    with pytest.raises(KeyError), CacheWriter(cache) as writer:
        writer.put(b"one")
        writer.put(LARGE)
        writer.put(b"tree", pack.TREES)
        writer.adopt_alone(str(tmp_path / "came"), named(LARGE))
        raise KeyError
    assert everything(cache) == set() and not (tmp_path / "came").exists()


def test_what_is_there_already_is_not_written_again(cache: Cache) -> None:
    put(cache, b"one", LARGE)
    before = lasting(cache)
    with CacheWriter(cache) as writer:
        writer.put(b"one")
        writer.put(LARGE)
        assert writer.publish() == set()
    assert lasting(cache) == before


def test_what_is_added_twice_is_written_once(cache: Cache) -> None:
    put(cache, b"one", b"two", b"one", LARGE, LARGE)
    [index] = cache.indexes().values()
    assert index.count == 2 and len(list(cache.loose_files())) == 1


def test_what_is_damaged_is_written_again(cache: Cache) -> None:
    found = put(cache, b"one", LARGE)
    for hex_digest in found:
        damage(cache, hex_digest)
        with pytest.raises(IntegrityError):
            cache.read(hex_digest)
    put(cache, b"one", LARGE)
    assert [cache.read(one) for one in found] == [b"one", LARGE]


def test_a_large_object_that_was_damaged_unseen_is_written_again(cache: Cache) -> None:
    [hex_digest] = put(cache, LARGE)
    damage(cache, hex_digest)
    put(cache, LARGE)
    assert cache.read(hex_digest) == LARGE


def test_trees_have_packs_of_their_own(cache: Cache) -> None:
    with CacheWriter(cache) as writer:
        one = writer.put(b"one")
        listing = writer.put(b"tree", pack.TREES)
        writer.publish()
    packs = [pack_of(cache, hex_digest) for hex_digest in (one, listing)]
    assert [pack.contents_of(cache.pack_path(id_)) for id_ in packs] == [
        pack.ANY,
        pack.TREES,
    ]


def test_a_full_pack_is_followed_by_another(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "TARGET_OBJECTS", 4)
    found = put(cache, *(b"%d" % number for number in range(10)))
    assert sorted(index.count for index in cache.indexes().values()) == [2, 4, 4]
    assert [cache.read(one) for one in found] == [b"%d" % n for n in range(10)]


def test_objects_and_packs_are_read_only(cache: Cache) -> None:
    put(cache, b"one", LARGE)
    files = [Path(cache.path, path) for path in lasting(cache)]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o444}
    assert len(files) == 3


def test_objects_to_be_linked_to_are_files_of_their_own_and_trees_are_not(
    linked: Cache,
) -> None:
    with CacheWriter(linked) as writer:
        one = writer.put(b"one")
        listing = writer.put(b"tree", pack.TREES)
        writer.publish()
    assert [hex_digest for _, hex_digest in linked.loose_files()] == [one]
    assert linked.is_packed(listing) and not linked.is_packed(one)


# files


@pytest.mark.parametrize("size", [0, 10, 3 << 20])
def test_a_file_is_copied_and_named_by_what_was_copied(
    cache: Cache, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    with open(tmp_path / "file", "rb") as file, CacheWriter(cache) as writer:
        for _ in range(2):
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            assert writer.put_large(file.fileno()) == (named(data), size)
        assert len(list(Path(cache.tmp_path).iterdir())) == 1
        writer.publish()
    assert cache.read(named(data)) == data
    assert os.stat(cache.loose_path(named(data))).st_mode & 0o777 == 0o444


@needs(Ability.LEASES)
def test_a_file_becomes_the_object_by_a_second_name(
    linked: Cache, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    with CacheWriter(linked) as writer:
        assert writer.link_in(os.fsencode(file), named(b"one"), file.stat())
        writer.publish()
    assert file.samefile(linked.loose_path(named(b"one")))
    assert file.stat().st_mode & 0o777 == 0o444
    assert linked.is_own(named(b"one"), file.stat())


@pytest.mark.parametrize("other", ["another name", "open for writing", "other bytes"])
def test_what_somebody_can_still_write_to_does_not_become_the_object(
    linked: Cache, tmp_path: Path, other: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    file.chmod(0o640)
    if other == "another name":
        (tmp_path / "second").hardlink_to(file)
    elif other == "other bytes":  # written since they were read, in the clock's grain
        moment = time.time() + 3600
        os.utime(file, (moment, moment))
    with (
        open(file if other == "open for writing" else tmp_path / "x", "ab"),
        CacheWriter(linked) as writer,
    ):
        expected = named(b"one" if other != "other bytes" else b"two")
        assert not writer.link_in(os.fsencode(file), expected, file.stat())
        assert writer.publish() == set()
    assert file.read_bytes() == b"one" and file.stat().st_mode & 0o777 == 0o640
    assert everything(linked) == set()


@needs(Ability.LEASES)
def test_a_file_that_changed_since_it_was_read_is_refused(
    linked: Cache, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    state = file.stat()
    os.utime(file, (1.0, 1.0))
    with (
        pytest.raises(WorkspaceError, match="changed while it was being read"),
        CacheWriter(linked) as writer,
    ):
        writer.link_in(os.fsencode(file), named(b"one"), state)
    assert file.read_bytes() == b"one" and everything(linked) == set()


def test_a_file_is_not_linked_in_where_the_object_is_there(
    linked: Cache, tmp_path: Path
) -> None:
    put(linked, b"one")
    file = tmp_path / "file"
    file.write_bytes(b"one")
    with CacheWriter(linked) as writer:
        assert writer.link_in(os.fsencode(file), named(b"one"), file.stat())
        assert writer.publish() == set()
    assert file.stat().st_nlink == 1 and file.stat().st_mode & 0o200


def test_packed_objects_become_files_of_their_own(tmp_path: Path) -> None:
    packed = Cache(str(tmp_path / "cache"), XXH3)
    found = put(packed, b"one", b"two", b"three")
    linked = Cache(packed.path, XXH3, [SYMLINK])
    with CacheWriter(linked) as writer:
        writer.unpack(found[:2])
        writer.unpack(found[:2])
        assert len(os.listdir(linked.tmp_path)) == 2
        writer.publish()
    assert {hex_digest for _, hex_digest in linked.loose_files()} == set(found[:2])
    assert Path(linked.loose_path(found[0])).read_bytes() == b"one"


# what arrives


def adopted(cache: Cache, path: Path, id_: str) -> None:
    with CacheWriter(cache) as writer:
        writer.adopt_pack(str(path), id_)
        assert writer.owns(str(path)) and not writer.owns(str(path) + "x")
        writer.publish()


def test_a_whole_pack_is_taken_over(cache: Cache, tmp_path: Path) -> None:
    found = put(cache, b"one", b"two")
    id_ = pack_of(cache, found[0])
    came = tmp_path / "came"
    came.write_bytes(Path(cache.pack_path(id_)).read_bytes())
    other = Cache(str(tmp_path / "other"), XXH3)
    adopted(other, came, id_)
    assert [other.read(one) for one in found] == [b"one", b"two"]
    assert not came.exists() and os.listdir(other.tmp_path) == []


def test_a_pack_with_one_flipped_byte_is_not_adopted(
    cache: Cache, tmp_path: Path
) -> None:
    found = put(cache, b"one", b"two", b"three")
    other = Cache(str(tmp_path / "other"), XXH3)
    id_ = pack_of(cache, found[0])
    data = Path(cache.pack_path(id_)).read_bytes()
    for at in range(len(data)):
        (tmp_path / "came").write_bytes(
            data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        )
        with CacheWriter(other) as writer, pytest.raises(IntegrityError):
            writer.adopt_pack(str(tmp_path / "came"), id_)
    assert not other.indexes()


def test_a_pack_under_the_right_name_with_a_wrong_object_is_not_adopted(
    cache: Cache, tmp_path: Path
) -> None:
    writer = pack.PackWriter(str(tmp_path), XXH3)
    writer.add(named(b"one"), b"two")
    done = writer.finish()
    with CacheWriter(cache) as taking:
        with pytest.raises(IntegrityError, match="does not match its digest"):
            taking.adopt_pack(done.temporary, done.id)
        assert not taking.owns(done.temporary)


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
    found = put(cache, b"one", b"two", b"three")
    path = cache.pack_path(pack_of(cache, found[0]))
    data = with_an_unknown_row(Path(path).read_bytes())
    (tmp_path / "came").write_bytes(data)
    other = Cache(str(tmp_path / "other"), XXH3)
    with (
        CacheWriter(other) as writer,
        pytest.raises(IntegrityError, match="other things than whole objects"),
    ):
        writer.adopt_pack(str(tmp_path / "came"), XXH3.hex_of(data))
    assert not other.indexes()


def test_a_file_that_arrived_is_the_object_only_if_it_has_its_bytes(
    cache: Cache, tmp_path: Path
) -> None:
    came = tmp_path / "came"
    came.write_bytes(b"one")
    with CacheWriter(cache) as writer:
        with pytest.raises(IntegrityError, match="other bytes"):
            writer.adopt_alone(str(came), named(b"two"))
        assert not writer.owns(str(came))
        writer.adopt_alone(str(came), named(b"one"))
        assert writer.owns(str(came))
        writer.publish()
    assert cache.read(named(b"one")) == b"one" and not came.exists()
    assert os.stat(cache.loose_path(named(b"one"))).st_mode & 0o777 == 0o444


# packs of packs


@settings(max_examples=30)
@given(st.lists(st.lists(st.binary(max_size=4), max_size=3), min_size=4, max_size=8))
def test_many_small_packs_become_few_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[bytes]]
) -> None:
    cache = Cache(str(tmp_path_factory.mktemp("cache")), XXH3)
    for number, group in enumerate(groups):
        put(cache, b"own %d" % number, *group)
    found = [one for group in groups for one in group]
    with mock.patch.object(module, "MERGE_ABOVE", 3):
        merge_small_packs(cache)
    assert len(cache.indexes()) == 1
    assert {cache.read(named(one)) for one in found} == set(found)
    assert len(os.listdir(cache.packs_path)) == 2


def test_a_finish_merges_and_trees_stay_apart(cache: Cache) -> None:
    for number in range(module.MERGE_ABOVE // 2):
        put(cache, b"file %d" % number)
        put(cache, b"tree %d" % number, contents=pack.TREES)
    assert len(cache.indexes()) == module.MERGE_ABOVE
    with CacheWriter(cache) as writer:
        last = writer.put(b"last")
        writer.finish()
    kinds = {
        pack.contents_of(cache.pack_path(id_)): index.count
        for id_, index in cache.indexes().items()
    }
    assert kinds == {pack.ANY: module.MERGE_ABOVE // 2 + 1, pack.TREES: 16}
    assert cache.read(last) == b"last"


def test_few_packs_and_large_ones_are_left_alone(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(module.MERGE_ABOVE):
        put(cache, b"%d" % number)
    before = set(cache.indexes())
    merge_small_packs(cache)
    assert set(cache.indexes()) == before
    put(cache, os.urandom(5000))
    monkeypatch.setattr(module, "SMALL_PACK_BYTES", 5000)
    merge_small_packs(cache)
    assert len(cache.indexes()) == module.MERGE_ABOVE + 1


def test_a_pack_with_a_damaged_object_is_left_as_it_is(cache: Cache) -> None:
    found = [put(cache, b"%d" % number)[0] for number in range(40)]
    id_ = pack_of(cache, found[7])
    damage(cache, found[7])
    merge_small_packs(cache)
    assert len(cache.indexes()) == 2 and id_ in cache.indexes()
    assert not cache.missing(found)


def test_what_is_whole_of_a_damaged_pack_is_saved(cache: Cache) -> None:
    found = put(cache, b"one", b"two", b"three")
    id_ = pack_of(cache, found[0])
    damage(cache, found[1])
    flip(cache.pack_path(id_), 0)
    renew_pack(cache, id_)
    assert cache.missing(found) == {found[1]}
    assert cache.read(found[0]) == b"one" and cache.read(found[2]) == b"three"
    assert f"{id_}.pack" in os.listdir(cache.quarantine_path)


def test_a_whole_pack_is_renewed_under_its_own_name(cache: Cache) -> None:
    found = put(cache, b"one", b"two", contents=pack.TREES)
    id_ = pack_of(cache, found[0])
    renew_pack(cache, id_)
    assert [cache.read(one) for one in found] == [b"one", b"two"]
    assert list(cache.indexes()) == [id_]


def test_of_a_pack_without_an_index_nothing_can_be_saved(cache: Cache) -> None:
    [hex_digest] = put(cache, b"one")
    id_ = pack_of(cache, hex_digest)
    os.unlink(Path(cache.packs_path, f"{id_}.idx"))
    flip(cache.pack_path(id_), -1)
    later = again(cache)
    renew_pack(later, id_)
    later.reload()
    assert not later.has(hex_digest) and not later.indexes() and not later.unreadable


# trees


def test_new_trees_can_be_opened_before_they_are_there(cache: Cache) -> None:
    with CacheWriter(cache) as writer:
        trees = NewTrees(writer, cache.read_tree)
        old_digest = trees.write([tree.Entry(b"a", "f", named(b"x"), 1)])
        writer.publish()
        trees = NewTrees(writer, cache.read_tree)
        entries = [
            tree.Entry(b"b", "f", named(b"y"), 1),
            tree.Entry(b"sub", "d", old_digest, 1),
        ]
        top = trees.write(entries)
        assert trees.load(top) == entries and not cache.has(top)
        assert trees.load(old_digest) == cache.read_tree(old_digest)
        writer.publish()
    assert cache.read_tree(top) == entries
    assert pack.contents_of(cache.pack_path(pack_of(cache, top))) == pack.TREES
