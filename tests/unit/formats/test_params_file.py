"""Params files with other values."""

import pytest

from mltrack.formats import params_file


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("# top\na: 1 # one\nb: x\n", {"a": 2.5}, "# top\na: 2.5 # one\nb: x\n"),
        ("a: {b: [1, 2]} # c\n", {"a.b.1": "no"}, "a: {b: [1, no]} # c\n"),
        ("a: 'x' # c\n", {"a": None}, "a: null # c\n"),
        ("ü: 'é' # ß\n", {"ü": "ö, [x]: #"}, "ü: 'ö, [x]: #' # ß\n"),
        # what is no single value, or stands for several, is written anew
        ("a: {b: 1} # c\n", {"a": 3}, "a: 3\n"),
        ("a: &x 1 # c\nb: *x\n", {"a": 2}, "a: 2\nb: 1\n"),
    ],
)
def test_a_file_is_rewritten_with_its_comments(
    text: str, overrides: dict[str, object], expected: str
) -> None:
    made = params_file.rewritten(text.encode(), overrides, "p.yaml").decode()
    wanted = params_file.replaced(
        params_file.load(text.encode(), "p.yaml"), overrides, "p.yaml"
    )
    assert params_file.load(made.encode(), "p.yaml") == wanted
    assert made == expected
