"""Locks of the kernel: one at a time, or shared; by name in one file."""

import os
import subprocess
import sys
from collections.abc import Iterator
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


def test_a_lock_file_in_a_groups_directory_is_the_groups_whatever_the_umask(
    tmp_path: Path, umask_077: None
) -> None:
    for mode, expected in ((0o2770, 0o660), (0o2775, 0o664), (0o700, 0o600)):
        place = tmp_path / oct(mode)
        place.mkdir()
        place.chmod(mode)
        # an earlier mltrack left one to its owner alone
        for path in (place / "lock", place / "earlier"):
            path.parent.joinpath("earlier").touch(0o600)
            with locked(str(path), shared=True):
                pass
            assert path.stat().st_mode & 0o777 == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_who_may_write_there_and_not_open_the_lock_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "lock").touch(0o600)
    tmp_path.chmod(0o777)
    said = by_another_user(LOCKED, tmp_path)
    assert "PermissionError" in said and str(tmp_path / "lock") in said
    # who only reads there has nothing to protect
    tmp_path.chmod(0o755)
    assert by_another_user(LOCKED, tmp_path) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_names_in_a_file_that_may_not_be_written_are_refused_with_its_path(
    tmp_path: Path,
) -> None:
    (tmp_path / "lock").touch(0o644)
    said = by_another_user(NAMED, tmp_path)
    assert "PermissionError" in said and str(tmp_path / "lock") in said


LOCKED = "with locked(sys.argv[1], shared=True): pass"
NAMED = "NameLocks(sys.argv[1]).take('a')"


def by_another_user(text: str, place: Path) -> str:
    """What another user gets who runs this; nothing if it goes well."""
    for above in place.parents:
        if above.stat().st_uid == os.geteuid() and str(above).startswith("/tmp/"):
            above.chmod(above.stat().st_mode | 0o011)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys; from mltrack.disk.lock import NameLocks, locked\n"
            f"os.setgroups([]); os.setgid(65534); os.setuid(65534)\n{text}",
            str(place / "lock"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


@pytest.fixture
def umask_077() -> Iterator[None]:
    former = os.umask(0o077)
    yield
    os.umask(former)


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


def test_who_looks_at_a_name_keeps_nobody_from_it(tmp_path: Path) -> None:
    one, other = (NameLocks(str(tmp_path / "names")) for _ in range(2))
    assert not other.is_held("a")
    assert one.take("a")
    assert other.is_held("a") and not other.is_held("b")
    # its own are not somebody else's
    assert not one.is_held("a")
    one.release("a")
    assert not other.is_held("a") and other.take("a")
