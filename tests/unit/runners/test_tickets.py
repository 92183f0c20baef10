"""Tickets of jobs that outlive a command: noted, found by key, and never relied on."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mltrack.runners import logs
from mltrack.runners.job import Ticket
from mltrack.runners.tickets import Noted, Tickets


def link(path: Path) -> None:
    path.symlink_to("/nowhere")


def large(path: Path) -> None:
    path.write_bytes(bytes(1 << 17))


KEY, OTHER, NONE = "ab" * 16, "cd" * 32, "none-" + "ef" * 16


@pytest.fixture
def tickets(tmp_path: Path) -> Tickets:
    return Tickets(str(tmp_path / "jobs"))


def note(tickets: Tickets, key: str, attempt: str, number: int = 1) -> None:
    log = f"/logs/{attempt}.log"
    tickets.note(Noted("box", "gpu1", key, number, attempt, "train", 1.5, log))


ODD: dict[str, Callable[[Path], object]] = {
    "a link": link,
    "a large file": large,
    "a directory": lambda path: path.mkdir(),
    "an object without a version": lambda path: path.write_text("{}"),
    "a list": lambda path: path.write_text("[]"),
    "half an object": lambda path: path.write_text('{"mltrack": 1'),
    "an object of unknown fields": lambda path: path.write_text('{"mltrack": 1}'),
}


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    return ODD[request.param]


def test_what_was_noted_is_found_by_its_key(tickets: Tickets) -> None:
    note(tickets, KEY, "one")
    note(tickets, KEY, "two", 2)
    note(tickets, OTHER, "three")
    note(tickets, NONE, "four")
    found = {one.attempt: one for one in tickets.all()}
    assert found.keys() == {"one", "two", "three", "four"}
    assert {one.attempt for one in tickets.of(KEY)} == {"one", "two"}
    assert found["two"] == Noted(
        "box", "gpu1", KEY, 2, "two", "train", 1.5, "/logs/two.log"
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


def test_an_odd_file_among_tickets_is_none(
    odd: Callable[[Path], object], tmp_path: Path
) -> None:
    tickets = Tickets(str(tmp_path))
    note(tickets, KEY, "t" * 32)
    odd(tmp_path / KEY / "odd.json")
    assert [one.host for one in tickets.all()] == ["gpu1"]


def test_an_odd_file_among_logs_is_none(
    odd: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / logs.LOGS).mkdir()
    ticket = Ticket("local", KEY, "1", str(tmp_path / logs.LOGS / "one.log"))
    logs.note_failure(ticket, "s", "failed", 1, 0.0)
    odd(tmp_path / logs.LOGS / "odd.json")
    assert [one.label for one in logs.ended(str(tmp_path), "s")] == ["s"]
