"""The last values that a job logged, while it is followed: on a terminal in the passing
line, elsewhere in a line now and then.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any

from mltrack.cli.invocation import current, printable, tell
from mltrack.cli.render import value_text
from mltrack.cli.screen import screen

# seconds between two lines in a log file
_PAUSE = 10.0
# values in a line; a metric more would hide the others
_SHOWN = 12


class LastValues:
    """Shows them where they changed."""

    def __init__(self) -> None:
        self._shown: Mapping[str, Any] = {}
        self._due = 0.0

    def show(self, values: Mapping[str, Any]) -> None:
        """Shows values, if they are news and it is time for them."""
        if current.verbosity < 0 or not values:
            return
        if sys.stderr.isatty():
            screen.draw(printable(values_text(values)))
        elif values != self._shown and time.monotonic() >= self._due:
            self._tell(values)

    def end(self, values: Mapping[str, Any]) -> None:
        """Shows the last ones for good."""
        screen.clear()
        if values and values != self._shown:
            self._tell(values)

    def _tell(self, values: Mapping[str, Any]) -> None:
        self._shown, self._due = dict(values), time.monotonic() + _PAUSE
        tell(values_text(values))


def values_text(values: Mapping[str, Any]) -> str:
    """Returns values as a line: ``loss 0.31  val/loss 0.42``."""
    shown = [
        f"{name} {value_text(value)}" for name, value in [*values.items()][:_SHOWN]
    ]
    more = len(values) - _SHOWN
    return "  ".join([*shown, *([f"and {more} more"] if more > 0 else [])])
