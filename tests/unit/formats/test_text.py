"""Templates, paths, ignore lines, values, drawing: the small pure parts."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import FormatError, MltrackError, PipelineError
from mltrack.formats import paths, pointer, quantities
from mltrack.formats.json_text import load as load_json
from mltrack.formats.params_file import flatten, get
from mltrack.git import ignore_file
from mltrack.objects.digest import XXH3
from mltrack.objects.tree import is_reserved_name
from mltrack.pipeline import drawing
from mltrack.pipeline.differences import same_value
from mltrack.pipeline.interpolate import interpolate
from mltrack.pipeline.layout import Edges
from mltrack.pipeline.run_key import canonical_json

VALUES = {
    "a": 1,
    "b": {"c": [10, {"d": "x y"}]},
    "t": True,
    "f": 1e-4,
    "n": None,
    "evil": "${a}; rm -rf /",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${a}", 1),
        ("x${a}y", "x1y"),
        ("${b.c[1].d}", "x y"),
        ("${ a }", 1),
        ("\\${a}", "${a}"),
        ("${t} ${f}", "true 0.0001"),
        ("$a {a}", "$a {a}"),
        ("${evil}!", "${a}; rm -rf /!"),
        ("${b.c}", [10, {"d": "x y"}]),
    ],
)
def test_templates(text: str, value: object) -> None:
    assert interpolate(text, VALUES, "w") == value


@pytest.mark.parametrize(
    "text",
    [
        "${nosuch}",
        "${a.b}",
        "${b.c[9]}",
        "${a",
        "${}",
        "${a b}",
        "${__class__}",
        "${a.__class__}",
        "x${b}",
        "${a|upper}",
    ],
)
def test_templates_that_are_refused(text: str) -> None:
    with pytest.raises(PipelineError):
        interpolate(text, VALUES, "w")


@given(st.text(max_size=40))
def test_any_template_is_filled_or_refused(text: str) -> None:
    try:
        interpolate(text, VALUES, "w")
    except PipelineError:
        pass


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a//b",
        "a/",
        "./a",
        "a/..",
        "..",
        "a/../b",
        "C:x",
        "a\\b",
        "a\nb",
        "a\0",
        ".git",
        "a/.GIT/x",
        ".mltrack/x",
        "x" * 5000,
        "a/" + "y" * 256,
    ],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(FormatError):
        paths.check_path(path, "w")


@pytest.mark.parametrize(
    "name",
    [
        b".git",
        b".GIT",
        b".Git.",
        b".git ",
        b"git~1",
        b".mltrack",
        b".g\xe2\x80\x8cit",
        b".git::$INDEX_ALLOCATION",
        b".git" + b"." * 40,
        b".g" + b"\xe2\x80\x8c" * 13 + b"it",
        b".mltrack" + b" ." * 100,
    ],
)
def test_names_that_some_file_system_takes_for_gits(name: bytes) -> None:
    assert is_reserved_name(name)


@pytest.mark.parametrize(
    "name",
    [
        b".gitignore",
        b"git",
        b"x.git",
        b".github",
        b".mltrackignore",
        b"git~",
        b"gitx~1",
    ],
)
def test_names_that_only_look_like_gits(name: bytes) -> None:
    assert not is_reserved_name(name)


def test_joining_stays_inside_the_root() -> None:
    assert (
        paths.join("a/b", "../c") == "a/c"
        and paths.join("", "./x") == "x"
        and paths.join("a", "..") == ""
    )
    assert paths.join("a", "../..") is None and paths.join("a", "/x") is None


@given(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\n\r/\0"),
            min_size=1,
            max_size=10,
        ),
        max_size=4,
    ),
    st.text(max_size=30),
)
def test_ignore_lines_come_and_go_without_touching_others(
    names: list[str], before: str
) -> None:
    before = before.replace("\r", "")
    with_lines = ignore_file.include(before, names)
    assert with_lines.startswith(before)
    assert ignore_file.include(with_lines, names) == with_lines
    left = ignore_file.exclude(with_lines, names)
    assert not set(map(ignore_file.line_for, names)) & set(left.split("\n"))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_pointer_or_a_format_error(data: bytes) -> None:
    for attempt in (data, b"mltrack: 1\n" + data):
        try:
            found = pointer.parse(attempt, XXH3, "x.mlt")
        except MltrackError as error:
            assert isinstance(error, FormatError)
        else:
            assert pointer.write(found, XXH3).encode() == attempt


@pytest.mark.parametrize(
    "text", [b'{"a": 1, "a": 2}', b"[NaN]", b"[" * 100000, b"\xff", b"", b"1" * 5000]
)
def test_json_that_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        load_json(text, "x")


def test_values_are_compared_as_written() -> None:
    assert same_value({"a": [1, "x"]}, {"a": [1, "x"]})
    assert (
        not same_value(1, 1.0)
        and not same_value(1, True)
        and not same_value([1], [1.0])
        and not same_value({"a": 1}, {})
    )


def test_numbers_without_a_canonical_form_are_refused_in_keys() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(PipelineError, match="a.b"):
            canonical_json({"a": {"b": number}})


def test_dotted_keys() -> None:
    assert flatten({"a": {"b": [1, {"c": 2}]}, "e": {}}) == {
        "a.b[0]": 1,
        "a.b[1].c": 2,
        "e": {},
    }
    assert get({"a": {"b": [5]}}, "a.b.0", "p") == 5
    with pytest.raises(PipelineError) as caught:
        get({"train": {"lr": 1}}, "train.rl", "p")
    assert "train.lr" in caught.value.hint


def random_graph(seed: int, count: int) -> Edges:
    chance = random.Random(seed)
    names = [f"stage_{number}" for number in range(count)]
    return {
        name: tuple(chance.sample(names[:at], min(at, chance.randint(0, 3))))
        for at, name in enumerate(names)
    }


@pytest.mark.parametrize("seed", range(30))
def test_twenty_stages_fit_eighty_columns_and_each_has_its_box(seed: int) -> None:
    edges = random_graph(seed, 20)
    drawn = drawing.ascii_boxes(edges)
    assert max(map(len, drawn.splitlines())) <= 80
    for name in edges:
        assert drawn.count(f" {name} ") == 1


def test_fan_out_and_fan_in_of_twenty() -> None:
    middle = {f"stage_{number}": ("raw",) for number in range(18)}
    drawn = drawing.ascii_boxes({"raw": (), **middle, "join": tuple(middle)})
    assert max(map(len, drawn.splitlines())) <= 80


def test_a_chain_is_drawn_straight() -> None:
    assert (
        drawing.ascii_boxes({"a": (), "b": ("a",)})
        == "+---+\n| a |\n+---+\n  │\n+---+\n| b |\n+---+"
    )


@pytest.mark.parametrize("value", [10**19, "1e19", 10**400, "9" * 30 + "s"])
def test_a_duration_without_end_is_called_too_large(value: object) -> None:
    with pytest.raises(PipelineError, match="too large|not a duration"):
        quantities.seconds(value)


@pytest.mark.parametrize("value", [0, -1, float("nan"), "0s"])
def test_a_duration_is_greater_than_zero(value: object) -> None:
    with pytest.raises(PipelineError, match="greater than zero"):
        quantities.seconds(value)
