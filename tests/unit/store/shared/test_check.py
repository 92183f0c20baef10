"""Looking at every byte of a remote: what is damaged, lost or unnamed is found, and
nothing is changed.
"""

from pathlib import Path

import pytest

from mltrack.store.local.cache import Cache
from mltrack.store.shared.check import RemoteFindings, check_remote
from mltrack.store.shared.names import index_path, object_path
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore
from tests.support.objects import LARGE, again, named, push


@pytest.fixture
def sent(remote: Remote, cache: Cache) -> Remote:
    """A remote with two objects in a pack and a large one."""
    push(cache, remote, b"one", b"two", LARGE)
    return remote


def found_at(remote: Remote, cache: Cache) -> RemoteFindings:
    store = remote.store
    assert isinstance(store, MemoryStore)
    before = dict(store.files)
    found = check_remote(again(remote), cache, lambda done, total: None)
    assert store.files == before and not list(Path(cache.tmp_path).iterdir())
    return found


def pack_in(store: MemoryStore) -> str:
    [name] = [name for name in store.files if name.startswith("packs/")]
    return name


def change(store: MemoryStore, name: str, old: bytes, new: bytes) -> None:
    data, moment = store.files[name]
    assert old in data
    store.files[name] = (data.replace(old, new), moment)


def test_a_whole_remote_is_clean_and_all_of_it_is_looked_at(
    sent: Remote, cache: Cache
) -> None:
    said: list[tuple[int, int]] = []
    found = check_remote(
        again(sent), cache, lambda done, total: said.append((done, total))
    )
    assert found.is_clean and found.checked == 3 and said[-1] == (3, 3)
    whole = {one.raw.hex() for entries in found.whole.values() for one in entries}
    assert whole == {named(one) for one in (b"one", b"two", LARGE)}
    assert not found.indexes and not found.unnamed


def test_a_damaged_object_is_named_with_the_file_it_lies_in(
    sent: Remote, store: MemoryStore, cache: Cache
) -> None:
    change(store, pack_in(store), b"two", b"twO")
    found = found_at(sent, cache)
    assert found.damaged == {named(b"two"): pack_in(store)}
    assert list(found.files) == [pack_in(store)]
    change(store, object_path(named(LARGE)), LARGE, LARGE[:-1])
    found = found_at(sent, cache)
    assert found.damaged == {
        named(b"two"): pack_in(store),
        named(LARGE): object_path(named(LARGE)),
    }
    assert [one.raw.hex() for own in found.whole.values() for one in own] == [
        named(b"one")
    ]


def test_a_pack_that_is_cut_short_has_damaged_objects(
    sent: Remote, store: MemoryStore, cache: Cache
) -> None:
    data, moment = store.files[pack_in(store)]
    end = max(data.index(b"one"), data.index(b"two")) + 2
    store.files[pack_in(store)] = (data[:end], moment)
    found = found_at(sent, cache)
    assert len(found.damaged) == 1 and list(found.files) == [pack_in(store)]


def test_what_is_gone_is_named(sent: Remote, store: MemoryStore, cache: Cache) -> None:
    pack = pack_in(store)
    store.delete([pack, object_path(named(LARGE))])
    found = found_at(sent, cache)
    assert found.files == {pack: "it is not there, though an index names it"}
    assert found.damaged.keys() == {named(one) for one in (b"one", b"two", LARGE)}


def test_what_a_damaged_index_named_is_found_by_the_packs_own(
    sent: Remote, store: MemoryStore, cache: Cache
) -> None:
    [name] = sent.indexes()
    store.put(index_path(name), b"damaged")
    (Path(sent.met.hints_path) / f"{name}.idx").unlink()
    found = found_at(sent, cache)
    assert list(found.indexes) == [name] and not found.damaged
    whole = {one.raw.hex() for own in found.whole.values() for one in own}
    assert whole == {named(one) for one in (b"one", b"two", LARGE)}
    assert found.unnamed == sorted(["", pack_in(store)[len("packs/") : -len(".pack")]])


def test_a_copy_here_does_not_stand_for_an_index_that_is_damaged_there(
    sent: Remote, store: MemoryStore, cache: Cache
) -> None:
    [name] = sent.indexes()
    data = store.get(index_path(name))
    store.put(index_path(name), bytes([data[0] ^ 1]) + data[1:])
    assert list(found_at(sent, cache).indexes) == [name]


def test_a_lost_index_shows_by_the_packs_that_nothing_names(
    sent: Remote, store: MemoryStore, cache: Cache
) -> None:
    [name] = sent.indexes()
    del store.files[index_path(name)]
    found = found_at(sent, cache)
    assert found.unnamed and found.checked == 3 and not found.damaged


def test_an_unnamed_pack_that_cannot_be_read_is_passed_over(
    sent: Remote, store: MemoryStore, cache: Cache
) -> None:
    store.put("packs/" + "ab" * 16 + ".pack", b"nonsense")
    store.put("packs/notes.pack", b"nonsense")
    found = found_at(sent, cache)
    assert found.is_clean and found.checked == 3
