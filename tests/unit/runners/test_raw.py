"""Outputs of a host that cannot hash: nothing in them is waited for."""

import os
from pathlib import Path

import pytest

from mltrack.runners.worker.attempts import Attempt
from mltrack.runners.worker.objects import Damaged
from mltrack.runners.worker.raw import list_raw, read_raw


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    (tmp_path / "work/d").mkdir(parents=True)
    (tmp_path / "work/d/x").write_text("1234")
    return Attempt("k", 1, str(tmp_path))


def test_files_are_listed_and_read(attempt: Attempt) -> None:
    rows = [["", "tree", 0, ""], ["x", "file", 4, ""]]
    assert list_raw(attempt, "d") == rows
    assert read_raw(attempt, "d", "x", 1, 2) == b"23"


def test_a_pipe_is_neither_listed_nor_read(attempt: Attempt) -> None:
    os.mkfifo(os.path.join(attempt.work, "d/pipe"))
    with pytest.raises(Damaged, match="d/pipe is neither"):
        list_raw(attempt, "d")
    with pytest.raises(Damaged, match="d/pipe is neither"):
        read_raw(attempt, "d", "pipe", 0, 1)
