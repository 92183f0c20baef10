"""The passing line: what is written for good never stands behind it or in it."""

import io

import pytest

from mltrack.cli.screen import Screen


@pytest.fixture
def terminal() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def screen(terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setattr(Screen, "width", 40)
    return Screen(terminal)


def rows(text: str, width: int = 40) -> list[str]:
    """What a terminal shows that understands the three sequences that are used here."""
    lines, row, at = [""], 0, 0
    while text:
        if text.startswith("\r"):
            at, text = 0, text[1:]
        elif text.startswith("\n"):
            row, at, text = row + 1, 0, text[1:]
            lines += [""] * (row + 1 - len(lines))
        elif text.startswith("\x1b[J"):
            lines[row] = lines[row][:at]
            del lines[row + 1 :]
            text = text[3:]
        elif text.startswith("\x1b["):
            number, _, text = text[2:].partition("A")
            row -= int(number)
        else:
            lines[row] = lines[row][:at] + text[0] + lines[row][at + 1 :]
            at, text = at + 1, text[1:]
            assert at <= width
    return lines


def test_one_line_takes_the_place_of_the_other(
    screen: Screen, terminal: io.StringIO
) -> None:
    screen.draw("a long line that is drawn first")
    screen.draw("short")
    assert rows(terminal.getvalue()) == ["short"]
    screen.clear()
    assert rows(terminal.getvalue()) == [""]


def test_what_stays_goes_above_it(screen: Screen, terminal: io.StringIO) -> None:
    screen.draw("half way")
    screen.write(terminal, "kept\n")
    screen.draw("nearly there")
    assert rows(terminal.getvalue()) == ["kept", "nearly there"]


def test_a_line_never_wraps(screen: Screen, terminal: io.StringIO) -> None:
    screen.draw("x" * 100)
    assert rows(terminal.getvalue()) == ["x" * 39]


def test_after_the_window_was_made_narrower_all_rows_of_the_line_go(
    screen: Screen, terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen.draw("x" * 35)
    terminal.truncate(0)
    terminal.seek(0)
    monkeypatch.setattr(Screen, "width", 10)
    screen.clear()
    assert terminal.getvalue() == "\x1b[3A\r\x1b[J"


def test_without_a_line_writing_is_plain(screen: Screen, terminal: io.StringIO) -> None:
    screen.write(terminal, "kept\n")
    screen.clear()
    assert terminal.getvalue() == "kept\n"
