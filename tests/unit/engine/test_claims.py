"""What a running stage holds against others: what it reads, shared; what it writes,
alone.
"""

from pathlib import Path

import pytest

from mltrack.disk.lock import NameLocks
from mltrack.engine.claims import Claims, place_lock
from mltrack.pipeline.paths import PathMap
from tests.unit.engine.stages import step

OWNED = PathMap((path, None) for path in ("data", "model", "other"))


@pytest.fixture
def two(tmp_path: Path) -> tuple[Claims, Claims, NameLocks]:
    """Two executions, as of two processes, and a third holder."""
    locks = [NameLocks(str(tmp_path / "names")) for _ in range(3)]
    return Claims(OWNED, {}, locks[0]), Claims(OWNED, {}, locks[1]), locks[2]


def test_readers_share_and_a_writer_waits_for_them(
    two: tuple[Claims, Claims, NameLocks],
) -> None:
    one, other, _ = two
    assert one.take(step("a", deps=("data",), outs=("model",)))
    assert other.take(step("b", deps=("data",), outs=("other",)))
    assert not other.take(step("c", outs=("data",)))
    one.release("a")
    other.release("b")
    assert other.take(step("c", outs=("data",)))


def test_what_was_refused_holds_nothing(two: tuple[Claims, Claims, NameLocks]) -> None:
    one, other, third = two
    assert one.take(step("a", outs=("model",)))
    assert not other.take(step("b", deps=("model",), outs=("other",)))
    assert third.take(place_lock("other"))


def test_a_stage_may_read_what_it_writes(two: tuple[Claims, Claims, NameLocks]) -> None:
    one, _, third = two
    both = step("a", deps=("model",), outs=("model",))
    assert one.take(both) and one.take(both)
    assert not third.take_shared(place_lock("model"))


def test_a_part_of_a_tracked_directory_holds_the_directory(tmp_path: Path) -> None:
    claims = Claims(OWNED, {"link": "data/deep"}, NameLocks(str(tmp_path / "names")))
    assert claims.take(step("a", deps=("link",)))
    assert not NameLocks(str(tmp_path / "names")).take(place_lock("data"))
