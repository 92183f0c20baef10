"""The terminal: text that stays, and at most one line below it that does not."""

import os
import shutil
import sys
import threading
from typing import TextIO

_UP, _CLEAR_BELOW = "\x1b[{}A", "\r\x1b[J"


class Screen:
    """Keeps the passing line, on standard error, apart from what is written for good;
    from any thread.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """``stream`` takes the place of standard error."""
        self._given = stream
        self._lock = threading.RLock()
        self._drawn = 0
        """How many columns the passing line has; 0 while there is none."""

    def write(self, stream: TextIO, text: str) -> None:
        """Writes text that stays; the passing line makes room for it."""
        if not self._drawn:
            stream.write(text)
            return
        with self._lock:
            self.clear()
            stream.write(text)
            stream.flush()

    def draw(self, text: str) -> None:
        """Shows a line, of one column a character, in the place of the one before."""
        with self._lock:
            text = text[: self.width - 1]
            self._stream.write(self._removal() + text)
            self._stream.flush()
            self._drawn = len(text)

    def clear(self) -> None:
        """Removes the passing line."""
        with self._lock:
            if self._drawn:
                self._stream.write(self._removal())
                self._stream.flush()
                self._drawn = 0

    @property
    def _stream(self) -> TextIO:
        return self._given or sys.stderr

    @property
    def width(self) -> int:
        """The terminal's columns, as they are now."""
        try:
            return max(20, os.get_terminal_size(self._stream.fileno()).columns)
        except (OSError, ValueError):
            return shutil.get_terminal_size().columns

    def _removal(self) -> str:
        """What takes the line away. Where the window was made narrower meanwhile, the
        terminal has wrapped it, and the cursor stands in its last row.
        """
        rows = max(0, self._drawn - 1) // self.width
        return (_UP.format(rows) if rows else "") + _CLEAR_BELOW


screen = Screen()


def columns_of(stream: TextIO) -> int | None:
    """Returns how many columns a stream's terminal has; None where it is none, or one
    that does not say.
    """
    if not stream.isatty():
        return None
    try:
        # 0 is what a terminal says that nobody gave a size
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
