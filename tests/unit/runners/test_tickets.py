"""Notes on jobs: one odd file among them hides no other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mltrack.runners import logs
from mltrack.runners.job import Ticket
from mltrack.runners.tickets import Tickets

KEY = "ab" * 16


def link(path: Path) -> None:
    path.symlink_to("/nowhere")


def large(path: Path) -> None:
    path.write_bytes(bytes(1 << 17))


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


def test_an_odd_file_among_tickets_is_none(
    odd: Callable[[Path], object], tmp_path: Path
) -> None:
    tickets = Tickets(str(tmp_path))
    ticket = Ticket("box", KEY, "t" * 32, str(tmp_path / "log"))
    tickets.note(ticket, "box", "gpu1", KEY, 1, "s")
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
