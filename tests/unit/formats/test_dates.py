"""Dates and times in data."""

import pytest

from mltrack.formats.dates import milliseconds

DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1970-01-02", DAY),
        ("1970-01-02T01:00", DAY + 3_600_000),
        ("1970-01-02 01:00:00.5", DAY + 3_600_500),
        ("1970-01-02T01:00:00Z", DAY + 3_600_000),
        ("1970-01-02 01:00:00 +01:00", DAY),
        (" 1970-01-02 ", DAY),
    ],
)
def test_dates_are_milliseconds(text: str, found: float) -> None:
    assert milliseconds(text) == found


@pytest.mark.parametrize(
    "value", ["19700102", "1970-13-01", "1970-01", "epoch 1", "", 1970, None, True]
)
def test_what_is_no_date_is_none(value: object) -> None:
    assert milliseconds(value) is None
