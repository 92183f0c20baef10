"""Metrics and params of revisions as a table of HTML: a row for each revision, a column
for each value.
"""

import html
import json
from itertools import groupby
from typing import Any

from mltrack.verbs.plot_values import Column, Revision

_DIGITS = 6
_BEST = '<p class="manual">* the best of its column</p>'


def rendered(revisions: list[Revision], columns: list[Column]) -> str:
    """Returns the table with its heading, '' where there are no values."""
    if not columns:
        return ""
    files = "".join(
        f'<th scope="colgroup" colspan="{len(members)}" class="{kind}">'
        f"{html.escape(file)}</th>"
        for (kind, file), members in (
            (key, list(group))
            for key, group in groupby(columns, lambda one: (one.kind, one.file))
        )
    )
    names = "".join(
        f'<th scope="col"{_class(column)}>{html.escape(column.key)}</th>'
        for column in columns
    )
    rows = "".join(
        f'<tr><th scope="row">{html.escape(revision.name)}</th>'
        f"{''.join(_cell(column, at) for column in columns)}</tr>"
        for at, revision in enumerate(revisions)
    )
    return (
        '<section id="values"><h2>Metrics and params</h2>'
        f"{_choice(columns)}"
        '<div class="scroll" tabindex="0" role="region" aria-label="Metrics and params">'
        f'<table><thead><tr><th rowspan="2" scope="col">revision</th>{files}</tr>'
        f"<tr>{names}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{_BEST if any(column.best for column in columns) else ''}</section>"
    )


def _choice(columns: list[Column]) -> str:
    differing = sum(column.differs for column in columns)
    if differing in (0, len(columns)):
        return ""
    return (
        '<label class="choice"><input type="checkbox" id="differing"> '
        f"only the {differing} of {len(columns)} that differ</label>"
    )


def _class(column: Column) -> str:
    return ' class="differs"' if column.differs else ""


def _cell(column: Column, at: int) -> str:
    value = column.values[at]
    exact = html.escape(_text(value, digits=17))
    mark = "*" if at in column.best else ""
    shown = html.escape(_text(value)) + mark
    return f'<td{_class(column)} title="{exact}">{shown}</td>'


def _text(value: Any, digits: int = _DIGITS) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)
