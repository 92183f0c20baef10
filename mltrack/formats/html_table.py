"""A table as HTML, for where a notebook shows a result."""

import html
from collections.abc import Sequence
from typing import Any

MOST_ROWS = 50
"""More are counted: a page of a notebook keeps what is shown."""


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Returns a table; every text in it is shown as it is, never taken for HTML."""
    head = "".join(f"<th>{html.escape(one)}</th>" for one in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:MOST_ROWS])
    rest = len(rows) - MOST_ROWS
    more = f"<p>and {rest:,} more</p>" if rest > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:,}" if type(value) is int else str(value)
    # a name may have bytes that are not UTF-8, which no page can hold
    shown = text.encode("utf-8", "backslashreplace").decode()
    return f"<td>{html.escape(shown)}</td>"
