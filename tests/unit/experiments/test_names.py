"""Names of experiments, made and given."""

import re
import subprocess
from random import Random

import pytest

from mltrack.errors import UsageError
from mltrack.experiments.names import MAX_CHARACTERS, check_name, made, valid_form
from mltrack.experiments.words import ADJECTIVES, ANIMALS


def test_the_words_are_many_short_and_plain() -> None:
    assert len(ADJECTIVES) >= 150 and len(ANIMALS) >= 150
    words = ADJECTIVES + ANIMALS
    assert len({*words}) == len(words)
    assert all(re.fullmatch(r"[a-z]{2,11}", word) for word in words)


def test_a_made_name_is_two_words_and_the_same_for_a_seed() -> None:
    name = made(Random(1), lambda name: False)
    assert re.fullmatch(r"[a-z]+-[a-z]+", name)
    assert made(Random(1), lambda name: False) == name


def test_a_number_is_added_when_all_pairs_are_taken() -> None:
    taken = {f"{one}-{other}" for one in ADJECTIVES for other in ANIMALS}
    name = made(Random(1), taken.__contains__)
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]+", name)


def test_a_name_is_found_however_many_are_taken() -> None:
    name = made(
        Random(1),
        lambda name: len(name.rpartition("-")[2]) < 8 or not name[-1].isdigit(),
    )
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "quiet-heron",
        "x_1.2",
        "größe",
        "head",
        "v@2",
        "a}",
        "abcdef",
        "f" * 65,
        "a" * 100,
        "a.locks",
        "é" * 100,
    ],
)
def test_a_name_is_valid_here_and_for_git(name: str) -> None:
    check_name(name)
    assert valid_form(name) == name
    assert is_ref(name)


def is_ref(name: str) -> bool:
    done = subprocess.run(
        ["git", "check-ref-format", f"refs/mltrack/exps/{name}"], check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize(
    ("name", "problem", "instead"),
    [
        ("", "it is empty", "experiment"),
        ("a b", "git forbids ' ' in it", "a-b"),
        ("a/b", "git forbids '/' in it", "a-b"),
        ("a..b", "git forbids '..' in it", "a-b"),
        ("a@{b", "git forbids '@{' in it", "a-b"),
        ("a:*?[b", "git forbids ':' in it", "a-b"),
        ("a\\b", "git forbids '\\\\' in it", "a-b"),
        ("a~1", "git forbids '~' in it", "a-1"),
        ("a^", "git forbids '^' in it", "a"),
        ("-a", "it begins with '-'", "a"),
        (".a", "it begins with '.'", "a"),
        ("a.", "git forbids '.' at its end", "a"),
        ("a.lock", "git forbids '.lock' at its end", "a"),
        ("a.lock.lock.", "git forbids '.' at its end", "a"),
        (".lock", "it begins with '.'", "lock"),
        ("HEAD", "git gives it another meaning", "experiment-HEAD"),
        ("@", "git gives it another meaning", "experiment"),
        ("deadbeef", "it looks like a commit", "experiment-deadbeef"),
        ("1234567", "it looks like a commit", "experiment-1234567"),
        ("F" * 64, "it looks like a commit", "experiment-" + "F" * 64),
        ("a\nb", "it holds a character that cannot be shown", "a-b"),
        ("a\x7fb", "it holds a character that cannot be shown", "a-b"),
        ("\ud800", "it holds a character that cannot be shown", "experiment"),
        ("g" * 101, "it has more than 100 characters", "g" * 100),
        ("😀" * 100, "it has more than 250 bytes", "😀" * 62),
    ],
)
def test_another_name_is_refused_with_a_valid_one(
    name: str, problem: str, instead: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_name(name)
    assert problem in caught.value.message
    assert caught.value.hint == f"a valid name is {instead}"
    check_name(instead)


def test_the_limit_of_characters_holds_for_the_valid_form_too() -> None:
    for name in ("HEAD" * 26, "a" * 100 + "/", "0" * 64, "/" + "a" * 99 + ".lock"):
        assert len(valid_form(name)) <= MAX_CHARACTERS
        check_name(valid_form(name))
