"""A host's directory: its attempts and its objects."""

from pathlib import Path

import pytest

from mltrack.runners.worker import hashing
from mltrack.runners.worker.attempts import Attempts
from mltrack.runners.worker.objects import Objects


@pytest.fixture
def host(tmp_path: Path) -> Path:
    return tmp_path / "host"


@pytest.fixture
def attempts(host: Path) -> Attempts:
    return Attempts(str(host))


@pytest.fixture
def objects(host: Path) -> Objects:
    found = hashing.find("xxh3", str(host))
    assert found is not None
    return Objects(str(host), "xxh3", found)
