"""Experiments as rows of values by name, for tables, conditions and rankings."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mltrack.engine.pipelines import nearest
from mltrack.errors import UsageError
from mltrack.experiments import ranking, where
from mltrack.experiments.record import Experiment, State, Values

Row = Mapping[str, Any]
PARAMS, METRICS = "params", "metrics"


class Sheet(NamedTuple):
    """Rows of experiments. ``params`` and ``metrics`` are the names of their columns,
    each in its shortest form; ``rows`` hold them under those names, behind ``params.``
    and ``metrics.``, and the fields of the record under their own.
    """

    experiments: tuple[Experiment, ...]
    rows: tuple[Row, ...]
    params: tuple[str, ...]
    metrics: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        """All names that some row has."""
        return {name for row in self.rows for name in row}

    def chosen(self, places: Sequence[int]) -> "Sheet":
        """Returns some of the rows, in this order."""
        return self._replace(
            experiments=tuple(self.experiments[at] for at in places),
            rows=tuple(self.rows[at] for at in places),
        )

    def check_name(self, name: str) -> None:
        """Raises UsageError, with the nearest name, for one that no row has."""
        if self.rows and name not in self.names:
            raise UsageError(
                f"no experiment has a value {name!r}",
                hint=nearest(name, sorted(self.names))
                or f"known: {', '.join(sorted(self.names))}",
            )

    def where(self, condition: str) -> "Sheet":
        """Returns the rows that a condition holds for."""
        parsed = where.parse(condition)
        for name in parsed.names:
            self.check_name(name)
        return self.chosen(
            [at for at, row in enumerate(self.rows) if parsed.holds(row)]
        )

    def ordered(self, by: str, *, descending: bool) -> "Sheet":
        """Returns the rows by a value; those that lack it come last."""
        self.check_name(by)
        return self.chosen(ranking.ordered(self.rows, by, descending=descending))

    def differing(self, kind: str) -> list[str]:
        """Returns the columns of a kind whose values are not the same in all rows."""
        columns = self.params if kind == PARAMS else self.metrics
        names = [f"{kind}.{column}" for column in columns]
        found = set(ranking.differing(self.rows, names))
        return [
            column for column, name in zip(columns, names, strict=True) if name in found
        ]


def sheet(experiments: Sequence[Experiment]) -> Sheet:
    """Returns experiments as rows."""
    params, metrics = (
        _columns([getattr(one, kind) for one in experiments])
        for kind in (PARAMS, METRICS)
    )
    rows = [_row(one, params, metrics) for one in experiments]
    _add_bare_names(rows)
    return Sheet(
        tuple(experiments),
        tuple(rows),
        tuple(dict.fromkeys(params.values())),
        tuple(dict.fromkeys(metrics.values())),
    )


def _add_bare_names(rows: Sequence[dict[str, Any]]) -> None:
    """Lets values be named as columns of tables are, where that can mean one only."""
    meant: dict[str, set[str]] = {}
    for row in rows:
        for name in row:
            kind, dot, bare = name.partition(".")
            if dot and kind in (PARAMS, METRICS):
                meant.setdefault(bare, set()).add(name)
    for bare, names in meant.items():
        if len(names) == 1:
            (name,) = names
            for row in rows:
                # a field of the record comes first
                if name in row:
                    row.setdefault(bare, row[name])


def _columns(each: Sequence[Values]) -> dict[str, str]:
    """The short name of every value, by ``file:key``."""
    names = dict.fromkeys(
        f"{path}:{key}"
        for values in each
        for path, keys in values.items()
        for key in keys
    )
    return ranking.short_names(names)


def _row(
    one: Experiment, params: dict[str, str], metrics: dict[str, str]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": one.name,
        "state": one.state.value,
        "note": one.note,
        "tags": list(one.tags),
        "stage": one.stage,
        "base": one.base[:10],
        "source": one.source,
        "seconds": _elapsed(one),
        "created": one.created,
        "runner": ",".join(
            sorted({done.runner for done in one.stages.values() if done.runner})
        ),
    }
    for kind, values, columns in (
        (PARAMS, one.params or one.given, params),
        (METRICS, one.metrics, metrics),
    ):
        for path, keys in values.items():
            for key, value in keys.items():
                short = columns.get(f"{path}:{key}", f"{path}:{key}")
                row[f"{kind}.{short}"] = value
                # as it stands in its file, whatever else has such a name
                row.setdefault(f"{kind}.{key}", value)
    return row


def _elapsed(one: Experiment) -> float:
    """How long an experiment took, or has taken so far."""
    if one.state is State.RUNNING and one.started:
        return max(0.0, time.time() - one.started)
    return one.seconds


class Change(NamedTuple):
    """One value that differs between two experiments; None where it is not there."""

    file: str
    key: str
    old: Any
    new: Any


def changes(old: Values, new: Values) -> list[Change]:
    """Returns the values that differ, by file and key."""
    found = []
    for path in sorted({*old, *new}):
        before, after = old.get(path, {}), new.get(path, {})
        for key in sorted({*before, *after}):
            a, b = before.get(key), after.get(key)
            if repr(a) != repr(b):
                found.append(Change(path, key, a, b))
    return found
