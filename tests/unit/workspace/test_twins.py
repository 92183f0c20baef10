"""Names that would be one name on a file system that folds them."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.disk import folding
from mltrack.workspace.twins import twins

names = st.lists(st.text("aAbBéÉßſ", min_size=1, max_size=3), unique=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "A"),
        ("Readme.MD", "README.md"),
        ("n\u00e9", "ne\u0301"),
        ("N\u00c9", "ne\u0301"),
        ("stra\u00dfe", "STRASSE"),
    ],
)
def test_case_and_composition_make_twins(one: str, other: str) -> None:
    pair = (one.encode(), other.encode())
    assert twins(pair) == [pair]


def test_bytes_that_are_no_text_are_compared_by_ascii() -> None:
    assert twins([b"\xffa", b"\xffA"]) == [(b"\xffa", b"\xffA")]
    assert twins([b"\xffa", b"\xfea"]) == []


@given(names)
def test_without_twins_every_folded_name_is_another(given_: list[str]) -> None:
    folded = {
        unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        for name in given_
    }
    assert len(twins(name.encode() for name in given_)) == len(given_) - len(folded)


def test_a_directory_that_tells_case_apart_says_so(tmp_path: Path) -> None:
    (tmp_path / "Name").touch()
    assert not folding.folds(str(tmp_path / "not" / "there"))
    (tmp_path / "nAME").hardlink_to(tmp_path / "Name")
    folding._folds.cache_clear()
    assert not folding.folds(str(tmp_path))
