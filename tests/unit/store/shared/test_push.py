"""What was sent is looked for before it counts as sent, and is never sent under a name
that others pass over.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from mltrack.errors import IntegrityError, MissingObjectError, RemoteError
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.store import pack
from mltrack.store.catalogue import encode
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import index_path, pack_path
from mltrack.store.shared.push import push_contents, would_push
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore
from tests.support.objects import (
    LARGE,
    again,
    damage,
    flip,
    named,
    put,
    put_tree,
    silent,
)

_ROWS_AT = 32 + 1024


class Forgetful(MemoryStore):
    """Takes what is sent, and has lost every pack a moment later."""

    def list(self, prefix: str) -> Iterable[object]:  # type: ignore[override]
        return [
            item for item in super().list(prefix) if not item.name.startswith("packs/")
        ]


@pytest.mark.parametrize("store", [MemoryStore(), Forgetful()], ids=["keeps", "loses"])
def test_a_store_that_loses_what_it_took_is_told(
    store: MemoryStore, tmp_path: Path
) -> None:
    cache = Cache(str(tmp_path / "cache"), XXH3)
    with CacheWriter(cache) as writer:
        wanted = [Content(FILE, writer.put(b"bytes"), 5)]
        writer.finish()
    remote = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))
    remote.open(create=True)
    if isinstance(store, Forgetful):
        with pytest.raises(
            RemoteError, match="lacks 1 of the objects that were just sent"
        ):
            push_contents(cache, remote, wanted, lambda event: None)
    else:
        assert push_contents(cache, remote, wanted, lambda event: None).objects == 1


def test_nothing_is_published_under_a_name_that_a_newer_index_supersedes(
    tmp_path: Path,
) -> None:
    cache, store = Cache(str(tmp_path / "cache"), XXH3), MemoryStore()
    with CacheWriter(cache) as writer:
        wanted = [Content(FILE, writer.put(b"bytes"), 5)]
        writer.finish()
    remote = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))
    remote.open(create=True)
    push_contents(cache, remote, wanted, lambda event: None)
    [name] = remote.indexes()
    [entry] = remote.indexes()[name]
    newer = bytearray(encode([entry], XXH3, [name])[: -XXH3.raw_size])
    # a kind of object that this version does not know
    newer[_ROWS_AT + XXH3.raw_size] = 9
    data = bytes(newer) + bytes.fromhex(XXH3.hex_of(bytes(newer)))
    store.put(index_path(XXH3.hex_of(data)), data)
    later = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))
    later.open(create=False)
    before = dict(store.files)
    with pytest.raises(RemoteError, match="written to by a newer mltrack"):
        push_contents(cache, later, wanted, lambda event: None)
    assert {path for path in store.files if path.startswith("index/")} == {
        path for path in before if path.startswith("index/")
    }


@pytest.fixture
def sent(cache: Cache, remote: Remote) -> Cache:
    """A cache with a pack of four objects, which nobody has."""
    put(cache, b"one", b"two", b"three", b"four")
    return cache


def contents(*data: bytes) -> list[Content]:
    return [Content(FILE, named(one), len(one)) for one in data]


def packs(store: MemoryStore) -> set[str]:
    return {name for name in store.files if name.startswith("packs/")}


def test_a_pack_of_which_half_is_wanted_goes_as_it_is(
    sent: Cache, remote: Remote, store: MemoryStore
) -> None:
    [id_] = sent.indexes()
    moved = push_contents(sent, remote, contents(b"three", b"four"), silent)
    assert packs(store) == {pack_path(id_)}
    assert store.get(pack_path(id_)) == Path(sent.pack_path(id_)).read_bytes()
    assert moved == (2, os.path.getsize(sent.pack_path(id_)))
    assert remote.digests() == {bytes.fromhex(named(b)) for b in (b"three", b"four")}


def test_less_of_a_pack_is_gathered_into_a_new_one_the_same_each_time(
    sent: Cache, store: MemoryStore, remote: Remote, tmp_path: Path
) -> None:
    put(sent, b"five", b"much more than that")
    wanted = contents(b"one", b"five")
    push_contents(sent, remote, wanted, silent)
    [name] = packs(store)
    assert name not in map(pack_path, sent.indexes())
    found = pack.read_index(_file(tmp_path, store.get(name)), XXH3, "x")
    assert {entry.raw.hex() for entry in found} == {one.hex for one in wanted}
    other = Remote("again", MemoryStore(), XXH3, Met(str(tmp_path / "again")))
    other.open(create=True)
    push_contents(sent, other, reversed(wanted), silent)
    assert isinstance(other.store, MemoryStore) and packs(other.store) == {name}
    assert os.listdir(sent.tmp_path) == []


def _file(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "file").write_bytes(data)
    return str(tmp_path / "file")


def test_what_has_arrived_before_is_not_sent_again(
    sent: Cache, remote: Remote, store: MemoryStore
) -> None:
    """A push that was cut off has left packs, and no index."""
    wanted = contents(b"one", b"two", b"three", LARGE)
    put(sent, LARGE)
    push_contents(sent, remote, wanted, silent)
    before = dict(store.files)
    store.delete([name for name in store.files if name.startswith("index/")])
    remote.forget()
    moved = push_contents(sent, remote, wanted, silent)
    assert moved == (4, 0) and store.files.keys() == before.keys()
    assert all(
        store.files[name] == before[name]
        for name in before
        if not name.startswith("index/")
    )


def test_what_arrived_short_is_sent_again(
    sent: Cache, remote: Remote, store: MemoryStore
) -> None:
    wanted = contents(b"one", b"two", b"three", b"four")
    [id_] = sent.indexes()
    store.put(pack_path(id_), b"half of it")
    push_contents(sent, remote, wanted, silent)
    assert store.get(pack_path(id_)) == Path(sent.pack_path(id_)).read_bytes()


def test_nothing_is_sent_where_something_is_not_here(
    sent: Cache, remote: Remote, store: MemoryStore
) -> None:
    before = dict(store.files)
    wanted = contents(b"one", b"away")
    with pytest.raises(
        MissingObjectError, match="not in the cache, so not pushed: xxh3:[0-9a-f]*$"
    ):
        push_contents(sent, remote, wanted, silent)
    with pytest.raises(
        MissingObjectError, match="not in the cache, so not pushed: xxh3:[0-9a-f]*$"
    ):
        would_push(sent, wanted, remote.present())
    assert store.files == before


@pytest.mark.parametrize("data", [b"two", LARGE], ids=["packed", "alone"])
def test_what_is_damaged_here_is_not_sent_and_is_set_aside(
    sent: Cache, remote: Remote, store: MemoryStore, data: bytes
) -> None:
    put(sent, LARGE)
    damage(sent, named(data))
    wanted = contents(b"one", b"two", b"three", b"four", LARGE)
    with pytest.raises(IntegrityError, match="is damaged"):
        push_contents(sent, remote, wanted, silent)
    assert sent.missing([named(data), named(b"one")]) == {named(data)}
    assert not again(remote).digests(), "an index names what did not arrive"


def test_a_pack_that_is_damaged_between_its_objects_is_told(
    sent: Cache, remote: Remote
) -> None:
    [id_] = sent.indexes()
    flip(sent.pack_path(id_), -1)
    with pytest.raises(IntegrityError, match="does not match its name"):
        push_contents(sent, remote, contents(b"one", b"two", b"three", b"four"), silent)


def test_trees_go_in_packs_of_their_own_and_what_would_go_is_what_goes(
    cache: Cache, remote: Remote, store: MemoryStore
) -> None:
    top = put_tree(cache, {"a": b"aa", "large": LARGE, "sub": {"b": b"bbb"}})
    would = would_push(cache, [top], remote.present())
    said: list[tuple[int, int]] = []
    moved = push_contents(
        cache, remote, [top], lambda one: said.append((one.done, one.total))
    )
    assert moved.objects == would.objects == 5 and said[-1] == (5, 5)
    trees = cache.below([top.hex]).trees
    sizes = [place.size for place in map(cache.find, trees) if place]
    assert would.bytes == 5 + len(LARGE) + sum(sizes)
    assert len(packs(store)) == 2
    assert push_contents(cache, again(remote), [top], silent) == (0, 0)
    assert would_push(cache, [top], again(remote).present()) == (0, 0)


def test_a_clone_without_a_tree_gets_it_from_there_to_look_into_it(
    cache: Cache, other: Cache, remote: Remote, store: MemoryStore, tmp_path: Path
) -> None:
    top = put_tree(cache, {"a": b"aa", "sub": {"b": b"bbb"}})
    push_contents(cache, remote, [top], silent)

    def theirs(name: str) -> Remote:
        return Remote("theirs", store, XXH3, Met(str(tmp_path / name)))

    assert push_contents(other, theirs("hints 1"), [top], silent) == (0, 0)
    assert set(other.below([top.hex]).trees) == set(cache.below([top.hex]).trees)
    store.delete([name for name in packs(store) if b"bbb" in store.get(name)])
    with pytest.raises(MissingObjectError):
        push_contents(other, theirs("hints 2"), [top], silent)
    push_contents(cache, again(remote), [top], silent)
    assert not again(remote).present().missing([named(b"bbb"), named(b"aa")])
