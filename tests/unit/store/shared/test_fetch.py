"""Bringing objects: whatever of a remote is damaged or gone, what arrives is whole and
all that can be had arrives.
"""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.errors import IntegrityError, MissingObjectError, RemoteError
from mltrack.events import Progress
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.kinds.store import Abilities
from mltrack.store.local.cache import HARDLINK, Cache
from mltrack.store.shared import fetch as module
from mltrack.store.shared.fetch import (
    bring,
    fetch,
    fetch_objects,
    fetch_trees,
    remove_old_partials,
)
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import object_path
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore
from tests.support.objects import LARGE, again, named, push, put_tree, silent

# one file, or a file a name
LOCKS = {"fetch.lock", "fetch.lock.d"}
FAR = Abilities(durable=False, local=False, writable=True)


class Counting(MemoryStore):
    """A store far away, which notes what it is asked for."""

    abilities = FAR

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, int]] = []

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        data = super().get(name, offset, length)
        self.asked.append((name, len(data)))
        return data

    def packs(self) -> list[str]:
        return [name for name, _ in self.asked if name.startswith("packs/")]


def fresh(tmp_path: Path, store: MemoryStore, name: str = "r") -> Remote:
    remote = Remote(name, store, XXH3, Met(str(tmp_path / "hints" / name)))
    remote.open(create=True)
    return remote


def damaged(store: MemoryStore, name: str, old: bytes, new: bytes) -> None:
    data, moment = store.files[name]
    assert old in data
    store.files[name] = (data.replace(old, new), moment)


def pack_with(store: MemoryStore, data: bytes) -> str:
    [name] = [
        name
        for name, (found, _) in store.files.items()
        if name.startswith("packs/") and data in found
    ]
    return name


def test_everything_of_a_directory_comes_level_by_level(
    cache: Cache, other: Cache, remote: Remote
) -> None:
    top = put_tree(
        cache, {"a": b"aa", "large": LARGE, "sub": {"b": b"bbb", "deep": {"c": b"c"}}}
    )
    push_contents(cache, remote, [top], silent)
    said: list[Progress] = []
    moved = fetch(other, [remote], [top], said.append)
    assert other.holds(top) and moved.objects == 7
    assert sum(1 for one in said if one.done == one.total) == 4, "one for each level"
    for data in (b"aa", b"bbb", b"c", LARGE):
        assert other.read(named(data)) == data
    assert fetch(other, [remote], [top], silent) == (0, 0)


def test_trees_come_without_the_files_that_they_name(
    cache: Cache, other: Cache, remote: Remote
) -> None:
    top = put_tree(cache, {"a": b"aa", "sub": {"b": b"bbb"}})
    push_contents(cache, remote, [top], silent)
    alone = Content(FILE, named(b"x"), 1)
    listing = fetch_trees(other, [remote], [top, alone], silent)
    assert listing.trees == set(cache.below([top.hex]).trees)
    assert listing.files == {named(b"aa"): 2, named(b"bbb"): 3, alone.hex: 1}
    assert not listing.lost and not listing.damage
    assert other.missing_below(top.hex) == {named(b"aa"), named(b"bbb")}


def test_what_nobody_has_is_named_after_the_rest_has_come(
    cache: Cache, other: Cache, remote: Remote
) -> None:
    contents = push(cache, remote, b"one")
    wanted = [*contents, Content(FILE, named(b"away"), 4)]
    with pytest.raises(MissingObjectError, match="1 objects are in no remote"):
        fetch(other, [remote], wanted, silent)
    assert other.read(named(b"one")) == b"one"
    brought = bring(other, [remote], wanted, silent)
    assert brought.lost == {named(b"away")} and not brought.damage
    with pytest.raises(MissingObjectError, match="asked: none"):
        fetch(other, [], wanted, silent)


@settings(max_examples=40)
@given(
    wanted=st.sets(st.integers(0, 29)),
    bad=st.sets(st.integers(0, 29), max_size=3),
    far=st.booleans(),
)
def test_all_that_is_whole_comes_and_only_that(
    wanted: set[int],
    bad: set[int],
    far: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tmp_path = tmp_path_factory.mktemp("fetch")
    store = MemoryStore()
    if far:
        store.abilities = FAR  # type: ignore[misc]
    objects = [b"object number %02d" % number * 600 for number in range(30)]
    cache, other = (Cache(str(tmp_path / name), XXH3) for name in ("one", "other"))
    remote = fresh(tmp_path, store)
    push(cache, remote, *objects[:15])
    push(cache, remote, *objects[15:])
    for number in bad:
        one = objects[number]
        damaged(store, pack_with(store, one), one, one[:-1] + b"x")
    brought = fetch_objects(
        other, [again(remote)], {named(objects[at]) for at in wanted}, silent
    )
    assert brought.lost == {named(objects[at]) for at in wanted & bad}
    assert bool(brought.damage) == bool(wanted & bad)
    for at in wanted - bad:
        assert other.read(named(objects[at])) == objects[at]
    assert not other.missing(named(objects[at]) for at in wanted - bad)
    assert not wanted or os.listdir(other.tmp_path) == []


# how it comes


def test_of_a_pack_that_is_mostly_wanted_all_is_taken_in_one_request(
    cache: Cache, other: Cache, tmp_path: Path
) -> None:
    store = Counting()
    objects = [bytes([number]) * 200_000 for number in range(4)]
    contents = push(cache, fresh(tmp_path, store), *objects)
    store.asked.clear()
    fetch(other, [fresh(tmp_path, store, "s")], contents[:3], silent)
    assert len(store.packs()) == 1
    assert other.indexes().keys() == cache.indexes().keys()
    assert other.has(contents[3].hex), "its pack came whole"


def test_a_few_objects_are_ranges_of_their_pack(
    cache: Cache, other: Cache, tmp_path: Path
) -> None:
    store = Counting()
    objects = [bytes([number]) * 100_000 for number in range(20)]
    contents = push(cache, fresh(tmp_path, store), *objects)
    store.asked.clear()
    moved = fetch(
        other, [fresh(tmp_path, store, "s")], [contents[0], contents[10]], silent
    )
    taken = sum(size for name, size in store.asked if name.startswith("packs/"))
    assert moved == (2, 200_000) == (2, taken) and len(store.packs()) == 2


def test_where_files_are_links_no_pack_comes_whole(
    cache: Cache, tmp_path: Path
) -> None:
    store = Counting()
    objects = [bytes([number]) * 200_000 for number in range(2)]
    contents = push(cache, fresh(tmp_path, store), *objects)
    linked = Cache(str(tmp_path / "linked"), XXH3, [HARDLINK])
    fetch(linked, [fresh(tmp_path, store, "s")], contents, silent)
    assert not linked.indexes()
    assert {hex_digest for _, hex_digest in linked.loose_files()} == {
        one.hex for one in contents
    }


# large objects


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Large objects come in four parts and a bit."""
    size = len(LARGE) // 4 - 10
    monkeypatch.setattr(module, "PART_BYTES", size)
    return size


def test_a_large_object_comes_in_parts(
    cache: Cache, other: Cache, tmp_path: Path, parts: int
) -> None:
    store = Counting()
    contents = push(cache, fresh(tmp_path, store), LARGE)
    store.asked.clear()
    assert fetch(other, [fresh(tmp_path, store, "s")], contents, silent).objects == 1
    assert other.read(named(LARGE)) == LARGE
    sizes = [size for name, size in store.asked if name.startswith("objects/")]
    assert sizes == [parts] * 4 + [len(LARGE) - 4 * parts]
    assert set(os.listdir(other.tmp_path)) <= LOCKS


def test_a_fetch_that_was_cut_off_goes_on_where_it_was(
    cache: Cache, other: Cache, tmp_path: Path, parts: int
) -> None:
    class Cut(Counting):
        left = 3

        def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
            if name.startswith("objects/"):
                self.left -= 1
                if self.left < 0:
                    raise RemoteError("cut off")
            return super().get(name, offset, length)

    store = Cut()
    contents = push(cache, fresh(tmp_path, store), LARGE)
    with pytest.raises(RemoteError, match="cut off"):
        fetch(other, [fresh(tmp_path, store, "s")], contents, silent)
    assert not other.has(named(LARGE))
    store.left = 99
    store.asked.clear()
    fetch(other, [fresh(tmp_path, store, "s")], contents, silent)
    sizes = [size for name, size in store.asked if name.startswith("objects/")]
    assert sizes == [parts, len(LARGE) - 4 * parts]
    assert other.read(named(LARGE)) == LARGE


@pytest.mark.parametrize("left", [b"other bytes" * 10_000, LARGE + b"more"])
def test_a_beginning_of_something_else_does_not_enter_the_cache(
    cache: Cache, other: Cache, tmp_path: Path, parts: int, left: bytes
) -> None:
    store = Counting()
    contents = push(cache, fresh(tmp_path, store), LARGE)
    Path(other.tmp_path).mkdir(parents=True)
    partial = Path(other.tmp_path, f"{named(LARGE)}.partial")
    partial.write_bytes(left * 3)
    try:
        fetch(other, [fresh(tmp_path, store, "s")], contents, silent)
    except IntegrityError:  # it was taken for the beginning, and is given up
        assert not other.has(named(LARGE)) and not partial.exists()
        fetch(other, [fresh(tmp_path, store, "s")], contents, silent)
    assert other.read(named(LARGE)) == LARGE


@pytest.mark.parametrize("far", [True, False])
@pytest.mark.parametrize("harm", ["short", "changed", "gone"])
def test_a_large_object_that_is_damaged_there_is_told(
    cache: Cache, other: Cache, tmp_path: Path, parts: int, harm: str, far: bool
) -> None:
    store = Counting() if far else MemoryStore()
    contents = push(cache, fresh(tmp_path, store), LARGE)
    remote = fresh(tmp_path, store, "s")
    remote.indexes()
    data, moment = store.files.pop(object_path(named(LARGE)))
    if harm != "gone":
        changed = data[:-1] if harm == "short" else data[:-1] + b"x"
        store.files[object_path(named(LARGE))] = (changed, moment)
    with pytest.raises(IntegrityError, match="none of it entered the cache"):
        fetch(other, [remote], contents, silent)
    assert not other.has(named(LARGE))
    left = {name for name in os.listdir(other.tmp_path) if "partial" not in name}
    assert left <= LOCKS


# several places


def test_what_one_remote_has_not_whole_another_one_gives(
    cache: Cache, other: Cache, tmp_path: Path
) -> None:
    stores = [MemoryStore(), MemoryStore()]
    remotes = [fresh(tmp_path, store, str(at)) for at, store in enumerate(stores)]
    for remote in remotes:
        contents = push(cache, remote, b"one one one", b"two", LARGE)
    damaged(stores[0], pack_with(stores[0], b"one one"), b"one one", b"onE one")
    del stores[0].files[object_path(named(LARGE))]
    moved = fetch(other, [again(one) for one in remotes], contents, silent)
    assert moved.objects == 3 and not other.missing(one.hex for one in contents)


def test_what_one_pack_has_not_whole_another_one_gives(
    cache: Cache, other: Cache, tmp_path: Path
) -> None:
    store, second = MemoryStore(), MemoryStore()
    remote = fresh(tmp_path, store)
    [content] = push(cache, remote, b"one one one")
    third = Cache(str(tmp_path / "third"), XXH3)
    push(third, fresh(tmp_path, second, "s"), b"one one one", b"more")
    store.files = second.files | store.files
    for name in [name for name in store.files if name.startswith("packs/")]:
        before = store.files[name]
        damaged(store, name, b"one one", b"onE one")
        fetch(other, [again(remote)], [content], silent)
        assert other.read(content.hex) == b"one one one"
        store.files[name] = before
        other = Cache(str(tmp_path / "fourth"), XXH3)


# beginnings that nobody goes on with


def test_old_beginnings_are_removed_and_nothing_else(tmp_path: Path) -> None:
    now = time.time()
    for name in ("a.partial", "a.partial.lock", "b.partial", "c.tmp"):
        (tmp_path / name).touch()
        if not name.startswith("b"):
            os.utime(tmp_path / name, (now - 100, now - 100))
    remove_old_partials(str(tmp_path), now - 50)
    assert sorted(os.listdir(tmp_path)) == ["b.partial", "c.tmp"]
    remove_old_partials(str(tmp_path / "nowhere"), now)
