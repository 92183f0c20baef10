"""Rows in order, what differs among them, and short names; tests/property has the laws."""

from typing import Any

import pytest

from mltrack.experiments.ranking import differing, ordered, short_names

NAN = float("nan")
VALUES: list[Any] = ["b", 2, None, True, 1.5, NAN, "a", -3, [1], 2.0]
ROWS: list[dict[str, Any]] = [{"x": value} for value in VALUES] + [{}, {"x": False}]


@pytest.mark.parametrize(
    ("descending", "order"),
    [
        (False, [7, 4, 1, 9, 6, 0, 8, 11, 3, 2, 5, 10]),
        (True, [1, 9, 4, 7, 0, 6, 3, 11, 8, 2, 5, 10]),
    ],
)
def test_numbers_come_before_text_and_what_is_lacking_last(
    descending: bool, order: list[int]
) -> None:
    assert ordered(ROWS, "x", descending=descending) == order


def test_names_differ_by_value_kind_or_presence() -> None:
    rows: list[dict[str, Any]] = [
        {"same": 1, "value": 1, "kind": 1, "there": None, "nan": NAN},
        {"same": 1, "value": 2, "kind": 1.0, "nan": float("nan")},
    ]
    names = ["value", "absent", "there", "nan", "same", "kind", "value"]
    assert differing(rows, names) == ["value", "there", "kind"]
    assert differing(rows[:1], names) == differing([], names) == []


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["params.yaml:train.lr"], ["lr"]),
        (["params.yaml:train.lr", "params.yaml:eval.lr"], ["train.lr", "eval.lr"]),
        (["a.yaml:lr", "b.yaml:lr"], ["a.yaml:lr", "b.yaml:lr"]),
        (["x/a.yaml:lr", "b.yaml:lr"], ["a.yaml:lr", "b.yaml:lr"]),
        (["x/a.yaml:lr", "y/a.yaml:lr"], ["x/a.yaml:lr", "y/a.yaml:lr"]),
        (["params.yaml:lr", "params.yaml:train.lr"], ["params.yaml:lr", "train.lr"]),
        (["lr", "train.lr"], ["lr", "train.lr"]),
        (['p.yaml:a."b.c"', "p.yaml:l[0]"], ['"b.c"', "l[0]"]),
        (["p.yaml:a", "p.yaml:a"], ["a"]),
        ([], []),
    ],
)
def test_the_shortest_end_that_no_other_has(names: list[str], short: list[str]) -> None:
    found = short_names(names)
    assert [*found] == [*dict.fromkeys(names)] and [*found.values()] == short
