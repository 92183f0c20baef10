"""A cache, and an empty remote over a store in memory."""

from pathlib import Path

import pytest

from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.shared.met import Met
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"), XXH3)


@pytest.fixture
def other(tmp_path: Path) -> Cache:
    """The cache of a colleague."""
    return Cache(str(tmp_path / "other"), XXH3)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def remote(store: MemoryStore, tmp_path: Path) -> Remote:
    made = Remote("store", store, XXH3, Met(str(tmp_path / "hints/store")))
    made.open(create=True)
    return made
