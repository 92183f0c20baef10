"""YAML is read as YAML 1.2 core, whatever PyYAML would make of it."""

import datetime

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import FormatError
from mltrack.formats import yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 0.0001),
        ("1e5", 100000.0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1:30", "1:30"),
        ("12:30:45", "12:30:45"),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02 03:04:05", "2024-01-02 03:04:05"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("null", None),
        ("~", None),
        ("", None),
        ("+1", 1),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("'1'", "1"),
        ("=", "="),
        ("685_230.15", "685_230.15"),
        ("1.5e+3", 1500.0),
        ("NULL", None),
        ("nan", "nan"),
        ("0o8", "0o8"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    read = yaml.load(f"a: {text}", "x")["a"]
    assert read == value and type(read) is type(value)


def test_the_scalars_that_matter_are_those_pyyaml_reads_otherwise() -> None:
    """Should PyYAML change its mind, the resolver here could go."""
    assert pyyaml.safe_load("[1e-4, 010, 1:30, off, yes, 2024-01-02]") == [
        "1e-4",
        8,
        90,
        False,
        True,
        datetime.date(2024, 1, 2),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", "x:2:1: the key 'a' appears twice"),
        ("a: {b: 1, b: 2}", "twice"),
        ("a: !!set {b}", "tag"),
        ("a: !thing 1", "tag"),
        ("a: 1\n--- \nb: 2", "another document"),
        ("? [a]\n: b", "a key must be"),
        ("a: &a [*a]", "deep"),
        ("[" * 10000, "deep"),
        ("a: " + "{a: " * 1000, "deep"),
        ("a: [", "not valid YAML"),
        ("a:\n\t- b", "not valid YAML"),
        ("a: " + "9" * 5000, "out of range"),
        ("\x07", "not valid YAML"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(FormatError, match="x") as caught:
        yaml.load(text, "x")
    assert words in caught.value.message


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(FormatError, match="too much"):
        yaml.load("\n".join(lines), "x")


def test_merge_keys_that_multiply_are_stopped() -> None:
    lines = ["m0: &m0 {a: 1}"] + [
        f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}], k{n}: 1}}"
        for n in range(1, 12)
    ]
    with pytest.raises(FormatError, match="too much|in a row"):
        yaml.load("\n".join(lines), "x")


def test_merge_keys_work_and_own_keys_win() -> None:
    assert yaml.load("d: &d {a: 1, b: 2}\ne: {<<: *d, b: 3}", "x")["e"] == {
        "a": 1,
        "b": 3,
    }


def test_locate_finds_keys_and_items() -> None:
    text = "stages:\n  a:\n    deps:\n      - x\n      - y\n"
    assert yaml.locate(text, ("stages", "a", "deps", 1)) == (5, 9)
    assert yaml.locate(text, ("stages", "a", "nosuch")) == (2, 3)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(
                st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")),
                min_size=1,
                max_size=8,
            ).filter(lambda key: key != "<<"),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(plain)
def test_what_is_dumped_is_read_back(value: object) -> None:
    assert yaml.load(yaml.dump({"v": value}), "x") == {"v": value}


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        yaml.load(text, "x")
    except FormatError:
        pass
