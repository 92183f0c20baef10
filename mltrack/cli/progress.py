"""A progress line on a terminal, for whatever takes longer than a second; nothing
anywhere else.
"""

import sys
import time
from typing import Any

from mltrack.cli.invocation import current
from mltrack.events import Progress

# seconds: a quicker command shows nothing, and loads no rich
_DELAY_SECONDS = 1.0
# seconds between two drawings, of counts that may change 100,000 times
_STEP_SECONDS = 0.1


class ProgressLine:
    """Shows the latest of a stream of counts. Use it as a context manager; the line is
    gone afterwards.
    """

    def __init__(self) -> None:
        # of stderr: results may go into a pipe while the person looks on
        self._shows = sys.stderr.isatty() and current.verbosity >= 0
        self._started = time.monotonic()
        self._next = self._started + _DELAY_SECONDS
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def event(self, progress: Progress) -> None:
        self.update(progress.what, progress.done, progress.total)

    def update(self, what: str, done: int, total: int = 0) -> None:
        if not self._shows or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _STEP_SECONDS
        if self._bar is None:
            # a command that is quick never loads it
            from rich import console, progress  # noqa: PLC0415

            columns = (
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
            )
            screen = console.Console(stderr=True)
            self._bar = progress.Progress(*columns, console=screen, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(what, total=None)
        # 0 is a total that nobody knows: to rich it would be reached already
        self._bar.update(
            self._task, description=what, completed=done, total=total or None
        )
