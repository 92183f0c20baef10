"""What commands read, wrote and looked for without declaring it."""

import time
from pathlib import Path

import pytest

from mltrack.engine.undeclared import (
    Interval,
    named_in_log,
    undeclared_reads,
    undeclared_writes,
)
from tests.support.workspace import Workspace
from tests.unit.engine.stages import stage

TRAIN = stage("train", deps=("data", "train.py"), outs=("model",))


@pytest.fixture
def top(bare: Workspace) -> Path:
    for path in ("data/a", "train.py", "model", "lib/util.py", "notes.txt"):
        bare.write(path, "x\n")
    return bare.path


def test_files_of_the_project_that_are_not_declared_are_named(top: Path) -> None:
    reads = [
        "lib/util.py",
        "data/a",
        "train.py",
        "model",
        "nosuch",
        "mltrack.lock",
        "lib",
    ]
    assert undeclared_reads(TRAIN, reads, str(top)) == ("lib/util.py",)


def test_the_last_words_of_a_command_name_what_it_looked_for(top: Path) -> None:
    log = b"open('notes.txt'): No such file\nModuleNotFoundError: No module named 'util'\ncannot read data/a\n"
    assert set(named_in_log(TRAIN, log, str(top))) == {"notes.txt", "lib/util.py"}


def test_files_that_changed_while_commands_ran_are_given_to_their_stages(
    top: Path,
) -> None:
    time.sleep(0.05)
    start = time.time_ns()
    (top / "extra").write_text("x")
    (top / "model").write_text("new")
    intervals = [
        Interval("train", start, time.time_ns()),
        Interval("other", start, time.time_ns()),
    ]
    [written] = undeclared_writes(str(top), ["model"], intervals, {})
    assert written.path == "extra" and written.stages == ("other", "train")
    [traced] = undeclared_writes(str(top), ["model"], intervals, {"extra": ("train",)})
    assert traced.stages == ("train",)
    assert undeclared_writes(str(top), ["model"], [], {}) == []


def test_many_files_of_a_directory_are_named_as_one(top: Path) -> None:
    time.sleep(0.05)
    start = time.time_ns()
    (top / "out").mkdir()
    for number in range(5):
        (top / f"out/{number}").write_text("x")
    [written] = undeclared_writes(
        str(top), ["model"], [Interval("train", start, time.time_ns())], {}
    )
    assert written.path == "out/ (5 files)"
