"""Options that every command has, and command lines that have some of the same name."""

import pytest

from mltrack.cli import invocation
from mltrack.cli.global_options import take_globals


@pytest.mark.parametrize(
    "line",
    [
        "python train.py -v --quiet",
        "make -C sub --color",
        "tool --no-progress -vv -q --color=always",
        "tool -- -v",
    ],
)
def test_what_stands_behind_the_first_word_of_a_command_is_the_commands(
    line: str,
) -> None:
    given = ["stage", "add", "-q", "-fn", "train", "-d", "-v", "--outs", "out"]
    rest = take_globals([*given, "--wdir=x", *line.split()])
    assert rest == [
        *("stage", "add", "-fn", "train", "-d", "-v", "--outs", "out", "--wdir=x"),
        *line.split(),
    ]
    assert invocation.current.verbosity == -1


def test_other_commands_take_them_anywhere() -> None:
    words = ["-C", "a", "stage", "list", "-v", "x", "-C", "b", "--", "-v"]
    assert take_globals(words) == ["stage", "list", "x", "--", "-v"]
    assert invocation.current.directory == "./a/b"
    assert invocation.current.verbosity == 1
    take_globals([])
