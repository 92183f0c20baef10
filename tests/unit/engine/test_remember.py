"""Parsed texts, remembered by their bytes: never another text's, never one that was
damaged.
"""

from pathlib import Path

import pytest

from mltrack.engine.remember import Remembered
from mltrack.errors import MltrackError


def count(data: bytes, name: str) -> object:
    count.calls += 1  # type: ignore[attr-defined]
    return {"text": data.decode()}


def test_a_text_is_parsed_once_by_all_commands(tmp_path: Path) -> None:
    count.calls = 0  # type: ignore[attr-defined]
    for _ in range(3):
        remembered = Remembered(str(tmp_path))
        assert (
            remembered.load(b"a", "f", count)
            == {"text": "a"}
            == remembered.load(b"a", "f", count)
        )
    assert count.calls == 1  # type: ignore[attr-defined]
    assert Remembered(str(tmp_path)).load(b"b", "f", count) == {"text": "b"}


def test_what_was_damaged_is_parsed_again(tmp_path: Path) -> None:
    Remembered(str(tmp_path)).load(b"a: 1", "f")
    [kept] = (tmp_path / "parsed").iterdir()
    for damage in (
        b"",
        kept.read_bytes().replace(b"1", b"2", 1),
        kept.read_bytes()[:-2],
    ):
        kept.write_bytes(damage)
        assert Remembered(str(tmp_path)).load(b"a: 1", "f") == {"a": 1}


def test_a_text_that_is_wrong_is_wrong_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(MltrackError):
            Remembered(str(tmp_path)).load(b"a: [", "f")


def test_where_nothing_can_be_kept_it_is_parsed(tmp_path: Path) -> None:
    (tmp_path / "parsed").write_text("in the way")
    assert Remembered(str(tmp_path)).load(b"a: 1", "f") == {"a": 1}


def test_a_text_can_be_forgotten(tmp_path: Path) -> None:
    remembered = Remembered(str(tmp_path))
    remembered.load(b"a: 1", "f")
    remembered.forget()
    assert not (tmp_path / "parsed").exists()
