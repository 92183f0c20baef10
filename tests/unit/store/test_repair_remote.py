"""Repairing a remote takes back nothing that others have pushed since it was checked."""

from pathlib import Path

import pytest

from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.check import check_remote
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import index_path
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import Remote
from mltrack.store.shared.repair import repair
from tests.support.memory_store import MemoryStore


class Clone:
    """A clone with a cache of its own that pushes to, and asks, one store."""

    def __init__(self, path: Path, store: MemoryStore) -> None:
        self.path, self.store = path, store
        self.cache = Cache(str(path / "cache"), XXH3)
        (path / "cache/tmp").mkdir(parents=True)

    def remote(self) -> Remote:
        made = Remote("store", self.store, XXH3, Met(str(self.path / "hints")))
        made.open(create=True)
        return made

    def push(self, data: bytes) -> str:
        with CacheWriter(self.cache) as writer:
            hex_digest = writer.put(data)
            writer.finish()
        wanted = [Content(FILE, hex_digest, len(data))]
        push_contents(self.cache, self.remote(), wanted, lambda event: None)
        return hex_digest


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Clone, Clone]:
    store = MemoryStore()
    return Clone(tmp_path / "a", store), Clone(tmp_path / "b", store)


def flip(store: MemoryStore, start: str) -> str:
    [name] = [name for name in store.files if name.startswith(start)]
    data = bytearray(store.files[name][0])
    at = data.find(b"first")
    data[at if at >= 0 else len(data) // 2] ^= 1
    store.files[name] = bytes(data), store.files[name][1]
    return name


@pytest.mark.parametrize("what", ["packs/", "index/"])
def test_what_was_pushed_during_the_check_is_still_there(
    clones: tuple[Clone, Clone], what: str
) -> None:
    one, two = clones
    first = one.push(b"first")
    flip(one.store, what)
    remote = one.remote()
    found = check_remote(remote, one.cache, lambda done, total: None)
    second = two.push(b"second")
    assert not repair(remote, one.cache, found)
    assert not one.remote().present().missing([first, second])


def test_a_damaged_index_goes_only_when_another_names_what_it_named(
    clones: tuple[Clone, Clone], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = clones
    first = one.push(b"first")
    name = flip(one.store, "index/")
    delete = one.store.delete

    def look_first(names: object) -> None:
        listed = list(names)  # type: ignore[call-overload]
        if name in listed:
            assert not one.remote().present().missing([first])
        delete(listed)

    monkeypatch.setattr(one.store, "delete", look_first)
    remote = one.remote()
    repair(remote, one.cache, check_remote(remote, one.cache, lambda *_: None))
    # the new index is the same as the one that was damaged
    assert not one.remote().present().missing([first])
    assert [item for item in one.store.files if item.startswith("index/")]
    assert index_path(next(iter(one.remote().indexes()))) in one.store.files


def test_what_is_damaged_for_good_is_named_no_more(
    clones: tuple[Clone, Clone],
) -> None:
    one, two = clones
    first = one.push(b"first")
    name = flip(one.store, "packs/")
    remote = two.remote()
    found = check_remote(remote, two.cache, lambda *_: None)
    assert repair(remote, two.cache, found) == {first}
    assert one.remote().present().missing([first]) and name not in one.store.files
