"""Conditions of ``--where`` against Python's own evaluation of an equal expression."""

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.errors import UsageError
from mltrack.experiments import where

NAMES = ["state", "params.p.yaml:a.b", "metrics.größe-1", "tags[0]"]
# few, so that what is compared is often alike, or nearly so
SCALARS = st.sampled_from(
    [None, True, False, 0, 1, 1.0, -2.5, 1e300, "", "a", "ab", "1", "\\'\""]
)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        name: SCALARS | st.just(float("nan")) | st.lists(SCALARS, max_size=3)
        for name in NAMES
    },
)


class Truth:
    """True or false as a kind of its own: Python's own are numbers."""

    def __init__(self, value: bool) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Truth) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return self.value


class Items(list[Any]):
    """A list without an order."""

    def __lt__(self, other: object) -> bool:
        return NotImplemented

    __le__ = __gt__ = __ge__ = __lt__


def seen(value: Any) -> Any:
    """A value of a row as the expression of Python sees it."""
    if isinstance(value, bool):
        return Truth(value)
    return Items(map(seen, value)) if isinstance(value, list) else value


def attempt(test: Callable[[], Any]) -> bool:
    """A comparison: false where a name is not there, or Python has no order."""
    try:
        return bool(test())
    except (KeyError, TypeError):
        return False


class Both(NamedTuple):
    """One expression in both languages."""

    ours: str
    python: str


def quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


@st.composite
def literals(draw: st.DrawFn) -> Both:
    value = draw(SCALARS)
    if isinstance(value, str):
        return Both(quoted(value, draw(st.sampled_from("'\""))), repr(value))
    if isinstance(value, bool):
        return Both(str(value).lower(), f"Truth({value})")
    return Both("null" if value is None else repr(value), repr(value))


NAMED = st.sampled_from(NAMES).map(lambda name: Both(name, f"row[{name!r}]"))
OPERANDS = NAMED | literals()
LISTS = st.lists(literals(), max_size=3).map(
    lambda items: Both(
        f"({', '.join(one.ours for one in items)})",
        f"Items([{', '.join(one.python for one in items)}])",
    )
)


@st.composite
def comparisons(draw: st.DrawFn) -> Both:
    ours, python = draw(OPERANDS)
    for compare in draw(
        st.lists(
            st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"]),
            min_size=1,
            max_size=3,
        )
    ):
        right = draw(NAMED | LISTS if "in" in compare else OPERANDS)
        ours, python = (
            f"{ours} {compare} {right.ours}",
            f"{python} {compare} {right.python}",
        )
    return Both(ours, f"attempt(lambda: {python})")


def combined(inner: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    pairs = st.tuples(inner, inner, st.sampled_from(["and", "or"]))
    return (
        pairs.map(
            lambda three: Both(
                *(f"{a} {three[2]} {b}" for a, b in zip(*three[:2], strict=True))
            )
        )
        | inner.map(lambda one: Both(*(f"not {each}" for each in one)))
        | inner.map(lambda one: Both(*(f"({each})" for each in one)))
    )


CONDITIONS = st.recursive(
    comparisons()
    | NAMED.map(lambda one: Both(one.ours, f"attempt(lambda: {one.python})")),
    combined,
    max_leaves=8,
)


# more than usual: two values rarely differ in kind alone
@settings(max_examples=1_000)
@given(CONDITIONS, st.lists(ROWS, min_size=1, max_size=5))
def test_a_condition_holds_where_the_expression_of_python_is_true(
    condition: Both, rows: list[dict[str, Any]]
) -> None:
    parsed = where.parse(condition.ours)
    assert {*parsed.names} == {
        name for name in NAMES if f"row[{name!r}]" in condition.python
    }
    for row in rows:
        known = {
            "row": {name: seen(value) for name, value in row.items()},
            "attempt": attempt,
            "Truth": Truth,
            "Items": Items,
        }
        assert parsed.holds(row) is eval(condition.python, known)


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "b.c",
                "(",
                ")",
                "[",
                "]",
                "'",
                '"',
                "'x'",
                "1",
                "-2.5",
                "not",
                "and",
                "or",
                "in",
                "==",
                "<",
                "!",
                ",",
                " ",
                ".",
                "\n",
                "\\",
            ]
        ),
        max_size=12,
    ).map(" ".join)
    | st.text(max_size=20),
    ROWS,
)
def test_any_text_is_a_condition_or_a_mistake_that_is_marked(
    text: str, row: dict[str, Any]
) -> None:
    try:
        assert where.parse(text).holds(row) in (True, False)
    except UsageError as error:
        assert error.hint
        assert len(error.message.split("\n")) == len(("problem", "text", "mark"))
