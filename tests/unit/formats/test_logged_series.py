"""Long series are thinned to what a picture shows of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mltrack.formats import logged_series, series_file
from mltrack.formats.logged_series import MOST_POINTS, thinned


def text(values: list[float], name: str = "loss") -> bytes:
    rows = "".join(f"{step},{value!r}\n" for step, value in enumerate(values))
    return f"step,{name}\n{rows}".encode()


def test_a_short_series_keeps_all_its_points() -> None:
    data = text([0.5] * MOST_POINTS)
    assert thinned(data) is None
    assert len(series_file.load(data, "loss.csv")) == MOST_POINTS


def test_what_stands_out_of_a_long_one_is_kept() -> None:
    values = [math.sin(step / 1000) for step in range(300_000)]
    values[123_456], values[200_001], values[77] = 9.0, -9.0, math.nan
    rows = series_file.load(text(values), "live/plots/loss.csv")
    assert len(rows) <= MOST_POINTS + 10
    by_step = {row["step"]: row["loss"] for row in rows}
    assert by_step[123_456] == 9.0 and by_step[200_001] == -9.0
    assert by_step[0] == 0.0 and by_step[299_999] == values[-1]
    assert by_step[77] is None
    assert [*by_step] == sorted(by_step)


@given(
    some.lists(some.floats(), min_size=1, max_size=200),
    some.integers(min_value=1, max_value=9),
)
def test_first_last_least_and_greatest_stay(values: list[float], pieces: int) -> None:
    before = logged_series._PIECES
    logged_series._PIECES = pieces
    try:
        kept = [*logged_series._kept(values)]
    finally:
        logged_series._PIECES = before
    assert kept == sorted({*kept}) and {0, len(values) - 1} <= {*kept}
    numbers = [value for value in values if math.isfinite(value)]
    if numbers:
        assert {min(numbers), max(numbers)} <= {values[at] for at in kept}
    if len(numbers) < len(values):
        assert any(not math.isfinite(values[at]) for at in kept)


@pytest.mark.parametrize(
    "broken", [b"1,2,3\n", b"1\n", b"1,x\n", b'1,"2"\n', b"1,2\r\n", b"\xff,1\n"]
)
def test_what_is_no_series_is_read_as_a_table(broken: bytes) -> None:
    assert thinned(text([0.5] * (MOST_POINTS + 5)) + broken) is None


def test_other_tables_are_not_thinned() -> None:
    rows = b"".join(b"%d,1,2\n" % step for step in range(MOST_POINTS + 5))
    assert thinned(b"step,a,b\n" + rows) is None
    assert thinned(b"epoch,a\n" + b"1,2\n" * (MOST_POINTS + 5)) is None
