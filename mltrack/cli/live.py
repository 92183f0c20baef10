"""The live view of a run on a terminal: under the lines that pass, how far it is, and
one line per stage that is at work now.
"""

import sys
import time
from dataclasses import dataclass, field
from typing import Any

from mltrack.cli.invocation import current, printable
from mltrack.cli.progress import clock
from mltrack.cli.run_lines import RunLines
from mltrack.engine.events import (
    Event,
    StageDetached,
    StageFailed,
    StageFinished,
    StageFound,
    StageOutput,
    StagePlaced,
    StageRestored,
    StageRetried,
    StageSkipped,
    StageStarted,
    Tick,
)
from mltrack.verbs.expectation import Expectation

# seconds between two drawings: what they show is in seconds
_REFRESH_SECONDS = 0.25
# a run that is over sooner has nothing to follow
_DELAY_SECONDS = 1.0
# rows: what has passed above them is to stay in sight
_MOST_ROWS = 16
_MOST_WAITING = 4
# of one line of output: more than any terminal is wide
_MAX_LINE = 400


@dataclass(slots=True)
class _Row:
    runner: str
    started: float
    place: str = ""
    gpus: str = ""
    state: str = ""
    line: str = ""


@dataclass(slots=True)
class _Counts:
    """The stages that are dealt with, by what became of them."""

    done: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    @property
    def over(self) -> set[str]:
        return self.done | self.failed


class LiveLines(RunLines):
    """Shows a run as :class:`RunLines` does, and below it how many stages are done, and
    for each that runs now runner, GPU, elapsed and expected time and its last line.
    With ``side_by_side`` what commands print is shown in their last lines only, unless
    the person asked for more; `mltrack logs` has all of it.
    """

    def __init__(self, expected: Expectation, *, side_by_side: bool) -> None:
        super().__init__(side_by_side=side_by_side)
        self._by_line = True
        self._expected = expected
        self._rows: dict[str, _Row] = {}
        self._counts = _Counts()
        self._live: Any = None
        self._began = time.monotonic()
        self._next = self._began + _DELAY_SECONDS

    def __enter__(self) -> "LiveLines":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        super().__exit__(kind, error, trace)
        self._rows.clear()
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        self._count(event)
        match event:
            case StageFound(stage, _, runner, _) | StageStarted(stage, _, _, _, runner):
                self._rows[stage] = _Row(runner, time.monotonic())
            case StagePlaced():
                self._place(event)
            case StageOutput(stage, data):
                self._note_line(stage, data)
                if current.verbosity > 0 or not self._side_by_side:
                    super().show(event)
            case (
                StageFinished(stage)
                | StageFailed(stage)
                | StageRetried(stage)
                | StageDetached(stage)
            ):
                self._rows.pop(stage, None)
        # where a stage is stands in its row; a lost connection is a line of its own
        if not isinstance(event, StageOutput | Tick) and (
            not isinstance(event, StagePlaced) or event.problem
        ):
            super().show(event)
        self.refresh()

    def _write(self, data: bytes) -> None:
        if self._live is None or not data:
            super()._write(data)
        else:
            # the view stands below: what is written goes above it
            sys.stderr.write(data.decode("utf-8", "backslashreplace"))

    def _count(self, event: Event) -> None:
        match event:
            case (
                StageFinished(stage)
                | StageRestored(stage)
                | StageSkipped(stage)
                | StageDetached(stage)
            ):
                self._counts.done.add(stage)
            case StageFailed(stage):
                self._counts.failed.add(stage)

    def _place(self, event: StagePlaced) -> None:
        row = self._rows.get(event.stage)
        if row is None:
            return
        if event.state == "running" and row.state != event.state:
            # what it waited in line for is not its own time
            row.started = time.monotonic()
        row.place = event.place if event.place != event.runner else ""
        row.gpus = ",".join(event.gpus)
        row.state = "connection lost" if event.problem else event.state

    def refresh(self) -> None:
        """Draws the view anew, if it is time."""
        if not current.shows_progress or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _REFRESH_SECONDS
        if self._live is None:
            # a command that is quick never loads it
            from rich.console import Console  # noqa: PLC0415
            from rich.live import Live  # noqa: PLC0415

            self._live = Live(
                console=Console(stderr=True),
                transient=True,
                # drawn by this thread alone: rows must not change while they are read
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=True,
            )
            self._live.start()
        self._live.update(self._view(), refresh=True)

    def _note_line(self, stage: str, data: bytes) -> None:
        row = self._rows.get(stage)
        # progress bars end their lines with a return
        lines = [
            line for line in data.replace(b"\r", b"\n").split(b"\n") if line.strip()
        ]
        if row is not None and lines:
            row.line = lines[-1][-_MAX_LINE:].decode("utf-8", "replace")

    def _view(self) -> Any:
        from rich.console import Group  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        now = time.monotonic()
        parts: list[Any] = [Text(self._summary(now), no_wrap=True, overflow="ellipsis")]
        if self._rows:
            parts.append(self._table(now))
        waiting = printable(self._waiting())
        if waiting:
            parts.append(Text(waiting, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*parts)

    def _summary(self, now: float) -> str:
        """How far the run is, in a line."""
        parts = [f"{len(self._counts.done)}/{self._expected.total} done"]
        if self._rows:
            parts.append(f"{len(self._rows)} at work")
        if self._counts.failed:
            parts.append(f"{len(self._counts.failed)} failed")
        parts.append(clock(now - self._began))
        left = self._left(now)
        if left is not None:
            parts.append(f"about {clock(left)} left")
        return "  ".join(parts)

    def _left(self, now: float) -> float | None:
        """How long what is left took the last time, shared among as many as run now;
        None where that is not known of all.
        """
        left = self._expected.needs.keys() - self._counts.over
        seconds = self._expected.seconds
        if not left or not left <= seconds.keys():
            return None
        total = 0.0
        for stage in left:
            row = self._rows.get(stage)
            ran = now - row.started if row is not None else 0.0
            total += max(0.0, seconds[stage] - ran)
        return total / max(1, len(self._rows))

    def _waiting(self) -> str:
        """What waits, and for what of it that is not done."""
        over, running = self._counts.over, self._rows.keys()
        found = []
        for stage, needs in self._expected.needs.items():
            open_ = [one for one in needs if one not in over]
            if stage not in over and stage not in running and open_:
                rest = f" and {len(open_) - 2} more" if len(open_) > 2 else ""
                found.append(f"{stage} (for {', '.join(open_[:2])}{rest})")
        if not found:
            return ""
        more = len(found) - _MOST_WAITING
        return f"waiting: {', '.join(found[:_MOST_WAITING])}" + (
            f" and {more} more" if more > 0 else ""
        )

    def _table(self, now: float) -> Any:
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(
            box=None,
            padding=(0, 2, 0, 0),
            show_header=True,
            header_style="dim",
            expand=True,
        )
        for name in ("stage", "runner", "gpu", "state", "elapsed"):
            table.add_column(name, no_wrap=True)
        table.add_column("last line", no_wrap=True, overflow="ellipsis", ratio=1)
        for stage, row in list(self._rows.items())[:_MOST_ROWS]:
            where = f"{row.runner} ({row.place})" if row.place else row.runner
            usual = self._expected.seconds.get(stage)
            elapsed = clock(now - row.started)
            cells = (
                stage,
                where,
                row.gpus,
                row.state,
                f"{elapsed} of {clock(usual)}" if usual else elapsed,
                row.line,
            )
            table.add_row(*(Text(printable(cell)) for cell in cells))
        if len(self._rows) > _MOST_ROWS:
            table.add_row(Text(f"and {len(self._rows) - _MOST_ROWS} more", style="dim"))
        return table
