"""What ``-S`` means, word by word; tests/property has the laws of combining."""

from typing import Any

import pytest

from mltrack.errors import UsageError
from mltrack.experiments import sweep
from mltrack.experiments.distribution import Distribution
from mltrack.experiments.sweep import parse_axis


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lr=0.1", (0.1,)),
        ("lr=0.1,0.01", (0.1, 0.01)),
        ("lr=0.1, 0.01 ", (0.1, 0.01)),
        ("name= two words ", (" two words ",)),
        ("opt=[1,2]", ([1, 2],)),
        ("x=[1,2],[3]", ([1, 2], [3])),
        ("x={a: 'b, c', d: [1, 2]},2", ({"a": "b, c", "d": [1, 2]}, 2)),
        ("x='a,b',\"c,\\\",\",'it''s, so'", ("a,b", 'c,",', "it's, so")),
        ("x=don't,won't", ("don't", "won't")),
        ("x=f(1,2),g", ("f(1,2)", "g")),
        ("x=:(", (":(",)),
        ("x=", (None,)),
        ('x=null,true,""', (None, True, "")),
        ("x=1,1.0,true,1", (1, 1.0, True)),
        ("x=range(5)", (0, 1, 2, 3, 4)),
        ("x=range(2,12,2)", (2, 4, 6, 8, 10)),
        ("x=range(3, 0, -1)", (3, 2, 1)),
        ("x=range(0,0.5,0.1)", (0.0, 0.1, 0.2, 0.3, 0.4)),
        ("x=range(0, 2.0)", (0.0, 1.0)),
        ("x=range(3),10,a", (0, 1, 2, 10, "a")),
        ('x="range(5)"', ("range(5)",)),
        ("x=sqrt(2)", ("sqrt(2)",)),
    ],
)
def test_values_are_read(text: str, values: tuple[Any, ...]) -> None:
    axis = parse_axis(text)
    assert axis.values == values and axis.distribution is None
    assert [type(one) for one in axis.values] == [type(one) for one in values]


@pytest.mark.parametrize(
    ("text", "kind", "arguments"),
    [
        ("x=uniform(0,1)", "uniform", (0, 1)),
        ("x=loguniform(1e-5, 1e-1)", "loguniform", (1e-5, 0.1)),
        ("x=randint(-3,4)", "randint", (-3, 4)),
        ("x=choice(a, [1,2], a, 3)", "choice", ("a", [1, 2], 3)),
        ("x=choice(range(3), 9)", "choice", (0, 1, 2, 9)),
    ],
)
def test_distributions_are_read(
    text: str, kind: str, arguments: tuple[Any, ...]
) -> None:
    assert parse_axis(text) == ("x", (), Distribution(kind, arguments))


def test_the_name_keeps_its_file_and_may_hold_any_other_sign() -> None:
    assert parse_axis(" other.yaml:a.b[0]=1").name == "other.yaml:a.b[0]"
    assert parse_axis("a=b=c").values == ("b=c",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("lr", "'lr' sets nothing", "-S lr=0.1,0.01"),
        ("=1", "'=1' sets nothing", "-S"),
        ("other.yaml:=1", "sets nothing", "-S"),
        ("x=1,,2", "a value of the list is empty", "null"),
        ("x=1,", "a value of the list is empty", "null"),
        ("x=[1,2", "a bracket is not closed", "quotes"),
        ("x=:(,1", "a bracket is not closed", "quotes"),
        ("x=range()", "one to three numbers, got 0", "range(5)"),
        ("x=range(1,2,3,4)", "one to three numbers, got 4", "range(5)"),
        ("x=range(a)", "finite numbers, got 'a'", "range(5)"),
        ("x=range(true)", "finite numbers, got True", "range(5)"),
        ("x=range(.inf)", "finite numbers, got inf", "range(5)"),
        ("x=range(range(5))", "finite numbers, got 'range(5)'", "range(5)"),
        ("x=range(1,5,0)", "must not be 0", "range(5)"),
        ("x=range(0)", "has 0 values", "the stop is not part of it"),
        ("x=range(5,1)", "has 0 values", "the stop is not part of it"),
        ("x=range(1000000)", "1,000,000 values, more than 100,000", "range("),
        ("x=range(1e300)", "about 10^300 values", "range("),
        ("x=range(70000),range(1,70000)", "more than 100,000 values", ""),
        ("x=uniform(1)", "two numbers, got 1", "uniform(0.0, 0.5)"),
        ("x=uniform(a,1)", "finite numbers, got 'a'", "uniform"),
        ("x=uniform(1,1)", "must be less than the second: 1 and 1", "uniform"),
        ("x=uniform(-1e308,1e308)", "too far apart", "uniform"),
        ("x=loguniform(0,1)", "greater than zero, got 0", "loguniform(1e-5"),
        ("x=randint(1,2.5)", "requires whole numbers", "randint(1, 10)"),
        ("x=choice()", "at least one value", "choice(adam, sgd)"),
        ("x=choice(a,)", "a value of the list is empty", ""),
        ("x=1,uniform(0,1)", "cannot be one value of a list", "choice"),
        ("x=choice(uniform(0,1))", "cannot be one value of a list", "choice"),
        ("x=loguniforn(1,2)", "unknown distribution 'loguniforn'", "loguniform"),
        ("x=Range(5)", "unknown distribution 'Range'", "range"),
    ],
)
def test_nonsense_is_refused_with_a_hint(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_axis(text)
    assert message in caught.value.message and hint in caught.value.hint


def test_deep_nesting_is_refused_and_exhausts_nothing() -> None:
    for text in ("range(" * 9999 + ")" * 9999, "choice(" * 9999 + ")" * 9999):
        with pytest.raises(UsageError):
            parse_axis(f"x={text}")


def test_too_many_combinations_are_counted_and_not_made() -> None:
    axes = [parse_axis(f"x{at}=range(1000)") for at in range(2)]
    with pytest.raises(UsageError) as caught:
        sweep.cross(axes, 100)
    assert "1,000,000 combinations" in caught.value.message
    assert "--random N" in caught.value.hint
    with pytest.raises(UsageError, match=r"about 10\^\d+ combinations"):
        sweep.cross([parse_axis(f"x{at}=range(1000)") for at in range(2000)], 100)


@pytest.mark.parametrize("kind", ["uniform(0,1)", "randint(0,2)", "choice(a,b)"])
def test_a_distribution_is_not_combined(kind: str) -> None:
    with pytest.raises(UsageError) as caught:
        sweep.cross([parse_axis(f"x={kind}")], 100)
    assert "--random N" in caught.value.hint


def test_a_param_is_set_once() -> None:
    axes = [parse_axis("x=1"), parse_axis("y=1"), parse_axis("x=2")]
    with pytest.raises(UsageError, match="x is set twice"):
        sweep.cross(axes, 100)
    with pytest.raises(UsageError, match="x is set twice"):
        sweep.draw(axes, 1, 0, 100)


def test_a_number_of_draws_has_its_bounds() -> None:
    axes = [parse_axis("x=uniform(0,1)")]
    for count in (0, -1, 101):
        with pytest.raises(UsageError, match="from 1 to 100"):
            sweep.draw(axes, count, 0, 100)
    with pytest.raises(UsageError, match="no values"):
        sweep.draw([], 1, 0, 100)


PINNED: list[dict[str, Any]] = [
    {"m": "b", "n": 2, "x": 0.6509344730398537},
    {"m": "a", "n": 1, "x": 0.36568891691258554},
]


def test_a_seed_gives_these_very_draws() -> None:
    axes = [
        parse_axis("m=a,b"),
        parse_axis("n=randint(0,9)"),
        parse_axis("x=uniform(0,1)"),
    ]
    assert sweep.draw(axes, 2, 7, 100) == PINNED
