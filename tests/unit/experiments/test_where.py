"""Conditions on rows; tests/property holds them against Python's own."""

from typing import Any

import pytest

from mltrack.errors import UsageError
from mltrack.experiments import where

ROW: dict[str, Any] = {
    "name": "quiet-heron",
    "state": "done",
    "tags": ["night", "2"],
    "metrics.acc": 0.95,
    "metrics.loss": float("nan"),
    "metrics.a b.x": 1,
    'metrics."c.d"': 2,
    "metrics.größe": 3,
    "params.lr": 0.001,
    "params.learning-rate": 0.5,
    "params.layers[0]": 64,
    "params.params.yaml:train.lr": 5,
    "params.conf/b.yaml:model": "rf",
    "params.flag": True,
    "params.none": None,
    "params.zero": 0,
    "params.map": {"a": 1},
}


@pytest.mark.parametrize(
    "text",
    [
        "metrics.acc > 0.9 and params.lr < 0.01",
        "metrics.acc>.9 and params.lr<1e-2",
        'not state == "failed"',
        "state != 'failed'",
        'params.conf/b.yaml:model in ("rf", "gbm")',
        'params.conf/b.yaml:model in ["rf"]',
        'params.conf/b.yaml:model in ("rf",)',
        "state not in ('failed', 'running')",
        "state not in ()",
        '"night" in tags',
        '"day" not in tags',
        "'heron' in name",
        "'a' in params.map",
        "metrics['a b'].x == 1",
        'metrics[ "c.d" ] == 2',
        'metrics."c.d" == 2',
        "metrics.größe == 3",
        "params.learning-rate == 0.5",
        "params.layers[0] >= 64.0",
        "params.params.yaml:train.lr == 5",
        "0 < params.lr <= 0.001 < metrics.acc",
        "not 0 < metrics.acc < 0.5",
        "params.flag == true and params.flag == True and params.flag",
        "params.none == null and params.none == None and not params.none",
        "not params.zero and not params.absent",
        "metrics.loss != metrics.loss",
        "metrics.acc < .inf and metrics.acc > -.inf",
        "state == 'a' or (state == 'b' or state == 'done') and name",
        "name == 'quiet\\-heron' and 'it\\'s' != \"it\\\"s\"",
    ],
)
def test_a_condition_holds(text: str) -> None:
    assert where.parse(text).holds(ROW)


@pytest.mark.parametrize("compare", ["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
def test_a_name_that_a_row_lacks_makes_any_comparison_false(compare: str) -> None:
    for text in (f"absent {compare} state", f"state {compare} absent"):
        assert not where.parse(text).holds(ROW)
        assert where.parse(f"not {text}").holds(ROW)


@pytest.mark.parametrize("other", ["'0.95'", "true", "null", "tags", "params.map"])
def test_values_of_two_kinds_differ_and_have_no_order(other: str) -> None:
    for compare, holds in [("!=", True), ("==", False), ("<", False), (">=", False)]:
        assert where.parse(f"metrics.acc {compare} {other}").holds(ROW) is holds


def test_true_is_not_one_even_in_a_list() -> None:
    assert not where.parse("flag == 1 or flag in (0, 1) or flags == other").holds(
        {"flag": True, "flags": [True, {"a": 1}], "other": [1, {"a": 1}]}
    )
    assert where.parse("flags == other").holds(
        {"flags": [1, {"a": 1}], "other": [1.0, {"a": 1.0}]}
    )


def test_what_can_hold_nothing_is_neither_in_nor_not_in() -> None:
    for text in ("'a' in params.zero", "'a' not in params.zero", "1 not in state"):
        assert not where.parse(text).holds(ROW)


def test_names_are_told_once_in_the_order_written() -> None:
    condition = where.parse("b > 1 and (a['x.y'] in (true, null) or not b == c)")
    assert condition.names == ("b", 'a."x.y"', "c")


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("^", "expected a name or a value", "metrics.acc"),
        ("   ^", "expected a name or a value", ""),
        ("a ^= 1", "unexpected character", "'=='"),
        ("a ^<> 1", "unexpected character", "'!='"),
        ("a == 1 ^&& b", "unexpected character", "'and'"),
        ("a == 1 ^|| b", "unexpected character", "'or'"),
        ("a == 1 ^AND b == 1", "expected a comparison, 'and' or 'or'", "'and'"),
        ("^! a", "unexpected character", "'not'"),
        ("a == 'b' or ^'c'", "a value is compared with nothing", ""),
        ("^1", "a value is compared with nothing", ""),
        ("(a == 1^", "expected ')'", ""),
        ("a == 1^)", "expected a comparison, 'and' or 'or'", ""),
        ("a ==^", "expected a name or a value", ""),
        ("a == ^and", "expected a name or a value", ""),
        ("a not ^> 1", "expected 'in' after 'not'", ""),
        ("a in ^5", "expected a list or a name after 'in'", ""),
        ("a in (^b)", "a list holds values, no names; put text in quotes", ""),
        ("a in (1 ^2)", "expected ',' or ')'", ""),
        ("a in (1, ^", "expected a name or a value", ""),
        ("a in (1^]", "expected ',' or ')'", ""),
        ("a == ^'b", "a quote is not closed", ""),
        ("a == ^1.2.3", "unexpected character", ""),
        ("a == ^1x", "unexpected character", ""),
        ("a^()", "expected a comparison, 'and' or 'or'", ""),
        ("a\t==\n^+", "unexpected character", ""),
    ],
)
def test_a_mistake_is_marked(text: str, problem: str, hint: str) -> None:
    given = text.replace("^", "", 1)
    with pytest.raises(UsageError) as caught:
        where.parse(given)
    said, shown, mark = caught.value.message.split("\n")
    assert problem in said and hint in caught.value.hint
    assert shown.removeprefix("  ") == given.replace("\t", " ").replace("\n", " ")
    assert mark.removeprefix("  ") == " " * text.index("^") + "^"


def test_of_a_long_condition_the_surroundings_are_shown() -> None:
    text = " and ".join(f"name{at} == {at}" for at in range(100))
    with pytest.raises(UsageError) as caught:
        where.parse(text.replace("name50", "50").replace("== 50", "= 50"))
    _, shown, mark = caught.value.message.split("\n")
    assert shown[len(mark) - 1] == "=" and len(shown) < 70


def test_length_and_depth_are_bounded() -> None:
    deep = "(" * where.MAX_DEPTH + "not " * where.MAX_DEPTH + "a"
    for text in ("(" * 3_000, "not " * 900 + "a", deep):
        with pytest.raises(UsageError, match="nested too deeply"):
            where.parse(text)
    with pytest.raises(UsageError, match="at most 4,000 characters"):
        where.parse("a" * 4_001)
    flat = " or ".join(["a"] * 799)
    assert where.parse(flat).holds({"a": 1})
    longest = where.parse("a < " + "9" * 3_900)
    assert longest.holds({"a": 1.5})
