"""Laws of names and of the order of experiments."""

import subprocess
from itertools import combinations, pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.errors import UsageError
from mltrack.experiments.names import check_name, made, valid_form
from mltrack.experiments.ranking import differing, ordered, short_names
from mltrack.pipeline.differences import same_value

NAMES = st.text(
    st.sampled_from("ab09.-@{}~/ \\\n\ud800é😀") | st.characters(), max_size=20
) | st.text(st.sampled_from("aé😀.k"), max_size=120).map(lambda text: text + ".lock")


@given(NAMES)
def test_a_valid_form_is_valid_and_of_a_valid_name_the_name(name: str) -> None:
    check_name(valid_form(name))
    try:
        check_name(name)
    except UsageError as error:
        assert (
            error.hint == f"a valid name is {valid_form(name)}"
            and valid_form(name) != name
        )
    else:
        assert valid_form(name) == name


# a process for each
@settings(max_examples=200, deadline=None)
@given(NAMES)
def test_git_takes_every_valid_name(name: str) -> None:
    ref = f"refs/mltrack/exps/{valid_form(name)}"
    subprocess.run(["git", "check-ref-format", ref], check=True)


@given(st.integers(), st.integers(0, 200))
def test_made_names_are_valid_and_never_taken(seed: int, count: int) -> None:
    random, taken = Random(seed), set[str]()
    for _ in range(count):
        name = made(random, taken.__contains__)
        check_name(name)
        assert name not in taken
        taken.add(name)


SCALARS = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        1.0,
        -2.5,
        float("nan"),
        float("inf"),
        10**400,
        "",
        "a",
        "b",
        "1",
    ]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"x": SCALARS | st.lists(SCALARS, max_size=2), "y": SCALARS}
    ),
    max_size=12,
)


def group(row: dict[str, Any]) -> int:
    value = row.get("x")
    if value is None or value != value:
        return 3
    return 1 if isinstance(value, str) else 0 if type(value) in (int, float) else 2


@given(ROWS, st.booleans())
def test_an_order_is_one_of_all_rows_by_kind_and_value_and_stable(
    rows: list[dict[str, Any]], descending: bool
) -> None:
    found = ordered(rows, "x", descending=descending)
    assert sorted(found) == [*range(len(rows))]
    for one, next_ in pairwise(found):
        a, b = rows[one], rows[next_]
        assert group(a) <= group(b)
        if group(a) == group(b) < 2:
            low, high = (b["x"], a["x"]) if descending else (a["x"], b["x"])
            assert low < high or (low == high and one < next_)
        elif group(a) == group(b) == 3:
            assert one < next_


@given(ROWS)
def test_without_likes_one_direction_is_the_other_reversed(
    rows: list[dict[str, Any]],
) -> None:
    numbers = [row for row in rows if group(row) == 0]
    different = [*{row["x"]: row for row in numbers}.values()]
    assert (
        ordered(different, "x", descending=True)
        == ordered(different, "x", descending=False)[::-1]
    )


@given(ROWS)
def test_a_name_differs_where_two_rows_do(rows: list[dict[str, Any]]) -> None:
    found = differing(rows, ["y", "x", "z"])
    assert found == [
        name
        for name in ("y", "x", "z")
        if any(
            (name in a) is not (name in b) or not same_value(a.get(name), b.get(name))
            for a, b in combinations(rows, 2)
        )
    ]


PARTS = st.lists(
    st.sampled_from(["a", "b", "lr", '"a.b"', "l[0]"]), min_size=1, max_size=3
).map(".".join)
FILES = st.sampled_from(["", "p.yaml:", "a/p.yaml:", "b/a/p.yaml:", "q.json:"])
FULL = st.lists(st.tuples(FILES, PARTS).map("".join), max_size=10, unique=True)


@given(FULL, st.randoms(use_true_random=False))
def test_short_names_are_ends_all_different_and_the_same_in_any_order(
    names: list[str], random: Any
) -> None:
    found = short_names(names)
    assert [*found] == names and len({*found.values()}) == len(names)
    assert all(name.endswith(short) for name, short in found.items())
    shuffled = [*names]
    random.shuffle(shuffled)
    assert short_names(shuffled) == found


def leads_to(end: str, names: list[str]) -> list[str]:
    """The names that end with whole parts."""
    ends = tuple(sign + end for sign in ".:/")
    return [name for name in names if name == end or name.endswith(ends)]


@given(FULL)
def test_a_short_name_leads_to_one_name_and_no_shorter_one_does(
    names: list[str],
) -> None:
    for name, short in short_names(names).items():
        # what is whole already is found as it is
        assert leads_to(short, names) == [name] or short == name
        key = name.rpartition(":")[2]
        if '"' not in key:
            parts = key.split(".")
            for begin in range(len(parts)):
                end = ".".join(parts[begin:])
                assert len(end) >= len(short) or len(leads_to(end, names)) > 1
