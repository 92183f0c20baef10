"""The progress line: what it says, and where it keeps quiet."""

import io
import time
from pathlib import Path

import pytest

from mltrack.cli import progress
from mltrack.cli.invocation import current
from mltrack.cli.progress import ProgressLine, clock
from mltrack.events import Progress, meter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def drawn(self) -> list[str]:
        return [one for one in self.getvalue().split("\r\x1b[J") if one.strip()]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_DELAY_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_LOG_SECONDS", 0.0)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(current, "verbosity", 0)
    monkeypatch.setattr(current, "has_progress", True)


def until(terminal: io.StringIO, words: str) -> None:
    for _ in range(500):
        if words in terminal.getvalue():
            return
        time.sleep(0.01)
    raise AssertionError(f"{words!r} is not in {terminal.getvalue()!r}")


def test_a_transfer_shows_files_bytes_and_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with ProgressLine() as line:
        line.event(Progress("sending", 0, 4, 8_000_000))
        meter.moved += 2_000_000
        line.event(Progress("sending", 1, 4, 8_000_000))
        until(terminal, "sending  1/4 files  2.0 MB/8.0 MB  25%")
    assert terminal.getvalue().endswith("\r\x1b[J")


def test_what_is_to_be_hashed_is_counted_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/x", "a/y", "z"):
        (tmp_path / name).write_bytes(b"x" * 1000)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with ProgressLine([str(tmp_path), str(tmp_path / "not there")]):
        meter.files += 1
        meter.hashed += 1000
        until(terminal, "hashing  1/3 files  1.0 kB/3.0 kB  33%")


def test_each_part_of_the_work_counts_from_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with ProgressLine() as line:
        line.event(Progress("fetching", 1, 1, 5_000))
        meter.moved += 5_000
        until(terminal, "fetching  1/1 files  5.0 kB/5.0 kB  100%")
        line.update("data", 1, 2)
        until(terminal, "writing data  1/2 files  50%")


def test_without_a_terminal_there_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    with ProgressLine() as line:
        line.event(Progress("sending", 1, 4))
        until(log, "sending  1/4 files  25%")
    assert "\r" not in log.getvalue() and log.getvalue().endswith("\n")


@pytest.mark.parametrize(("verbosity", "wanted"), [(-1, True), (0, False)])
def test_whoever_asks_for_less_gets_none(
    verbosity: int, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(current, "verbosity", verbosity)
    monkeypatch.setattr(current, "has_progress", wanted)
    with ProgressLine() as line:
        line.event(Progress("sending", 1, 4))
        time.sleep(0.05)
    assert terminal.getvalue() == ""


def test_an_error_leaves_no_line_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with pytest.raises(KeyboardInterrupt), ProgressLine():
        until(terminal, "hashing")
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\r\x1b[J")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3661, "1:01:01")]
)
def test_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_words_of_a_program_at_work_take_the_place_of_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with ProgressLine():
        meter.told = "Receiving objects:  45% (12/27)"
        until(terminal, "git: Receiving objects:  45% (12/27)")
        meter.told = ""
        until(terminal, "hashing")
