"""An empty cache."""

from pathlib import Path

import pytest

from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"), XXH3)
