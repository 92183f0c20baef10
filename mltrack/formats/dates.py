"""Dates and times as files of data write them: ISO 8601."""

import re
from datetime import UTC, datetime

# fromisoformat takes more than people mean by a date: "20260102" is a number
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|[+-]\d\d:?\d\d))?)?"
)


def milliseconds(value: object) -> float | None:
    """Returns a date, or date and time, as milliseconds since 1970 in UTC; None for
    what is none. A time without an offset counts as UTC, so that it is shown as it is
    written.
    """
    if not isinstance(value, str) or _ISO.fullmatch(value.strip()) is None:
        return None
    try:
        found = datetime.fromisoformat(value.strip().replace(" +", "+"))
    except ValueError:  # such as a thirteenth month
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.timestamp() * 1000
