"""The data of one plot at several revisions: which columns are drawn, the rows, and
what a revision lacks.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import chain, count, repeat
from typing import Any, NamedTuple

from mltrack.engine.pipelines import nearest
from mltrack.engine.recorded import Recorded
from mltrack.errors import FormatError, MissingObjectError, MltrackError, PipelineError
from mltrack.formats import series_file
from mltrack.formats.dates import milliseconds
from mltrack.pipeline.vega import DATE, FIELD, NUMBER, REV, STEP, TEXT, Chart, Row
from mltrack.verbs.plot_definitions import Definition

ABSENT, UNREADABLE, EMPTY, TOO_LARGE = "absent", "unreadable", "empty", "too large"
"""Why a plot has nothing of a file at a revision."""


_LOGGED = "step"
_NUMBERS = {int, float, type(None)}


class Lack(NamedTuple):
    """What a plot lacks at one revision: a column of a file, or all of it."""

    revision: str
    file: str
    column: str | None
    reason: str


class Moment(NamedTuple):
    """A revision under the name that a person gave it, and what it records."""

    revision: str
    recorded: Recorded


class _Table(NamedTuple):
    moment: Moment
    file: str
    rows: list[Row]
    has: frozenset[str]


class Data:
    """One plot's data, while it is read. ``lacks`` says what is not there, ``problems``
    what could not be read.
    """

    def __init__(self, definition: Definition, moments: Iterable[Moment]) -> None:
        self.definition = definition
        self.moments = list(moments)
        # in the order in which they were met, each once
        self.lacks: dict[Lack, None] = {}
        self.problems: dict[str, MltrackError] = {}

    def chart(self) -> Chart | None:
        """Returns what is to be drawn, or None where no revision has any of it; raises
        PipelineError for a column that no revision has.
        """
        rows: list[Row] = []
        columns: dict[str, None] = {}
        for file, wanted in self.definition.ys:
            tables = list(self._tables(file))
            for column in self._columns(file, wanted, tables):
                columns[column] = None
                for table in tables:
                    rows += self._rows(table, column)
        if not rows:
            self._refuse_unknown()
        # revision by revision, as a person reads a diff
        order = {moment.revision: at for at, moment in enumerate(self.moments)}
        rows.sort(key=lambda row: order[row[REV]])
        return _chart(self.definition, rows, list(columns)) if rows else None

    def _refuse_unknown(self) -> None:
        """Raises PipelineError if nothing is drawn since no revision has a column."""
        for lack in self.lacks:
            if lack.column is not None and lack.reason == ABSENT:
                raise PipelineError(
                    f"plot {self.definition.name!r}: {lack.file} has no column "
                    f"{lack.column!r}",
                    hint="mltrack.yaml says which columns are drawn",
                )

    def _tables(self, file: str) -> Iterator[_Table]:
        for moment in self.moments:
            rows = self._load(moment, file)
            if rows == []:
                self.lacks[Lack(moment.revision, file, None, EMPTY)] = None
            elif rows is not None:
                has = frozenset(map(str, {*chain.from_iterable(rows)}))
                yield _Table(moment, file, rows, has)

    def _load(self, moment: Moment, file: str) -> list[Row] | None:
        data = self.read(moment, file)
        if data is None:
            return None
        try:
            return series_file.load(data, file, has_header=self.definition.has_header)
        except FormatError as error:
            self._note(moment, file, error)
            return None

    def read(self, moment: Moment, file: str) -> bytes | None:
        """Returns a file's bytes at a revision; None, noted, where they cannot be had."""
        try:
            data = moment.recorded.read_if_ever(file)
        except MissingObjectError as error:
            self._note(moment, file, error)
            return None
        if data is None:
            self.lacks[Lack(moment.revision, file, None, ABSENT)] = None
        return data

    def _note(self, moment: Moment, file: str, error: MltrackError) -> None:
        self.lacks[Lack(moment.revision, file, None, UNREADABLE)] = None
        self.problems[f"{file} {moment.revision}"] = error

    def _columns(
        self, file: str, wanted: tuple[str, ...], tables: list[_Table]
    ) -> tuple[str, ...]:
        if not tables:
            return ()
        x = self.definition.x
        needed = [*wanted, *([x] if x and not self._x_is_elsewhere(file) else [])]
        for column in needed:
            if not any(column in table.has for table in tables):
                there = _names(tables[-1])
                hint = nearest(column, there) or f"it has: {', '.join(there)}"
                raise PipelineError(
                    f"plot {self.definition.name!r}: {file} has no column {column!r}",
                    hint=hint,
                )
        return wanted or (_last_column(tables, x),)

    def _x_is_elsewhere(self, file: str) -> bool:
        return self.definition.x_file not in ("", file)

    def _rows(self, table: _Table, column: str) -> Iterator[Row]:
        definition, moment = self.definition, table.moment
        elsewhere = self._x_is_elsewhere(table.file)
        x = definition.x or _step_of(table)
        for needed in (column, *([x] if x and not elsewhere else [])):
            if needed not in table.has:
                self.lacks[Lack(moment.revision, table.file, needed, ABSENT)] = None
                return
        xs: list[Any] = []
        if elsewhere:
            others = self._load(moment, definition.x_file) or []
            if not any(x in row for row in others):
                if others:
                    lack = Lack(moment.revision, definition.x_file, x, ABSENT)
                    self.lacks[lack] = None
                return
            xs = [row.get(x) for row in others]
        label = column if len(definition.ys) == 1 else f"{table.file}: {column}"
        if all(row.get(column, "") == "" for row in table.rows):
            self.lacks[Lack(moment.revision, table.file, column, EMPTY)] = None
        values: Iterable[Any] = (
            chain(xs, repeat(None))
            if elsewhere
            else (row.get(x) for row in table.rows)
            if x
            else count()
        )
        for value, row in zip(values, table.rows, strict=False):
            y = row.get(column, "")
            # loggers leave cells empty that other rows fill: a line goes on over them
            if value != "" and y != "":
                yield {REV: moment.revision, FIELD: label, "x": value, "y": y}


def _step_of(table: _Table) -> str:
    """The column that says at which step a value was logged, '' where none does: a
    series, as loggers write it, is a step and a value.
    """
    return _LOGGED if table.rows and [*table.rows[0]][:-1] == [_LOGGED] else ""


def _names(table: _Table) -> list[str]:
    """The columns in their order; in JSON not all rows have all of them."""
    return [str(name) for name in dict.fromkeys(chain.from_iterable(table.rows))]


def _last_column(tables: list[_Table], x: str) -> str:
    """The last column that all revisions have, so that they are compared by one value;
    where they share none, the last one's last.
    """
    names = [name for name in reversed(_names(tables[-1])) if name != x]
    shared = [name for name in names if all(name in table.has for table in tables)]
    return next(iter((*shared, *names)), x)


def _chart(definition: Definition, rows: list[Row], columns: list[str]) -> Chart:
    several = len({row[FIELD] for row in rows}) > 1
    x = definition.x or STEP
    y = "value" if len(columns) > 1 else columns[0]
    drawn = [
        {
            REV: row[REV],
            # which column it is of only where there are several
            **({FIELD: row[FIELD]} if several else {}),
            x: _drawable(row["x"]),
            y: _drawable(row["y"]),
        }
        for row in rows
    ]
    return Chart(
        rows=drawn,
        x=x,
        y=y,
        title=definition.setting("title") or definition.name,
        x_label=definition.setting("x_label"),
        y_label=definition.setting("y_label"),
        several=several,
        x_kind=kind_of(row[x] for row in drawn),
        y_kind=kind_of(row[y] for row in drawn),
    )


def _drawable(value: Any) -> Any:
    """A value as it can be drawn: NaN and infinities have no place on an axis."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def kind_of(values: Iterable[Any]) -> str:
    """Returns what an axis of these values is: of numbers, of dates, or of texts."""
    kind = ""
    values = list(values)
    # a look at the types: a series may have a million values
    if {*map(type, values)} <= _NUMBERS:
        return NUMBER
    for value in values:
        if value is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            one = NUMBER
        else:
            one = TEXT if milliseconds(value) is None else DATE
        if one == TEXT or kind not in ("", one):
            return TEXT
        kind = one
    return kind or NUMBER
