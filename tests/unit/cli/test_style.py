"""Colour and width: what is marked, what is written, how wide it is."""

import io

import pytest

from mltrack.cli import style
from mltrack.cli.invocation import printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_styles_are_codes_on_a_terminal_and_nothing_elsewhere() -> None:
    text = f"a {style.paint('red', 'red')} b"
    assert style.rendered(text, Terminal(), style.AUTO) == "a \x1b[31mred\x1b[0m b"
    assert style.rendered(text, io.StringIO(), style.AUTO) == "a red b"


@pytest.mark.parametrize(
    ("variables", "when", "is_terminal", "has"),
    [
        ({}, "auto", True, True),
        ({}, "auto", False, False),
        ({"NO_COLOR": "1"}, "auto", True, False),
        ({"NO_COLOR": ""}, "auto", True, True),
        ({"FORCE_COLOR": "1"}, "auto", False, True),
        ({"TERM": "dumb"}, "auto", True, False),
        ({"NO_COLOR": "1"}, "always", False, True),
        ({}, "never", True, False),
    ],
)
def test_who_decides_about_colour(
    variables: dict[str, str],
    when: str,
    is_terminal: bool,
    has: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal() if is_terminal else io.StringIO()
    assert style.has_colour(stream, when) is has


def test_escape_sequences_of_others_are_shown_and_ours_pass() -> None:
    text = printable(style.paint("\x1b[31mname", "bold"))
    assert style.rendered(text, io.StringIO(), style.ALWAYS) == (
        "\x1b[1m\\x1b[31mname\x1b[0m"
    )


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("数据", 4), ("é", 1), ("e\u0301", 1), ("📦", 2), ("a\u200bb", 2)],
)
def test_how_wide_text_is(text: str, columns: int) -> None:
    assert style.width(text) == columns
    assert style.width(style.paint(text, "red")) == columns


def test_text_is_padded_and_cut_by_columns() -> None:
    assert style.padded("数", 4) + "|" == "数  |"
    assert style.padded("7", 3, right=True) == "  7"
    assert style.fitted("数据集", 5) == "数据…"
    assert style.fitted("short", 5) == "short"
