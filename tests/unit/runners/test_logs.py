"""Logs of jobs: read from where one left off, with what became of those that failed."""

import json
import os
import time
from pathlib import Path

from mltrack.runners.job import Ticket
from mltrack.runners.logs import Ended, ended, note_failure, note_path, read_log


def ticket(tmp_path: Path, name: str = "k-1") -> Ticket:
    (tmp_path / "logs").mkdir(exist_ok=True)
    return Ticket("box", "k", "1", str(tmp_path / f"logs/{name}.log"))


def test_a_log_is_read_from_an_offset_on(tmp_path: Path) -> None:
    one = ticket(tmp_path)
    assert read_log(one, 0) == b""
    Path(one.log_path).write_bytes(b"0123456789")
    assert read_log(one, 0) == b"0123456789" and read_log(one, 7) == b"789"
    assert read_log(one, 10) == read_log(one, 11) == b""


def test_a_long_log_is_read_piece_by_piece(tmp_path: Path) -> None:
    one, data = ticket(tmp_path), os.urandom(3 << 20)
    Path(one.log_path).write_bytes(data)
    found = b""
    while piece := read_log(one, len(found)):
        assert len(piece) <= 1 << 20
        found += piece
    assert found == data


def test_what_became_of_a_job_lies_beside_its_log(tmp_path: Path) -> None:
    one = ticket(tmp_path)
    before = time.time()
    note_failure(one, "train", "failed", 3, 1234.56789)
    note_failure(ticket(tmp_path, "k-2"), "train", "lost", None, 1.0)
    note_failure(ticket(tmp_path, "k-3"), "other", "failed", 1, 1.0)
    found = sorted(ended(str(tmp_path), "train"))
    assert found == [
        Ended("train", "failed", 3, 1234.568, one.log_path),
        Ended("train", "lost", None, 1.0, str(tmp_path / "logs/k-2.log")),
    ]
    facts = json.loads(Path(note_path(one.log_path)).read_text())
    assert facts["runner"] == "box" and facts["ended"] >= round(before, 3) - 0.001
    assert note_path(one.log_path) == str(tmp_path / "logs/k-1.json")


def test_notes_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    note_failure(ticket(tmp_path), "train", "failed", 3, 1.0)
    logs = tmp_path / "logs"
    good = json.loads((logs / "k-1.json").read_text())
    for number, text in enumerate(
        ["", "[", "[]", '"train"', "{}", '{"label": "train"}', " " * (1 << 17)]
    ):
        (logs / f"bad-{number}.json").write_text(text)
    (logs / "wrong.json").write_text(json.dumps({**good, "started": "yesterday"}))
    (logs / "directory.json").mkdir()
    assert len(list(ended(str(tmp_path), "train"))) == 1
    assert list(ended(str(tmp_path / "nowhere"), "train")) == []


def test_a_note_that_cannot_be_written_hinders_nobody(tmp_path: Path) -> None:
    one = Ticket("box", "k", "1", str(tmp_path / "nowhere/k-1.log"))
    note_failure(one, "train", "failed", 3, 1.0)
    assert not (tmp_path / "nowhere").exists()
