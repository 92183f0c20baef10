"""Which objects were seen whole: noted by stamp, for those who come later too."""

import os
from pathlib import Path

import pytest

from mltrack.store.local.verified import Verified, stamp

DIGEST, OTHER = "ab" * 16, "cd" * 16


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "object"
    path.write_bytes(b"bytes")
    return path


def large(path: Path) -> os.stat_result:
    """A file whose note is written at once."""
    with open(path, "wb") as file:
        file.truncate(1 << 20)
    return path.stat()


def test_an_object_is_known_as_long_as_it_is_the_file_that_was_compared(
    tmp_path: Path, file: Path
) -> None:
    noted = Verified(str(tmp_path))
    assert not noted.has(DIGEST, file.stat())
    noted.add(DIGEST, file.stat())
    assert noted.has(DIGEST, file.stat()) and not noted.has(OTHER, file.stat())
    (tmp_path / "link").hardlink_to(file)
    assert noted.has(DIGEST, file.stat()), "a link changes its bytes in no way"


@pytest.mark.parametrize("change", ["size", "time", "inode"])
def test_another_stamp_is_another_file(tmp_path: Path, file: Path, change: str) -> None:
    noted = Verified(str(tmp_path))
    before = file.stat()
    noted.add(DIGEST, before)
    if change == "size":
        file.write_bytes(b"other bytes")
        os.utime(file, ns=(0, before.st_mtime_ns))
    elif change == "time":
        os.utime(file, ns=(0, before.st_mtime_ns + 1))
    else:
        (tmp_path / "copy").write_bytes(b"bytes")
        os.utime(tmp_path / "copy", ns=(0, before.st_mtime_ns))
        os.rename(tmp_path / "copy", file)
    assert not noted.has(DIGEST, file.stat())
    noted.add(DIGEST, file.stat())
    assert noted.has(DIGEST, file.stat()) and not noted.has(DIGEST, before)


def test_the_next_process_knows_it_too_and_the_last_note_counts(
    tmp_path: Path,
) -> None:
    first, second = large(tmp_path / "a"), large(tmp_path / "b")
    noted = Verified(str(tmp_path))
    noted.add(OTHER, first)
    noted.add(DIGEST, first)
    noted.add(DIGEST, second)
    later = Verified(str(tmp_path))
    assert later.has(DIGEST, second) and not later.has(DIGEST, first)
    assert later.has(OTHER, first)


def test_notes_on_small_objects_are_written_many_together(
    tmp_path: Path, file: Path
) -> None:
    noted = Verified(str(tmp_path))
    for number in range(255):
        noted.add(f"{number:032x}", file.stat())
    assert not Verified(str(tmp_path)).has(f"{0:032x}", file.stat())
    noted.add(DIGEST, file.stat())
    later = Verified(str(tmp_path))
    assert all(later.has(f"{number:032x}", file.stat()) for number in range(255))


def test_what_is_known_is_not_noted_again(tmp_path: Path) -> None:
    state = large(tmp_path / "a")
    for noted in (Verified(str(tmp_path)), Verified(str(tmp_path))):
        noted.add(DIGEST, state)
        noted.add(DIGEST, state)
    size, moment, inode = stamp(state)
    text = f"{DIGEST} {size} {moment} {inode}\n"
    assert (tmp_path / "verified").read_text() == text


def test_lines_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    state = large(tmp_path / "a")
    Verified(str(tmp_path)).add(DIGEST, state)
    notes = tmp_path / "verified"
    good = notes.read_bytes()
    odd = [b"\xff nonsense", OTHER.encode() + b" 1 x 3", b"", OTHER.encode() + b" 1"]
    notes.write_bytes(b"\n".join([*odd, good]))
    later = Verified(str(tmp_path))
    assert later.has(DIGEST, state) and not later.has(OTHER, state)


def test_a_cache_that_cannot_be_written_is_compared_each_time(tmp_path: Path) -> None:
    (tmp_path / "verified").mkdir()
    noted = Verified(str(tmp_path))
    state = large(tmp_path / "a")
    noted.add(DIGEST, state)
    assert noted.has(DIGEST, state)
    assert not Verified(str(tmp_path)).has(DIGEST, state)
