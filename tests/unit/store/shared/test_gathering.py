"""Small objects that are read one by one: right whenever they are given out, asked for
once, and in the cache together at the end.
"""

import os
import threading

import pytest

from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.shared import gathering as module
from mltrack.store.shared.gathering import Gathering
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore
from tests.support.objects import LARGE, named, push

SMALL = [f"object {number}".encode() * 50 for number in range(20)]


@pytest.fixture
def gathering(cache: Cache, other: Cache, remote: Remote) -> Gathering:
    """Reads out of a remote that a colleague has filled."""
    push(other, remote, *SMALL, LARGE)
    return Gathering(cache, lambda: [remote])


def test_what_was_read_enters_the_cache_as_one_pack(
    gathering: Gathering, cache: Cache
) -> None:
    for data in SMALL:
        assert gathering.read(named(data)) == data
    assert not cache.has(named(SMALL[0]))
    gathering.settle()
    assert len(cache.indexes()) == 1
    assert [cache.read(named(data)) for data in SMALL] == SMALL


def test_the_same_is_asked_for_once(gathering: Gathering, store: MemoryStore) -> None:
    assert gathering.read(named(SMALL[0])) == SMALL[0]
    store.files.clear()
    assert gathering.read(named(SMALL[0])) == SMALL[0]


def test_what_is_no_small_object_of_theirs_is_left_to_others(
    gathering: Gathering, cache: Cache
) -> None:
    assert gathering.read(named(LARGE)) is None
    assert gathering.read(named(b"nobody has this")) is None
    gathering.close()
    assert not cache.indexes() and not os.path.exists(cache.packs_path)


def test_damaged_bytes_are_never_given_out(
    gathering: Gathering, store: MemoryStore, cache: Cache
) -> None:
    for name, (data, when) in list(store.files.items()):
        if name.startswith("packs/"):
            store.files[name] = (data.replace(b"object 7", b"object 8"), when)
    assert gathering.read(named(SMALL[7])) is None
    assert gathering.read(named(SMALL[6])) == SMALL[6]
    gathering.settle()
    assert not cache.has(named(SMALL[7])) and cache.has(named(SMALL[6]))


def test_another_remote_has_what_one_has_lost(
    gathering: Gathering, store: MemoryStore, other: Cache, cache: Cache, remote: Remote
) -> None:
    whole = {**store.files}
    for name in whole:
        if name.startswith("packs/"):
            del store.files[name]
    second = MemoryStore()
    second.files = whole
    both = Gathering(cache, lambda: [remote, Remote("two", second, XXH3, remote.met)])
    assert gathering.read(named(SMALL[0])) is None
    assert both.read(named(SMALL[0])) == SMALL[0]


@pytest.mark.parametrize(
    ("limit", "value"), [("_MOST_BYTES", 0), ("_SETTLE_SECONDS", -1)]
)
def test_neither_memory_nor_time_without_bound(
    gathering: Gathering,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: int,
) -> None:
    monkeypatch.setattr(module, limit, value)
    assert gathering.read(named(SMALL[0])) == SMALL[0]
    assert cache.read(named(SMALL[0])) == SMALL[0]


def test_any_thread_may_end_it(gathering: Gathering, cache: Cache) -> None:
    gathering.read(named(SMALL[0]))
    thread = threading.Thread(target=gathering.close)
    thread.start()
    thread.join()
    cache.reload()
    assert cache.read(named(SMALL[0])) == SMALL[0]


def test_what_could_not_be_written_can_still_be_read(
    gathering: Gathering, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathering.read(named(SMALL[0]))
    monkeypatch.setattr(cache, "packs_path", "/dev/null/packs")
    with pytest.raises(OSError, match="Not a directory"):
        gathering.settle()
    assert gathering.read(named(SMALL[0])) == SMALL[0]


def asked_of_packs(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes are asked for at once, from now on."""
    lengths: list[int] = []
    get = store.get

    def noted(name: str, offset: int = 0, length: int | None = None) -> bytes:
        if name.startswith("packs/"):
            lengths.append(length or 0)
        return get(name, offset, length)

    monkeypatch.setattr(store, "get", noted)
    return lengths


MANY = [f"[{number:06}]".encode() * 512 for number in range(400)]


@pytest.fixture
def of_many(cache: Cache, other: Cache, remote: Remote) -> Gathering:
    push(other, remote, *MANY)
    return Gathering(cache, lambda: [remote])


def test_one_after_the_other_as_they_lie_comes_by_few_requests(
    of_many: Gathering,
    cache: Cache,
    store: MemoryStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths = asked_of_packs(store, monkeypatch)
    for data in MANY:
        assert of_many.read(named(data)) == data
    assert len(lengths) < 15 and sum(lengths) <= sum(map(len, MANY))
    of_many.settle()
    assert all(cache.has(named(data)) for data in MANY)


def test_here_and_there_nothing_is_read_that_nobody_asks_for(
    of_many: Gathering, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = asked_of_packs(store, monkeypatch)
    # far from one another, and backwards
    for data in (*MANY[::50], *MANY[350:300:-1]):
        assert of_many.read(named(data)) == data
    assert set(lengths) == {4096}


def test_damage_among_what_comes_along_is_not_kept(
    of_many: Gathering, cache: Cache, store: MemoryStore
) -> None:
    for name, (data, when) in list(store.files.items()):
        if name.startswith("packs/"):
            store.files[name] = (data.replace(b"[000100]", b"[??????]"), when)
    for data in MANY:
        found = of_many.read(named(data))
        assert found == data or (found is None and data == MANY[100])
    of_many.settle()
    assert [data for data in MANY if not cache.has(named(data))] == [MANY[100]]
