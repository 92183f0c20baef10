"""Notes of running commands: whoever comes after a killed process finds what it left,
and ends nothing else.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.runners.marks import Marks
from mltrack.runners.worker.system import VARIABLE, start_time
from tests.support import processes
from tests.support.processes import ends, is_alive

GONE = "999999999-123"
"""The file of a process that is no more."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "running"


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[bytes]"]]:
    made: list[subprocess.Popen[bytes]] = []
    yield made
    for process in made:
        process.kill()
        process.wait()


def sleeper(token: str, started: list["subprocess.Popen[bytes]"]) -> int:
    """A process of a session of its own that carries a token."""
    started.append(processes.sleeper(**{VARIABLE: token}))
    return started[-1].pid


def abandoned(place: Path, *lines: str, name: str = GONE) -> None:
    place.mkdir(exist_ok=True)
    (place / name).write_text("\n".join(lines) + "\n")


def begun(token: str, label: str = "s") -> str:
    return "+ " + json.dumps([token, label, "log", 1.5])


def test_a_command_is_under_way_from_its_start_to_its_end(
    place: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    own, others = Marks(str(place)), Marks(str(place))
    assert others.under_way() == []
    token = own.plan("train", "/logs/x.log")
    assert others.under_way() == [], "it was not started yet"
    pid = sleeper(token, started)
    own.note(token, pid)
    [mark] = others.under_way()
    assert mark[:3] == (token, "train", "/logs/x.log") and mark.pid == pid
    assert own.under_way() == [mark]
    own.forget(token)
    assert others.under_way() == []
    own.close()
    assert os.listdir(place) == []


def test_each_command_has_a_token_of_its_own(place: Path) -> None:
    marks = Marks(str(place))
    assert marks.plan("s", "x") != marks.plan("s", "x")
    assert os.listdir(place) == [f"{os.getpid()}-{start_time(os.getpid())}"]
    marks.close()
    marks.close()
    marks.forget("nothing was begun")


def test_a_process_that_took_the_number_of_another_is_not_it(
    place: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    own = Marks(str(place))
    token = own.plan("s", "x")
    own.note(token, sleeper("another", started))
    assert own.under_way() == []


def test_commands_of_a_process_that_is_gone_are_ended(
    place: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    noted, unnoted, ended, other = (
        sleeper(token * 32, started) for token in ("a", "b", "c", "d")
    )
    abandoned(
        place,
        begun("a" * 32, "noted"),
        f"= {'a' * 32} {noted}",
        # killed between its start and the note of its number
        begun("b" * 32, "unnoted"),
        begun("c" * 32, "ended"),
        f"- {'c' * 32}",
    )
    marks = Marks(str(place))
    assert sorted(marks.end_leftovers()) == ["noted", "unnoted"]
    assert ends(noted) and ends(unnoted) and is_alive(ended) and is_alive(other)
    assert os.listdir(place) == [] and marks.end_leftovers() == []


def test_commands_of_a_process_that_lives_are_left_alone(
    place: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    own = Marks(str(place))
    token = own.plan("s", "x")
    pid = sleeper(token, started)
    own.note(token, pid)
    assert Marks(str(place)).end_leftovers() == [] and is_alive(pid)
    assert len(os.listdir(place)) == 1


def test_a_process_with_our_number_that_began_at_another_time_is_gone(
    place: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    pid = sleeper("e" * 32, started)
    abandoned(place, begun("e" * 32), name=f"{os.getpid()}-1")
    assert Marks(str(place)).end_leftovers() == ["s"] and ends(pid)


def test_lines_that_say_nothing_are_passed_over(
    place: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    pid = sleeper("f" * 32, started)
    abandoned(
        place,
        "+ [",
        "+ 7",
        '+ ["one", 2]',
        '+ [["x"], 2, 3, 4]',
        "= nosuch 7",
        f"= {'f' * 32} seven",
        "nonsense",
        "",
        begun("f" * 32, "whole"),
        f"= {'f' * 32} {pid}",
        begun("0" * 32)[:20],
    )
    (place / "no process").write_text("+ x")
    marks = Marks(str(place))
    assert [mark.label for mark in marks.under_way()] == ["whole"]
    assert marks.end_leftovers() == ["whole"] and os.listdir(place) == ["no process"]


def test_the_notes_of_a_process_that_was_killed_are_there(place: Path) -> None:
    code = (
        "import os, sys; from mltrack.runners.marks import Marks\n"
        "Marks(sys.argv[1]).plan('s', 'x'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, str(place)], check=False)
    assert done.returncode == -signal.SIGKILL and len(os.listdir(place)) == 1
    assert Marks(str(place)).end_leftovers() == [] and os.listdir(place) == []
