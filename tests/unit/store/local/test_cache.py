"""The cache: where objects lie, what counts as missing, and that damage is never given
out.
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.disk.lock import locked
from mltrack.errors import IntegrityError, LockedError, MissingObjectError
from mltrack.objects.content import FILE, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.objects.tree_walk import extent, leaves
from mltrack.store.local import users
from mltrack.store.local.cache import COPY, HARDLINK, REFLINK, SYMLINK, Cache
from mltrack.store.local.writer import CacheWriter, merge_small_packs
from tests.support.objects import (
    LARGE,
    damage,
    flip,
    named,
    pack_of,
    put,
    put_tree,
)


def again(cache: Cache) -> Cache:
    """The cache as another process opens it."""
    return Cache(cache.path, cache.algorithm, cache.links)


def copied(cache: Cache, hex_digest: str, size: int, to: Path) -> bytes:
    descriptor = os.open(to, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        cache.copy_to(hex_digest, descriptor, size)
    finally:
        os.close(descriptor)
    return to.read_bytes()


def lose(cache: Cache, hex_digest: str) -> None:
    """Damages an object and lets the cache find that out."""
    damage(cache, hex_digest)
    with pytest.raises(IntegrityError):
        cache.read(hex_digest)


# what is there


@settings(max_examples=40)
@given(
    packed=st.lists(st.binary(max_size=8), unique=True, max_size=90),
    others=st.sets(st.binary(max_size=8), max_size=90),
    damaged=st.sets(st.integers(0, 89), max_size=4),
)
def test_what_is_missing_is_what_cannot_be_found(
    packed: list[bytes],
    others: set[bytes],
    damaged: set[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Asked for one by one, few at once or many at once."""
    cache = Cache(str(tmp_path_factory.mktemp("cache")), XXH3)
    put(cache, *packed[::2])
    put(cache, *packed[1::2])
    put(cache, LARGE)
    # of an empty object no byte can be damaged
    lost = {named(packed[at]) for at in damaged if at < len(packed) and packed[at]}
    for hex_digest in lost:
        lose(cache, hex_digest)
    here = {named(one) for one in [*packed, LARGE]} - lost
    asked = {named(one) for one in [*packed, LARGE, *others]}
    assert {one for one in asked if cache.has(one)} == here
    assert cache.missing(asked) == asked - here
    for few in (sorted(asked)[:3], sorted(asked)[-3:]):
        assert cache.missing(few) == set(few) - here
    assert {one for one in asked if cache.is_packed(one)} == here - {named(LARGE)}


def test_many_files_of_their_own_are_asked_for_at_once(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path), XXH3, [HARDLINK])
    here = put(cache, *(b"%d" % number for number in range(70)))
    away = {named(b"away %d" % number) for number in range(70)}
    assert cache.missing([*here, *away]) == away
    assert not any(map(cache.is_packed, here)) and all(map(cache.has, here))
    assert {hex_digest for _, hex_digest in cache.loose_files()} == set(here)


def test_many_are_asked_for_at_once_and_damage_counts(cache: Cache) -> None:
    found = put(cache, *(b"%d" % number for number in range(200)))
    lose(cache, found[7])
    assert cache.missing([*found, named(b"away")]) == {found[7], named(b"away")}


def test_what_is_no_object_is_passed_over(cache: Cache) -> None:
    [hex_digest] = put(cache, LARGE)
    place = Path(cache.loose_path(hex_digest)).parent
    (place / "notes").write_text("")
    (place.parent / "zz").mkdir()
    (place.parent / "zz" / "xx").write_text("")
    Path(cache.packs_path).mkdir()
    (Path(cache.packs_path) / "notes.txt").write_text("")
    assert list(cache.loose_files()) == [(cache.loose_path(hex_digest), hex_digest)]
    assert cache.indexes() == {}


def test_a_lost_or_damaged_index_beside_a_pack_is_read_from_it(cache: Cache) -> None:
    one, other = put(cache, b"one"), put(cache, b"other")
    paths = [
        Path(cache.packs_path, pack_of(cache, hex_digest) + ".idx")
        for hex_digest in (*one, *other)
    ]
    paths[0].unlink()
    flip(paths[1], 40)
    later = again(cache)
    assert later.read(*one) == b"one" and later.read(*other) == b"other"
    assert not later.unreadable


def test_a_pack_of_which_no_index_can_be_read_holds_nothing(cache: Cache) -> None:
    [one], [other] = put(cache, b"one"), put(cache, b"other")
    id_ = pack_of(cache, one)
    flip(Path(cache.packs_path, id_ + ".idx"), 40)
    flip(cache.pack_path(id_), -1)
    later = again(cache)
    assert later.missing([one, other]) == {one} and later.unreadable == {id_}
    assert list(later.indexes()) == [pack_of(later, other)]


def test_what_another_process_adds_is_seen_after_a_look(cache: Cache) -> None:
    assert cache.indexes() == {}
    [old] = put(cache, b"old")
    index = cache.indexes()[pack_of(cache, old)]
    [hex_digest] = put(again(cache), b"new")
    assert not cache.has(hex_digest)
    cache.reload()
    assert cache.read(hex_digest) == b"new"
    assert cache.indexes()[pack_of(cache, old)] is index, "it was read once more"


def test_the_twin_of_a_cache_is_the_same_one(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "c"), XXH3, [SYMLINK], str(tmp_path / "p/.mltrack"))
    [hex_digest] = put(cache, b"one")
    twin = cache.twin()
    assert twin.read(hex_digest) == b"one" and twin.linking == SYMLINK
    with twin.in_use():
        assert users.others(cache.path, "") == [str(tmp_path / "p/.mltrack")]


def test_while_it_is_in_use_nobody_collects_and_others_use_it_too(
    cache: Cache,
) -> None:
    lock = os.path.join(cache.path, "gc.lock")
    with (
        cache.in_use(),
        again(cache).in_use(),
        pytest.raises(LockedError),
        locked(lock, wait=False),
    ):
        pass
    with locked(lock, wait=False):
        pass


# trees


def test_a_tree_is_held_only_with_all_below_it(cache: Cache) -> None:
    top = put_tree(cache, {"a": b"aa", "sub": {"b": b"bbb", "deep": {"a": b"aa"}}})
    assert (top.size, top.files) == (7, 3)
    assert cache.holds(top) and not cache.missing_below(top.hex)
    assert extent(top.hex, cache.read_tree) == 3
    sizes = {named(b"aa"): 2, named(b"bbb"): 3}
    assert cache.files_below(top) == sizes
    assert cache.files_below(Content(FILE, named(b"x"), 9)) == {named(b"x"): 9}
    paths = [path for path, _ in leaves(top.hex, cache.read_tree)]
    assert sorted(paths) == [b"a", b"sub/b", b"sub/deep/a"]
    damage(cache, named(b"bbb"))
    with pytest.raises(IntegrityError):
        cache.read(named(b"bbb"))
    assert not cache.holds(top) and cache.missing_below(top.hex) == {named(b"bbb")}


def test_of_a_tree_that_is_away_no_more_is_known(cache: Cache) -> None:
    top = put_tree(cache, {"a": b"aa", "sub": {"b": b"bbb"}})
    [sub] = [entry for entry in cache.read_tree(top.hex) if entry.kind == "d"]
    lose(cache, sub.hex)
    found = cache.below([top.hex])
    assert found.trees == [top.hex] and found.unopened == {sub.hex}
    assert cache.missing_below(top.hex) == {sub.hex}
    assert cache.missing_below(named(b"away")) == {named(b"away")}
    assert not cache.holds(Content(TREE, named(b"away"), 0, 0))


def test_a_size_that_an_object_does_not_have_is_a_contradiction(cache: Cache) -> None:
    put(cache, b"one", LARGE)
    top = put_tree(cache, {"a": b"aa", "sub": {"b": b"bbb"}})
    for data in (b"one", LARGE):
        right = Content(FILE, named(data), len(data))
        assert not cache.contradicts(right)
        assert cache.contradicts(right._replace(size=len(data) + 1))
    assert not cache.contradicts(top)
    assert cache.contradicts(top._replace(size=4))
    # what is not here, or is no listing, contradicts nothing
    for kind in (FILE, TREE):
        assert not cache.contradicts(Content(kind, named(b"away"), 7))
    assert not cache.contradicts(Content(TREE, named(b"one"), 7))
    damage(cache, top.hex)
    assert not cache.contradicts(top._replace(size=4)) and not cache.holds(top)


# reading


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["packed", "alone"])
def test_what_is_damaged_is_set_aside_and_missing_from_then_on(
    cache: Cache, data: bytes
) -> None:
    [hex_digest], [other] = put(cache, data), put(cache, b"other")
    damage(cache, hex_digest)
    with pytest.raises(IntegrityError, match="set aside"):
        cache.read(hex_digest)
    for seen in (cache, again(cache)):
        assert not seen.has(hex_digest) and seen.read(other) == b"other"
        assert list(seen.set_aside()) == [hex_digest]
        with pytest.raises(MissingObjectError, match="is not in the cache"):
            seen.read(hex_digest)
    put(cache, data)
    assert cache.read(hex_digest) == data and cache.set_aside() == {}


def test_a_damaged_copy_does_not_hide_a_whole_one(cache: Cache) -> None:
    [hex_digest] = put(cache, b"twice")
    with CacheWriter(cache) as writer:
        writer.rewrite(hex_digest, b"twice")
        writer.put(b"more")
        writer.publish()
    damage(cache, hex_digest)
    with pytest.raises(IntegrityError):
        cache.read(hex_digest)
    assert cache.read(hex_digest) == b"twice" and not cache.set_aside()


def test_only_a_pack_that_was_written_anew_is_trusted_again(cache: Cache) -> None:
    [hex_digest] = put(cache, b"one")
    id_ = pack_of(cache, hex_digest)
    place = cache.find(hex_digest)
    assert place is not None
    with pytest.raises(IntegrityError, match="is whole now"):
        cache.quarantine(hex_digest, place)
    assert not cache.is_quarantined(hex_digest, id_)
    flip(place.path, place.offset)
    with pytest.raises(IntegrityError, match="it was set aside"):
        cache.quarantine(hex_digest, place)
    flip(place.path, place.offset)
    assert cache.is_quarantined(hex_digest, id_)
    assert not cache.is_quarantined(hex_digest, named(b"another pack"))
    assert not cache.packed_among(id_, {bytes.fromhex(hex_digest)})
    cache.trust(named(b"another pack"))
    cache.reload()
    assert not cache.has(hex_digest)
    cache.trust(id_)
    cache.reload()
    assert cache.read(hex_digest) == b"one"


def test_a_pack_that_was_merged_meanwhile_is_looked_for_again(cache: Cache) -> None:
    found = [put(cache, b"%d" % number)[0] for number in range(40)]
    late = again(cache)
    late.indexes()
    merge_small_packs(cache)
    assert len(cache.indexes()) == 1
    assert [late.read(one) for one in found] == [b"%d" % n for n in range(40)]


def test_a_pack_that_is_removed_takes_its_index_along(cache: Cache) -> None:
    [hex_digest] = put(cache, b"one")
    cache.remove_pack(pack_of(cache, hex_digest))
    assert os.listdir(cache.packs_path) == [] and not cache.has(hex_digest)
    assert cache.set_aside() == {}


@pytest.mark.parametrize("links", [(COPY,), (REFLINK, COPY)])
@pytest.mark.parametrize("data", [b"small", LARGE], ids=["packed", "alone"])
def test_a_copy_is_compared_with_its_digest_on_the_way(
    tmp_path: Path, data: bytes, links: tuple[str, ...]
) -> None:
    cache = Cache(str(tmp_path / "cache"), XXH3, links)
    [hex_digest] = put(cache, data)
    assert copied(cache, hex_digest, len(data), tmp_path / "to") == data
    with pytest.raises(IntegrityError, match=f"has {len(data)} bytes"):
        copied(cache, hex_digest, len(data) + 1, tmp_path / "to")
    assert cache.has(hex_digest), "the object is whole, and what names it is not"
    damage(cache, hex_digest)
    with pytest.raises(IntegrityError, match="is damaged"):
        copied(cache, hex_digest, len(data), tmp_path / "to")
    assert not cache.has(hex_digest)


# links


@pytest.mark.parametrize(
    ("links", "linking"),
    [
        ([HARDLINK, COPY], HARDLINK),
        ([SYMLINK], SYMLINK),
        ([COPY, HARDLINK], ""),
        ([COPY], ""),
        ([], ""),
    ],
)
def test_the_first_way_that_can_be_gone_counts(
    tmp_path: Path, links: list[str], linking: str
) -> None:
    assert Cache(str(tmp_path), XXH3, links).linking == linking


def test_links_come_after_sharing_blocks_where_the_disk_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mltrack.store.local import cache as module

    for can, linking in ((True, ""), (False, HARDLINK)):
        monkeypatch.setattr(module, "shares_blocks", lambda one, other, can=can: can)
        cache = Cache(str(tmp_path), XXH3, [REFLINK, HARDLINK])
        assert cache.linking == linking


def test_a_link_to_an_object_is_known_by_its_text(cache: Cache) -> None:
    hex_digest = named(b"any")
    text = os.fsencode(cache.absolute_loose_path(hex_digest))
    assert text.startswith(b"/") and cache.object_behind(text) == hex_digest
    top = os.path.dirname(os.path.dirname(text))
    for other in (
        text[:-1],
        text + b"0",
        text.replace(top, top + b"/."),
        text.replace(top, b"/elsewhere/loose"),
        top + b"/" + hex_digest.encode(),
        top + b"/" + hex_digest[:4].encode() + b"/" + hex_digest[4:].encode(),
        text.upper(),
        b"",
    ):
        assert cache.object_behind(other) is None, other


def test_an_objects_own_file_is_known_by_its_inode(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"), XXH3, [HARDLINK])
    [hex_digest] = put(cache, b"one")
    own, copy = tmp_path / "own", tmp_path / "copy"
    own.hardlink_to(cache.loose_path(hex_digest))
    shutil.copy(own, copy)
    (tmp_path / "another").hardlink_to(copy)
    assert cache.is_own(hex_digest, own.stat())
    assert not cache.is_own(hex_digest, copy.stat())
    assert not cache.is_own(named(b"away"), own.stat())
    own.chmod(0o644)
    assert not cache.is_own(hex_digest, own.stat()), "somebody may write to it"


def test_an_object_alone_is_compared_once_and_again_when_it_was_written_to(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    [hex_digest] = put(cache, LARGE)
    looked: list[str] = []
    compare = cache.is_whole
    monkeypatch.setattr(
        cache, "is_whole", lambda one, place: looked.append(one) or compare(one, place)
    )
    for _ in range(3):
        assert cache.check_alone(hex_digest)
    assert looked == [hex_digest]
    assert not cache.check_alone(named(b"away"))
    damage(cache, hex_digest)
    with pytest.raises(IntegrityError):
        cache.check_alone(hex_digest)
    assert not cache.check_alone(hex_digest)
