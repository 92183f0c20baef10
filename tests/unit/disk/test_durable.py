"""What is written is there whole or not at all; what is read is a regular file of a
sane size.
"""

import os
from pathlib import Path

import pytest

from mltrack.disk.durable import (
    fsync_directory,
    make_directories,
    names_in,
    read_bounded,
    remove_stale_temporaries,
    temporary_path,
    write_all_atomic,
    write_atomic,
)
from mltrack.disk.owner import is_gone, is_running, own
from mltrack.errors import FormatError

MANY = 9  # files, more than are made durable one by one


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for data in (b"one", b"two, longer"):
        write_atomic(str(path), data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a"]


def test_the_temporary_file_may_be_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "aside").mkdir()
    write_atomic(str(tmp_path / "a"), b"x", aside=str(tmp_path / "aside"), mode=0o600)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "aside") == []


def test_what_cannot_be_written_leaves_the_old_bytes_and_no_temporary_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        write_atomic(str(tmp_path / "a"), b"x")
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("count", [1, MANY])
def test_many_files_are_replaced_together(tmp_path: Path, count: int) -> None:
    (tmp_path / "aside").mkdir()
    items = {str(tmp_path / f"f{n}"): b"%d" % n for n in range(count)}
    write_all_atomic(items, aside=str(tmp_path / "aside"))
    assert {path: Path(path).read_bytes() for path in items} == items
    assert os.listdir(tmp_path / "aside") == []


def test_leftovers_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    gone = tmp_path / named(f".{os.getpid()}.", ".4194305.")
    mine = Path(temporary_path(str(tmp_path)))
    gone.mkdir()
    (gone / "inner").write_text("x")
    mine.write_text("x")
    (tmp_path / "other").write_text("x")
    assert remove_stale_temporaries(str(tmp_path)) == 1
    assert sorted(os.listdir(tmp_path)) == sorted([mine.name, "other"])
    assert remove_stale_temporaries(str(tmp_path / "nosuch")) == 0


def named(old: str, new: str) -> str:
    return temporary_path("").lstrip("/").replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (own()[:12], "0" * 12),
        (own(), f"{os.getpid()}"),
        (own(), "4194305"),
    ],
    ids=["another machine's", "an older version's", "gone, older version's"],
)
def test_what_a_process_of_another_machine_has_left_goes_by_age_alone(
    tmp_path: Path, old: str, new: str
) -> None:
    found = tmp_path / named(old, new)
    found.write_text("x")
    assert remove_stale_temporaries(str(tmp_path)) == 0
    os.utime(found, (0, 0))
    assert remove_stale_temporaries(str(tmp_path)) == 1


def test_a_process_that_has_the_id_of_one_that_is_gone_is_not_its_owner() -> None:
    assert is_gone(own() + "0")


def test_what_a_running_process_has_made_stays_however_old(tmp_path: Path) -> None:
    mine = Path(temporary_path(str(tmp_path)))
    mine.mkdir()
    os.utime(mine, (0, 0))
    assert remove_stale_temporaries(str(tmp_path)) == 0


def test_what_is_younger_than_asked_for_stays(tmp_path: Path) -> None:
    gone = tmp_path / named(f".{os.getpid()}.", ".4194305.")
    gone.write_text("x")
    os.utime(gone, (100, 100))
    assert remove_stale_temporaries(str(tmp_path), 50) == 0
    assert remove_stale_temporaries(str(tmp_path), 150) == 1


def test_a_forked_process_has_another_name() -> None:
    read, write = os.pipe()
    before = own()
    child = os.fork()
    if not child:
        os.write(write, own().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 100).decode()
    assert theirs != before == own() and is_gone(theirs) and is_gone(own()) is False


def test_only_a_regular_file_of_a_sane_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("a")
    assert read_bounded(str(tmp_path / "a"), 5) == b"12345"
    assert read_bounded(str(tmp_path / "nosuch"), 5) is None
    assert read_bounded(str(tmp_path / "a" / "below"), 5) is None
    for name, words in {
        "a": "larger than 4 bytes",
        "pipe": "not a regular file",
        "link": "symbolic link",
    }.items():
        with pytest.raises(FormatError, match=words):
            read_bounded(str(tmp_path / name), 4)


def test_directories_are_made_with_all_above_them(tmp_path: Path) -> None:
    make_directories(str(tmp_path / "a/b/c"))
    make_directories(str(tmp_path / "a/b/c"))
    fsync_directory(str(tmp_path / "a"))
    assert names_in(str(tmp_path / "a/b")) == ["c"]
    assert names_in(str(tmp_path / "nosuch")) == []


def test_a_process_that_runs_is_told_from_one_that_is_gone() -> None:
    assert is_running(os.getpid())
    assert not is_running(4194305)  # above what the kernel gives
