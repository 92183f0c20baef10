"""Reading a remote's indexes while others replace them, and what several name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.digest import XXH3
from mltrack.store.catalogue import Whole, encode
from mltrack.store.kinds.directory import DirectoryRemote
from mltrack.store.kinds.store import Listed
from mltrack.store.shared import gc
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import index_path, pack_path
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore

PACK = "ab" * 16
FIRST, SECOND = (Whole(bytes([n]) * 16, PACK, 16 + n, 9) for n in (1, 2))


class Replaced(MemoryStore):
    """Each listing still names an index that is gone when it is read, ``times`` times."""

    times = 1

    def list(self, prefix: str) -> Iterator[Listed]:
        if prefix == "index" and self.times:
            self.times -= 1
            yield Listed(index_path("0" * 32), 100, 0)
            return
        yield from super().list(prefix)


def put(store: MemoryStore, *entries: Whole) -> None:
    data = encode(entries, XXH3)
    store.put(index_path(XXH3.hex_of(data)), data)


@pytest.mark.parametrize("how", ["indexes", "readable_indexes"])
def test_an_index_that_was_replaced_since_it_was_listed_is_looked_for_again(
    tmp_path: Path, how: str
) -> None:
    store = Replaced()
    put(store, FIRST)
    remote = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))
    read = remote.indexes() if how == "indexes" else remote.readable_indexes({})
    assert len(read) == 1
    store.times = 99
    remote.forget()
    with pytest.raises(RemoteError, match="while they are read"):
        remote.indexes() if how == "indexes" else remote.readable_indexes({})


def test_a_file_that_is_deleted_during_a_listing_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    for name in "ab":
        (tmp_path / "index" / name).write_text("x")
    listing = DirectoryRemote(str(tmp_path)).list("index")
    assert next(listing).name == "index/a"
    (tmp_path / "index/b").unlink()
    assert not list(listing)


def test_what_several_indexes_name_counts_once(tmp_path: Path) -> None:
    store = MemoryStore()
    put(store, FIRST, SECOND)
    put(store, FIRST)
    store.put(pack_path(PACK), b"x" * 200)
    remote = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))
    assert remote.stored_in(PACK) == 18
    # half of it stays: it is not written anew
    plan = gc.plan(remote, {FIRST.raw.hex()}, float("inf"), 0)
    assert plan.objects == 1 and plan.shrink == ()
