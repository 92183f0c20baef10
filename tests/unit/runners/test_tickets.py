"""Tickets of jobs that outlive a command: noted, found by key, and never relied on."""

import json
import os
from pathlib import Path

import pytest

from mltrack.runners.job import Ticket
from mltrack.runners.tickets import Noted, Tickets

KEY, OTHER, NONE = "ab" * 16, "cd" * 32, "none-" + "ef" * 16


@pytest.fixture
def tickets(tmp_path: Path) -> Tickets:
    return Tickets(str(tmp_path / "jobs"))


def note(tickets: Tickets, key: str, attempt: str, number: int = 1) -> None:
    tickets.note(
        Ticket("box", key, attempt, f"/logs/{attempt}.log"),
        "box",
        "gpu1",
        key,
        number,
        "train",
    )


def test_what_was_noted_is_found_by_its_key(tickets: Tickets) -> None:
    note(tickets, KEY, "one")
    note(tickets, KEY, "two", 2)
    note(tickets, OTHER, "three")
    note(tickets, NONE, "four")
    found = {one.attempt: one for one in tickets.all()}
    assert found.keys() == {"one", "two", "three", "four"}
    assert {one.attempt for one in tickets.of(KEY)} == {"one", "two"}
    submitted = found["two"].submitted
    assert found["two"] == Noted(
        "box", "gpu1", KEY, 2, "two", "train", submitted, "/logs/two.log"
    )
    assert list(tickets.of("ff" * 16)) == []


def test_a_ticket_is_forgotten_alone_and_its_directory_with_the_last(
    tickets: Tickets, tmp_path: Path
) -> None:
    note(tickets, KEY, "one")
    note(tickets, KEY, "two")
    tickets.forget(KEY, "one")
    tickets.forget(KEY, "one")
    assert [one.attempt for one in tickets.all()] == ["two"]
    tickets.forget(KEY, "two")
    assert os.listdir(tmp_path / "jobs") == []


def test_what_is_no_ticket_is_passed_over(tickets: Tickets, tmp_path: Path) -> None:
    note(tickets, KEY, "one")
    place = tmp_path / "jobs" / KEY
    good = json.loads((place / "one.json").read_text())
    for number, text in enumerate(
        [
            "",
            "{",
            "[]",
            "7",
            "{}",
            json.dumps({**good, "mltrack": 2}),
            json.dumps({**good, "more": 1}),
            json.dumps({name: good[name] for name in good if name != "host"}),
            " " * (1 << 17),
        ]
    ):
        (place / f"bad-{number}.json").write_text(text)
    (place / "directory").mkdir()
    for name in ("logs", "running", "AB" * 16, "ab"):
        (tmp_path / "jobs" / name).mkdir()
        (tmp_path / "jobs" / name / "x.json").write_text(json.dumps(good))
    assert [one.attempt for one in tickets.all()] == ["one"]


def test_a_ticket_that_cannot_be_written_hinders_nobody(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file in its place")
    tickets = Tickets(str(tmp_path / "jobs"))
    note(tickets, KEY, "one")
    assert (tmp_path / "jobs").read_text() == "a file in its place"
