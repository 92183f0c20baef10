"""What not every system has, and the ways without it. That these do the same is said by
all tests, run once more with ``MLTRACK_ABILITIES=none``.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mltrack.disk import abilities
from mltrack.disk.abilities import Ability, has, missing
from mltrack.disk.cloning import clone
from mltrack.disk.durable import name_of, opened, write_all
from mltrack.disk.lock import NameLocks
from mltrack.errors import UsageError

Allow = Callable[[str], None]


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Allow]:
    """Says which may be used, for the length of a test."""

    def forget() -> None:
        abilities.has.cache_clear()
        abilities._allowed.cache_clear()

    def set_(names: str) -> None:
        monkeypatch.setenv(abilities.VARIABLE, names)
        forget()

    yield set_
    monkeypatch.undo()
    forget()


def test_none_switches_all_of_them_off(allow: Allow) -> None:
    allow("none")
    assert missing() == list(Ability)


def test_those_that_are_named_stay(allow: Allow) -> None:
    allow("proc, holes")
    assert has(Ability.PROC) and has(Ability.HOLES) and not has(Ability.PIDFD)


def test_a_name_of_none_is_told_with_all_that_there_are(allow: Allow) -> None:
    allow("proc,hole")
    with pytest.raises(UsageError, match="hole") as caught:
        has(Ability.PROC)
    assert all(ability.value in str(caught.value.hint) for ability in Ability)


def test_a_command_says_so_too_before_it_begins(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mltrack", "init"],
        cwd=tmp_path,
        env={**os.environ, abilities.VARIABLE: "clones"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "clones" in done.stderr


def test_without_clones_nothing_is_touched(allow: Allow, tmp_path: Path) -> None:
    allow("none")
    flags = os.O_RDWR | os.O_CREAT
    with (
        opened(str(tmp_path / "a"), flags) as a,
        opened(str(tmp_path / "b"), flags) as b,
    ):
        write_all(a, b"bytes")
        assert not clone(a, b)
    assert (tmp_path / "b").read_bytes() == b""


@pytest.mark.parametrize("names", ["none", "proc"])
def test_an_open_file_is_known_by_its_path(
    allow: Allow, names: str, tmp_path: Path
) -> None:
    allow(names)
    path = str(tmp_path / "file")
    with opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        assert name_of(descriptor) == path


def test_files_of_names_go_with_who_had_them_last(allow: Allow, tmp_path: Path) -> None:
    allow("none")
    path = str(tmp_path / "names")
    one, other = NameLocks(path), NameLocks(path)
    assert one.take_shared("a") and other.take_shared("a")
    one.release_shared("a")
    assert len(os.listdir(path + ".d")) == 1
    other.release_shared("a")
    assert os.listdir(path + ".d") == []


def test_a_name_is_had_by_one_of_many_who_wait_for_it(
    allow: Allow, tmp_path: Path
) -> None:
    """Each writes what it found plus one: two at once would write the same."""
    counted = tmp_path / "count"
    counted.write_text("0")
    code = (
        "import sys, pathlib\n"
        "from mltrack.disk.lock import NameLocks\n"
        "file = pathlib.Path(sys.argv[2])\n"
        "for _ in range(100):\n"
        "    locks = NameLocks(sys.argv[1])\n"
        "    locks.wait_for('a')\n"
        "    file.write_text(str(int(file.read_text()) + 1))\n"
        "    locks.close()\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "names"), str(counted)],
            env={**os.environ, abilities.VARIABLE: "none"},
        )
        for _ in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert counted.read_text() == "300"
