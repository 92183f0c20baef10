"""Repairing a remote: what is damaged is sent anew and set aside, and what nobody has
is named.
"""

from itertools import product
from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.digest import XXH3
from mltrack.store.catalogue import Whole, encode
from mltrack.store.local.cache import Cache
from mltrack.store.shared.check import check_remote
from mltrack.store.shared.fetch import fetch_objects
from mltrack.store.shared.names import index_path, object_path
from mltrack.store.shared.remote import Remote
from mltrack.store.shared.repair import repair
from tests.support.memory_store import MemoryStore
from tests.support.objects import LARGE, again, named, push, put, silent

ALL = (b"one", b"two", b"three", LARGE)


@pytest.fixture
def sent(remote: Remote, cache: Cache) -> Remote:
    push(cache, remote, *ALL)
    return remote


def pack_in(store: MemoryStore) -> str:
    [name] = [name for name in store.files if name.startswith("packs/")]
    return name


def change(store: MemoryStore, name: str, old: bytes, new: bytes) -> None:
    data, moment = store.files[name]
    assert old in data
    store.files[name] = (data.replace(old, new), moment)


def repaired(remote: Remote, cache: Cache) -> set[str]:
    """Repairs what is found; returns what is lost."""
    fresh = again(remote)
    Path(cache.tmp_path).mkdir(parents=True, exist_ok=True)
    lost = repair(fresh, cache, check_remote(fresh, cache, lambda done, total: None))
    assert not list(Path(cache.tmp_path).iterdir())
    return lost


def can_be_had(remote: Remote, tmp_path: Path) -> set[bytes]:
    place = Cache(str(tmp_path / "colleague"), XXH3)
    fetch_objects(place, [again(remote)], set(map(named, ALL)), silent)
    return {one for one in ALL if place.has(named(one))}


HARMS = ("a byte", "cut", "gone")


@pytest.mark.parametrize(("pack", "large"), [*product([None, *HARMS], [None, *HARMS])])
def test_whatever_is_damaged_all_of_it_can_be_had_again(
    sent: Remote,
    store: MemoryStore,
    cache: Cache,
    tmp_path: Path,
    pack: str | None,
    large: str | None,
) -> None:
    for name, harm in ((pack_in(store), pack), (object_path(named(LARGE)), large)):
        data, moment = store.files[name]
        if harm == "gone":
            del store.files[name]
        elif harm:
            at = len(data) // 2 if name.startswith("objects") else data.index(b"two")
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            store.files[name] = (changed if harm == "a byte" else data[:at], moment)
    assert repaired(sent, cache) == set()
    assert can_be_had(sent, tmp_path) == set(ALL)
    assert check_remote(again(sent), cache, lambda done, total: None).is_clean
    aside = [name for name in store.files if name.startswith("quarantine/")]
    assert len(aside) == sum(harm in ("a byte", "cut") for harm in (pack, large))


def test_what_is_whole_of_a_pack_is_rescued_from_it(
    sent: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    """By a clone that has nothing."""
    change(store, pack_in(store), b"two", b"twO")
    empty = Cache(str(tmp_path / "empty"), XXH3)
    assert repaired(sent, empty) == {named(b"two")}
    assert can_be_had(sent, tmp_path) == {b"one", b"three", LARGE}
    found = check_remote(again(sent), cache, lambda done, total: None)
    assert found.is_clean and found.checked == 3


def test_what_is_damaged_here_too_is_lost(
    sent: Remote, store: MemoryStore, tmp_path: Path
) -> None:
    store.delete([object_path(named(LARGE))])
    bad = Cache(str(tmp_path / "bad"), XXH3)
    put(bad, LARGE)
    path = Path(bad.loose_path(named(LARGE)))
    path.chmod(0o644)
    path.write_bytes(LARGE[:-1] + b"x")
    assert repaired(sent, bad) == {named(LARGE)}
    assert can_be_had(sent, tmp_path) == {b"one", b"two", b"three"}


def test_a_large_object_is_sent_from_wherever_it_lies_here(
    sent: Remote, store: MemoryStore, tmp_path: Path
) -> None:
    """An object that is a file of its own there may be packed here."""
    small = named(b"new")
    store.put(object_path(small), b"New")
    data = encode([Whole(bytes.fromhex(small), "", 0, 3)], XXH3)
    store.put(index_path(XXH3.hex_of(data)), data)
    here = Cache(str(tmp_path / "here"), XXH3)
    put(here, b"new")
    assert repaired(sent, here) == set()
    assert store.get(object_path(small)) == b"new"


@pytest.mark.parametrize("harm", ["damaged", "lost"])
def test_an_index_that_is_gone_is_written_again(
    sent: Remote, store: MemoryStore, cache: Cache, tmp_path: Path, harm: str
) -> None:
    [name] = sent.indexes()
    if harm == "damaged":
        store.put(index_path(name), b"nonsense")
    else:
        del store.files[index_path(name)]
    (Path(sent.met.hints_path) / f"{name}.idx").unlink()
    assert repaired(sent, cache) == set()
    assert can_be_had(sent, tmp_path) == set(ALL)
    kept = [name for name in store.files if name.startswith("quarantine/")]
    assert len(kept) == (harm == "damaged")


def test_a_whole_remote_stays_as_it_is_but_for_its_index(
    sent: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    before = {
        name: data for name, data in store.files.items() if not name.startswith("index")
    }
    assert repaired(sent, cache) == set()
    after = {
        name: data for name, data in store.files.items() if not name.startswith("index")
    }
    assert after == before and can_be_had(sent, tmp_path) == set(ALL)


def test_a_remote_that_a_newer_mltrack_wrote_to_is_left_alone(
    sent: Remote, store: MemoryStore, cache: Cache
) -> None:
    data = bytearray(encode([Whole(b"\1" * 16, "", 0, 1)], XXH3)[: -XXH3.raw_size])
    data[32 + 1024 + XXH3.raw_size] = 9
    whole = bytes(data) + bytes.fromhex(XXH3.hex_of(bytes(data)))
    store.put(index_path(XXH3.hex_of(whole)), whole)
    before = dict(store.files)
    with pytest.raises(RemoteError, match="newer mltrack"):
        repaired(sent, cache)
    assert store.files == before
