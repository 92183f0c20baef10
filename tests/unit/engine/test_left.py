"""Outputs that stayed on hosts: noted by path, and forgotten once they are here."""

from pathlib import Path

from mltrack.engine.left import Left, Row
from mltrack.objects.content import FILE, Content

ONE, TWO = (Content(FILE, digit * 32, 1) for digit in "12")


def row(path: str, content: Content) -> Row:
    return Row(path, content, "box", "gpu1", "ab" * 16)


def test_what_is_noted_is_known_to_the_next_command(tmp_path: Path) -> None:
    left = Left(str(tmp_path))
    assert not left and not left.has(ONE)
    left.add([row("a", ONE)])
    assert [*Left(str(tmp_path))] == [row("a", ONE)] and Left(str(tmp_path)).has(ONE)


def test_two_commands_do_not_lose_each_others_notes(tmp_path: Path) -> None:
    first, second = Left(str(tmp_path)), Left(str(tmp_path))
    first.add([row("a", ONE)])
    second.add([row("b", TWO)])
    assert {one.path for one in Left(str(tmp_path))} == {"a", "b"}
    first.forget([TWO])
    assert {one.path for one in Left(str(tmp_path))} == {"a"}


def test_a_newer_output_of_a_path_takes_the_place_of_the_older(tmp_path: Path) -> None:
    left = Left(str(tmp_path))
    left.add([row("a", ONE)])
    left.add([row("a", TWO)])
    assert [*left] == [row("a", TWO)] and not left.has(ONE)


def test_notes_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    left = Left(str(tmp_path))
    left.add([row("a", ONE)])
    [file] = [path for path in tmp_path.iterdir() if path.suffix == ".json"]
    for text in ("", "{", '{"mltrack": 99, "rows": []}', '{"mltrack": 1}'):
        file.write_text(text)
        assert not Left(str(tmp_path))
