"""What is kept of other repositories does not stay for ever, and never goes while it is
read.
"""

import os
import time
from pathlib import Path

import pytest

from mltrack.verbs import elsewhere
from mltrack.verbs.kept_sources import trim
from tests.support.workspace import Workspace

DAY = 24 * 60 * 60


@pytest.fixture
def sources(mine: Workspace, theirs: Workspace, tmp_path: Path) -> Path:
    """Where it is kept, with one repository that was read."""
    mine.mltrack("get", "--repo", f"file://{theirs.path}", "data/table.csv")
    return tmp_path / "cached/mltrack/sources"


def age(sources: Path, days: float) -> None:
    """Makes all that is kept be as old as if it was last read so long ago."""
    when = time.time() - days * DAY
    for path in sources.iterdir():
        os.utime(path, (when, when))


def kept(sources: Path) -> int:
    return len([path for path in sources.iterdir() if path.is_dir()])


def read_another(mine: Workspace, theirs: Workspace, name: str, **more: str) -> None:
    """Reads a repository for the first time: another address of the same."""
    address = f"file://{theirs.path.parent}/{name}/../{theirs.path.name}"
    (theirs.path.parent / name).mkdir()
    mine.mltrack("ls", "--repo", address, **more)


def test_what_was_not_read_for_long_goes_when_another_comes(
    mine: Workspace, theirs: Workspace, sources: Path
) -> None:
    assert kept(sources) == 2  # the repository, and the data that came
    age(sources, 29)
    read_another(mine, theirs, "a")
    assert kept(sources) == 4
    age(sources, 31)
    read_another(mine, theirs, "b")
    assert kept(sources) == 2
    # it is had again
    mine.mltrack("get", "--repo", f"file://{theirs.path}", "model.bin")
    assert mine.read("model.bin") == "a,b\n"


def test_each_reading_counts(mine: Workspace, theirs: Workspace, sources: Path) -> None:
    age(sources, 31)
    mine.mltrack("ls", "--repo", f"file://{theirs.path}")
    read_another(mine, theirs, "a")
    assert kept(sources) == 4


def test_the_user_says_how_long(
    mine: Workspace, theirs: Workspace, sources: Path
) -> None:
    age(sources, 31)
    read_another(mine, theirs, "a", MLTRACK_CACHE_SOURCES_DAYS="60")
    assert kept(sources) == 4


def test_what_is_being_read_stays(
    mine: Workspace,
    theirs: Workspace,
    sources: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in mine.environment.items():
        monkeypatch.setenv(name, value)
    with elsewhere.open_elsewhere(f"file://{theirs.path}") as session:
        age(sources, 31)
        trim(str(sources), 30)
        assert kept(sources) == 2
        assert session.view.targets()
    age(sources, 31)
    trim(str(sources), 30)
    assert kept(sources) == 0


def test_what_a_removal_left_that_was_killed_is_swept(
    sources: Path,
) -> None:
    left = sources / ".mlt-0-0-0.tmp"
    left.mkdir()
    age(sources, 31)
    trim(str(sources), 30)
    assert not left.exists()
