"""A worker on this machine, without ssh."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.objects.digest import XXH3
from mltrack.runners.acquaintance import connect
from mltrack.runners.connection import Address, Connection
from mltrack.runners.task import HostSettings
from mltrack.store.local.cache import Cache


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return Address("", sys.executable, str(tmp_path / "host"))


@pytest.fixture
def settings(tmp_path: Path) -> HostSettings:
    return HostSettings("box", {"gpus": 2.0}, str(tmp_path / "locks"), 1 << 40, "")


@pytest.fixture
def connection(address: Address, settings: HostSettings) -> Iterator[Connection]:
    made, _ = connect(address, settings, XXH3)
    yield made
    made.close()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"), XXH3)
