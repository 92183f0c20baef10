"""Metrics and params of several files and revisions: one row for each, one column for
each value.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mltrack.cli.invocation import say, tell
from mltrack.cli.render import emit_json, table, value_text
from mltrack.cli.screen import columns_of
from mltrack.cli.style import paint
from mltrack.errors import UsageError
from mltrack.pipeline.columns import width
from mltrack.verbs.results import Values

_BETWEEN = 2
"""Columns between two columns of a table."""


class Look(NamedTuple):
    """How a person wants to see values. ``sort`` is the name of a value, best first
    where it has a direction; with a dash in front the other way round. ``precision``
    counts digits.
    """

    sort: str = ""
    precision: int = 6
    long: bool = False
    markdown: bool = False


class Row(NamedTuple):
    """The values of one file at one revision, '' for the workspace."""

    revision: str
    file: str
    values: Mapping[str, Any]


Directions = Mapping[tuple[str, str], str]
"""By file and name, which of two values is better: ``max`` or ``min``."""


def show_values(
    kind: str,
    found: Mapping[str, Values],
    look: Look,
    directions: Directions,
    *,
    as_json: bool,
) -> None:
    """Prints values by revision."""
    if as_json:
        _emit(kind, found)
        return
    rows = [
        Row(revision, file, values)
        for revision, files in found.items()
        for file, values in files.items()
    ]
    if not rows:
        say(f"There are no {kind}.")
    elif look.long:
        _show_long(rows, look)
    else:
        _show_wide(_sorted(rows, look, directions), look, directions)


def _emit(kind: str, found: Mapping[str, Values]) -> None:
    if len(found) == 1:
        emit_json({kind: next(iter(found.values()))})
        return
    each = [
        {"revision": revision or "workspace", kind: files}
        for revision, files in found.items()
    ]
    emit_json({"revisions": each})


def _show_long(rows: Sequence[Row], look: Look) -> None:
    has_revisions = len({row.revision for row in rows}) > 1
    headings = [*(["revision"] if has_revisions else []), "file", "name", "value"]
    lines = [
        [
            *([_shown(row.revision)] if has_revisions else []),
            row.file,
            name,
            value_text(value, look.precision),
        ]
        for row in rows
        for name, value in row.values.items()
    ]
    table(headings, lines, markdown=look.markdown)


def _show_wide(rows: Sequence[Row], look: Look, directions: Directions) -> None:
    has_revisions = len({row.revision for row in rows}) > 1
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    best = _best(rows, names, directions)
    lines = []
    for at, row in enumerate(rows):
        cells = [_shown(row.revision)] if has_revisions else []
        cells.append(row.file)
        for name in names:
            text = ""
            if name in row.values:
                text = value_text(row.values[name], look.precision)
            marked = name in {column for _, column in best}
            cells.append(_cell(text, look, is_best=(at, name) in best, marked=marked))
        lines.append(cells)
    fixed = ["revision", "file"] if has_revisions else ["file"]
    headings = [*fixed, *names]
    shown = len(headings) if look.markdown else fitting(headings, lines, len(fixed))
    table(headings[:shown], [line[:shown] for line in lines], markdown=look.markdown)
    if best and not look.markdown:
        tell("* the best of its column")
    if shown < len(headings):
        rest = ", ".join(headings[shown:])
        tell(f"not shown, for the width: {rest}; --long shows all")


def _cell(text: str, look: Look, *, is_best: bool, marked: bool) -> str:
    """A value, with a mark if it is the best of its column; in a ``marked`` column the
    others leave room for one, so that digits stand below digits.
    """
    if look.markdown:
        return f"**{text}**" if is_best else text
    if is_best:
        return paint(f"{text}*", "green")
    return f"{text} " if marked else text


def fitting(headings: Sequence[str], lines: Sequence[Sequence[str]], least: int) -> int:
    """How many columns fit the terminal; all of them where there is none."""
    room = columns_of(sys.stdout)
    if room is None:
        return len(headings)
    taken = 0
    for at, heading in enumerate(headings):
        taken += max(width(heading), *(width(line[at]) for line in lines)) + _BETWEEN
        if taken - _BETWEEN > room and at > least:
            return at
    return len(headings)


def _sorted(rows: list[Row], look: Look, directions: Directions) -> list[Row]:
    if not look.sort:
        return rows
    name = look.sort.removeprefix("-")
    if not any(name in row.values for row in rows):
        known = sorted({name for row in rows for name in row.values})
        raise UsageError(
            f"no file has a value {name!r}", hint=f"known: {', '.join(known)}"
        )
    is_down = any(directions.get((row.file, name)) == "max" for row in rows)
    if look.sort.startswith("-"):
        is_down = not is_down
    having = [row for row in rows if _is_number(row.values.get(name))]
    # what has no number there comes last, whichever way the others go
    rest = [row for row in rows if not _is_number(row.values.get(name))]
    return sorted(having, key=lambda row: row.values[name], reverse=is_down) + rest


def _best(
    rows: Sequence[Row], names: Sequence[str], directions: Directions
) -> set[tuple[int, str]]:
    """The cells with the best value of their column, where one is better."""
    best: set[tuple[int, str]] = set()
    for name in names:
        asked = {directions.get((row.file, name), "") for row in rows} - {""}
        numbers = {
            at: row.values[name]
            for at, row in enumerate(rows)
            if _is_number(row.values.get(name))
        }
        # files that want the opposite of one another cannot be compared
        is_contest = len(set(numbers.values())) > 1
        if len(asked) == 1 and is_contest:
            choose = max if asked == {"max"} else min
            wanted = choose(numbers.values())
            best |= {(at, name) for at, number in numbers.items() if number == wanted}
    return best


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and value == value


def _shown(revision: str) -> str:
    return revision or "workspace"


def show_changes(
    kind: str, found: Mapping[str, Values], look: Look, *, as_json: bool
) -> None:
    """Prints values that are not the same at all of several revisions: a row for each
    value, a column for each revision.
    """
    names = dict.fromkeys(
        (file, name)
        for files in found.values()
        for file in sorted(files)
        for name in files[file]
    )
    rows = {
        key: [files.get(key[0], {}).get(key[1]) for files in found.values()]
        for key in names
    }
    differing = {
        key: values
        for key, values in rows.items()
        if any(repr(value) != repr(values[0]) for value in values)
    }
    if as_json:
        items = [
            {"file": file, "name": name, "values": values}
            for (file, name), values in differing.items()
        ]
        emit_json({"revisions": [_shown(one) for one in found], kind: items})
        return
    if not differing:
        say(f"No {kind} differ between {', '.join(map(_shown, found))}.")
        return
    lines = [
        [file, name, *(value_text(value, look.precision) for value in values)]
        for (file, name), values in differing.items()
    ]
    headings = ["file", "name", *map(_shown, found)]
    table(headings, lines, markdown=look.markdown)
