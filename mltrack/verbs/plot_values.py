"""What stands above the plots of a page: which revisions they are of, and their params
and metrics.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from mltrack.git import history
from mltrack.pipeline.differences import same_value
from mltrack.verbs import results
from mltrack.verbs.session import Session

PARAM, METRIC = "param", "metric"
_CONTEST = 2
"""Values that are not all equal."""


class Revision(NamedTuple):
    """A revision under the name that a person gave it, with its commit; of the
    workspace the commit is the one that it is based on, if there is any.
    """

    name: str
    is_workspace: bool
    commit: history.Described | None


class Column(NamedTuple):
    """One value at each revision, None where it has none. ``best`` are the positions of
    the best one, of a metric with a declared direction.
    """

    kind: str
    file: str
    key: str
    values: tuple[Any, ...]
    differs: bool
    best: frozenset[int] = frozenset()


def revisions(session: Session, names: list[str]) -> list[Revision]:
    """Returns what git says of revisions; '' is the workspace."""
    found = []
    for name in names:
        commit = session.commit(name)
        described = history.described(commit, session.git_path) if commit else None
        found.append(Revision(name or "workspace", not name, described))
    return found


def columns(
    session: Session, names: list[str], problems: results.Problems
) -> list[Column]:
    """Returns all metrics and params of revisions, as `metrics show` and `params show`
    do; files that cannot be read are put into ``problems``.
    """
    params = [results.params(session, one, None, problems) for one in names]
    metrics = [results.metrics(session, one, None, problems) for one in names]
    # 1 and 1.0 are one measurement, though as params they differ
    better: dict[tuple[str, str], str] = {}
    for name, values in zip(names, metrics, strict=True):
        better.update(results.directions(session, name, values))
    return [
        *(
            column._replace(best=_best(column, better.get((column.file, column.key))))
            for column in _columns(METRIC, metrics, results.same_measure)
        ),
        *_columns(PARAM, params, same_value),
    ]


def _columns(
    kind: str, found: list[results.Values], is_same: Callable[[Any, Any], bool]
) -> list[Column]:
    keys = dict.fromkeys(
        (file, key)
        for file in sorted({file for values in found for file in values})
        for values in found
        for key in values.get(file, ())
    )
    made = []
    for file, key in keys:
        values = tuple(one.get(file, {}).get(key) for one in found)
        differs = any(not is_same(value, values[0]) for value in values)
        made.append(Column(kind, file, key, values, differs))
    # of each file what differs comes first: a wide table ends beyond the window
    return sorted(made, key=lambda one: (one.file, not one.differs))


def _best(column: Column, direction: str | None) -> frozenset[int]:
    numbers = {
        at: value
        for at, value in enumerate(column.values)
        if isinstance(value, int | float) and value == value
    }
    if direction is None or len(set(numbers.values())) < _CONTEST:
        return frozenset()
    wanted = (max if direction == "max" else min)(numbers.values())
    return frozenset(at for at, value in numbers.items() if value == wanted)
