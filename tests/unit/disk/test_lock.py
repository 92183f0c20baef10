"""Locks of the kernel: one at a time, or shared; by name in one file."""

from pathlib import Path

import pytest

from mltrack.disk.lock import NameLocks, locked
from mltrack.errors import LockedError


def test_one_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with (
        locked(path),
        pytest.raises(LockedError, match="the cache is in use"),
        locked(path, wait=False, what="the cache"),
    ):
        pass
    with locked(path, wait=False):
        pass


def test_several_share_and_keep_out_who_wants_it_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with (
        locked(path, shared=True),
        locked(path, shared=True, wait=False),
        pytest.raises(LockedError),
        locked(path, wait=False),
    ):
        pass


def test_who_only_reads_needs_no_lock_where_none_can_be_made(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nosuch/lock")
    with locked(nowhere, shared=True):
        pass
    with pytest.raises(FileNotFoundError), locked(nowhere):
        pass


@pytest.fixture
def two(tmp_path: Path) -> tuple[NameLocks, NameLocks]:
    """Two holders of the same names, as two processes are."""
    return NameLocks(str(tmp_path / "names")), NameLocks(str(tmp_path / "names"))


def test_a_name_is_held_by_one(two: tuple[NameLocks, NameLocks]) -> None:
    one, other = two
    assert one.take("a") and one.take("a")
    assert not other.take("a") and not other.take_shared("a")
    assert other.take("b")
    one.release("a")
    assert other.take("a")


def test_a_shared_name_is_released_as_often_as_it_was_taken(
    two: tuple[NameLocks, NameLocks],
) -> None:
    one, other = two
    assert one.take_shared("a") and one.take_shared("a") and other.take_shared("a")
    other.release_shared("a")
    one.release_shared("a")
    assert not other.take("a")
    one.release_shared("a")
    assert other.take("a")


def test_all_names_end_with_their_holder(two: tuple[NameLocks, NameLocks]) -> None:
    one, other = two
    assert one.take("a") and one.take_shared("b")
    one.close()
    assert other.take("a") and other.take("b")
