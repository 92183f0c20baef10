"""Laws of sweeps: combinations against itertools, draws against what a seed promises."""

import json
from itertools import product
from math import prod
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from mltrack.errors import UsageError
from mltrack.experiments import distribution, sweep
from mltrack.experiments.distribution import Distribution
from mltrack.experiments.sweep import Axis, parse_axis

LIMIT = 1_000
# YAML has no surrogates, and no control characters as they are
TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=4)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2)
    ),
    max_leaves=4,
)
SEEDS = st.integers(0, 2**64)


def written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


@st.composite
def finite_axes(draw: st.DrawFn) -> list[Axis]:
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    return [
        draw(
            st.sampled_from(
                [
                    parse_axis(f"p{at}=range({size})"),
                    parse_axis(f"p{at}=choice(range({size}))"),
                    parse_axis(f"p{at}=randint(0,{size})"),
                ]
            )
        )
        for at, size in enumerate(sizes)
    ]


CONTINUOUS = st.lists(
    st.sampled_from(
        [parse_axis("u=uniform(-1,1)"), parse_axis("l=loguniform(1e-9,1)")]
    ),
    unique=True,
    max_size=2,
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_values_that_are_written_as_json_are_read_back_each_once(
    values: list[Any],
) -> None:
    axis = parse_axis("x=" + ",".join(map(written, values)))
    assert [*map(written, axis.values)] == [*dict.fromkeys(map(written, values))]


@given(st.text(max_size=40))
def test_any_text_is_an_axis_or_a_usage_error(text: str) -> None:
    try:
        axis = parse_axis(f"x={text}")
    except UsageError:
        return
    assert axis.name == "x" and (axis.values or axis.distribution)


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-5, 5))
def test_a_range_is_that_of_python(start: int, stop: int, step: int) -> None:
    assume(step != 0)
    numbers = range(start, stop, step)
    try:
        values = parse_axis(f"x=range({start},{stop},{step})").values
    except UsageError:
        values = ()
    assert values == tuple(numbers)
    try:
        tenths = parse_axis(f"x=range({start / 10},{stop / 10},{step / 10})").values
    except UsageError:
        tenths = ()
    assert tenths == tuple(one / 10 for one in numbers)


@given(
    st.lists(st.lists(st.integers(), min_size=1, max_size=4, unique=True), max_size=4)
)
def test_a_cross_is_the_product_in_the_order_written(lists: list[list[int]]) -> None:
    axes = [Axis(f"p{at}", tuple(values), None) for at, values in enumerate(lists)]
    found = sweep.cross(axes, LIMIT)
    assert [tuple(one.values()) for one in found] == [*product(*lists)]
    assert all([*one] == [axis.name for axis in axes] for one in found)


@given(finite_axes(), st.integers(0, 300))
def test_a_cross_is_made_up_to_its_limit_alone(axes: list[Axis], limit: int) -> None:
    axes = [axis for axis in axes if axis.distribution is None]
    count = prod(axis.size for axis in axes)
    try:
        assert len(sweep.cross(axes, limit)) == count <= limit
    except UsageError as error:
        assert count > limit and f"{count:,} combinations" in error.message


@given(finite_axes(), CONTINUOUS, SEEDS, st.integers(1, 50), st.integers(1, 50))
def test_more_draws_of_a_seed_begin_with_the_same_ones(
    finite: list[Axis], continuous: list[Axis], seed: int, few: int, many: int
) -> None:
    axes = finite + continuous
    few, many = sorted((few, many))
    assert (
        sweep.draw(axes, few, seed, LIMIT) == sweep.draw(axes, many, seed, LIMIT)[:few]
    )


@given(finite_axes(), CONTINUOUS, SEEDS, st.integers(1, 300))
def test_no_combination_repeats_before_all_were_drawn(
    finite: list[Axis], continuous: list[Axis], seed: int, count: int
) -> None:
    total = prod(axis.size for axis in finite)
    found = sweep.draw(finite + continuous, count, seed, LIMIT)
    assert len(found) == count
    drawn = [tuple(row[axis.name] for axis in finite) for row in found]
    every = {*product(*(map(axis.at, range(axis.size)) for axis in finite))}
    for begin in range(0, count, total):
        turn = drawn[begin : begin + total]
        assert len({*turn}) == len(turn) and {*turn} <= every


@given(
    st.sampled_from(["uniform", "loguniform"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    SEEDS,
)
def test_what_is_drawn_lies_within_the_bounds(
    kind: str, low: float, high: float, seed: int
) -> None:
    try:
        axis = parse_axis(f"x={kind}({low!r},{high!r})")
    except UsageError:
        assert (
            low >= high
            or (kind == "loguniform" and low <= 0)
            or high - low == float("inf")
        )
        return
    for row in sweep.draw([axis], 5, seed, LIMIT):
        assert type(row["x"]) is float and low <= row["x"] <= high


@given(st.integers(-(2**80), 2**80), st.integers(1, 2**200), SEEDS)
def test_draws_from_an_astronomic_range_are_whole_numbers_in_it(
    low: int, size: int, seed: int
) -> None:
    axis = parse_axis(f"x=randint({low},{low + size})")
    found = [row["x"] for row in sweep.draw([axis], min(size, 20), seed, LIMIT)]
    assert all(low <= one < low + size for one in found)
    assert len({*found}) == len(found)


class _Extreme:
    """A generator that gives one value for ever."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


@given(st.integers(1, 2**300))
def test_below_reaches_both_ends_and_nothing_beyond(bound: int) -> None:
    assert distribution.below(_Extreme(0.0), bound) == 0
    assert distribution.below(_Extreme(1 - 2**-53), bound) == bound - 1


@given(st.integers(1, 1_000), st.integers(1, 1_000))
def test_no_rounding_leads_beyond_a_bound(low: int, size: int) -> None:
    for kind in ("uniform", "loguniform"):
        for divisor in (1, 10, 7):
            bounds = low / divisor, (low + size) / divisor
            for extreme in (0.0, 1 - 2**-53):
                found = Distribution(kind, bounds).draw(_Extreme(extreme))
                assert bounds[0] <= found <= bounds[1]
