"""Two fetches at once: a large object comes once."""

import os
import threading
from pathlib import Path

import pytest

from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.kinds.store import Abilities
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared import fetch as fetching
from mltrack.store.shared.fetch import fetch
from mltrack.store.shared.met import Met
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore

PART = 1 << 20


class Far(MemoryStore):
    """Counts the bytes that are read of objects; with the first another fetch starts."""

    abilities = Abilities(durable=False, local=False, writable=True)

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        self.other: threading.Thread | None = None

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        data = super().get(name, offset, length)
        if name.startswith("objects/"):
            self.read += len(data)
            if self.other is not None and self.other.ident is None:
                self.other.start()
        return data


def test_two_fetches_of_a_large_object_bring_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART_BYTES", PART)
    data, store = os.urandom(3 * PART + 5), Far()
    source = Cache(str(tmp_path / "source"), XXH3)
    with CacheWriter(source) as writer:
        wanted = [Content(FILE, writer.put(data), len(data))]
        writer.finish()

    def remote(name: str) -> Remote:
        return Remote("store", store, XXH3, Met(str(tmp_path / name)))

    first = remote("hints")
    first.open(create=True)
    push_contents(source, first, wanted, lambda event: None)

    def bring() -> None:
        here = Cache(str(tmp_path / "cache"), XXH3)
        fetch(here, [remote("other")], wanted, lambda event: None)

    store.read, store.other = 0, threading.Thread(target=bring)
    bring()
    store.other.join()
    assert Cache(str(tmp_path / "cache"), XXH3).read(wanted[0].hex) == data
    assert store.read == len(data)
