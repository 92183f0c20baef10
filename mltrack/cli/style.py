"""Colour, and how wide text is on a terminal.

What is coloured is marked in the text by two characters that no text holds; whoever
writes it out makes escape sequences of them, or nothing. So what comes from files and
servers can be escaped as a whole, and still no name can colour anything but itself.
"""

import os
import re
from typing import TextIO

from mltrack.pipeline.columns import columns as columns_taken
from mltrack.pipeline.columns import width

# noncharacters: Unicode promises that they are never assigned (chapter 23.7)
_OFF = "\ufdd0"
_STYLES = {
    "bold": ("\ufdd1", "1"),
    "dim": ("\ufdd2", "2"),
    "red": ("\ufdd3", "31"),
    "green": ("\ufdd4", "32"),
    "yellow": ("\ufdd5", "33"),
    "cyan": ("\ufdd6", "36"),
    "error": ("\ufdd7", "1;31"),
}
_CODES = {mark: f"\x1b[{code}m" for mark, code in _STYLES.values()} | {_OFF: "\x1b[0m"}
_MARK = re.compile(f"[{_OFF}{''.join(mark for mark, _ in _STYLES.values())}]")

AUTO, ALWAYS, NEVER = "auto", "always", "never"
WHEN = (AUTO, ALWAYS, NEVER)


def paint(text: str, style: str) -> str:
    """Returns text that is shown in a style where colours are."""
    return f"{_STYLES[style][0]}{text}{_OFF}" if text else text


def unpainted(text: str) -> str:
    """Returns text without its styles."""
    return _MARK.sub("", text)


def is_mark(char: str) -> bool:
    return char in _CODES


def rendered(text: str, stream: TextIO, when: str) -> str:
    """Returns text as it is written to a stream: with colours, or without."""
    if not _MARK.search(text):
        return text
    if not has_colour(stream, when):
        return unpainted(text)
    return _MARK.sub(lambda found: _CODES[found[0]], text)


def has_colour(stream: TextIO, when: str) -> bool:
    """Whether colours are wanted on a stream: as the person says, else on a terminal
    that can show them. See no-color.org, and force-color.org.
    """
    if when != AUTO:
        return when == ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """Returns text made as wide as a column, on its left or its right."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def fitted(text: str, columns: int) -> str:
    """Returns text that is no wider than ``columns``, its end left out if need be."""
    if width(text) <= columns:
        return text
    taken = 0
    for at, char in enumerate(text):
        taken += columns_taken(char)
        if taken >= columns:
            return text[:at] + "…"
    return text
