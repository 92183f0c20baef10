"""What was sent is looked for before it counts as sent, and is never sent under a name
that others pass over.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.catalogue import encode
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import index_path
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore

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
