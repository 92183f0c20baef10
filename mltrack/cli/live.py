"""The live view of a run on a terminal: under the lines that pass, one per stage that
is at work now.
"""

import time
from dataclasses import dataclass
from typing import Any

from mltrack.cli.invocation import current, printable
from mltrack.cli.render import age_text
from mltrack.cli.run_lines import RunLines
from mltrack.engine.events import (
    Event,
    StageDetached,
    StageFailed,
    StageFinished,
    StageFound,
    StageOutput,
    StagePlaced,
    StageRetried,
    StageStarted,
    Tick,
)

# seconds between two drawings: what they show is in seconds
_REFRESH_SECONDS = 0.25
# seconds: a quicker run shows nothing, and loads no rich
_DELAY_SECONDS = 1.0
# rows: what has passed above them is to stay in sight
_MOST_ROWS = 16


@dataclass(slots=True)
class _Row:
    runner: str
    started: float
    place: str = ""
    gpus: str = ""
    state: str = ""
    line: str = ""


class LiveLines(RunLines):
    """Shows a run as :class:`RunLines` does, and below it stage, runner, GPU, elapsed
    time and last line of what runs now. What commands print is shown in their last
    lines only, unless the person asked for more; `mltrack logs` has all of it.
    """

    def __init__(self) -> None:
        super().__init__(side_by_side=True)
        self._rows: dict[str, _Row] = {}
        self._live: Any = None
        self._next = time.monotonic() + _DELAY_SECONDS

    def __enter__(self) -> "LiveLines":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._rows.clear()
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        match event:
            case StageFound(stage, _, runner, _) | StageStarted(stage, _, _, _, runner):
                self._rows[stage] = _Row(runner, time.monotonic())
            case StagePlaced(stage, runner, place, gpus, state, problem) if (
                stage in self._rows
            ):
                row = self._rows[stage]
                if state == "running" and row.state != state:
                    # time in line is no time at work
                    row.started = time.monotonic()
                row.place = place if place != runner else ""
                row.gpus, row.state = (
                    ",".join(gpus),
                    "connection lost" if problem else state,
                )
            case StageOutput(stage, data):
                self._note_line(stage, data)
                if current.verbosity > 0:
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

    def refresh(self) -> None:
        """Draws the view anew, if it is time."""
        if current.verbosity < 0 or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _REFRESH_SECONDS
        if self._live is None:
            from rich.console import Console  # noqa: PLC0415 - a command that is quick never loads it
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
        self._live.update(self._table(), refresh=True)

    def _note_line(self, stage: str, data: bytes) -> None:
        row = self._rows.get(stage)
        # progress bars end their lines with a return
        lines = [
            line for line in data.replace(b"\r", b"\n").split(b"\n") if line.strip()
        ]
        if row is not None and lines:
            # characters: wider than a terminal; the line may have a megabyte
            row.line = lines[-1][-400:].decode("utf-8", "replace")

    def _table(self) -> Any:
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
        now = time.monotonic()
        for stage, row in list(self._rows.items())[:_MOST_ROWS]:
            where = f"{row.runner} ({row.place})" if row.place else row.runner
            cells = (
                stage,
                where,
                row.gpus,
                row.state,
                age_text(now - row.started),
                row.line,
            )
            table.add_row(*(Text(printable(cell)) for cell in cells))
        if len(self._rows) > _MOST_ROWS:
            table.add_row(Text(f"and {len(self._rows) - _MOST_ROWS} more", style="dim"))
        return table
