"""A pattern from a clone costs little, whatever it says and is compared with."""

import pytest

from mltrack.workspace.ignore_patterns import decide, parse


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (b"*a*a*a*a*a*a*a*a*b", b"a" * 60),
        (b"/*a*a*a*a*a*a*a*a*b", b"a" * 200),
        (b"**/a*a*/**/a*a*/**/a*a*a*/**/b*a*a*a*c", b"aa/" * 60 + b"a"),
    ],
)
def test_a_pattern_of_many_stars_ends(pattern: bytes, path: bytes) -> None:
    assert decide(parse(pattern), path, is_directory=False) is None


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (b"*ab*ab*c", b"xabyabababzc"),
        (b"/a/**/b*d/**/*.x", b"a/q/b/bcd/e/f.y.x"),
        (b"**/a/**", b"a/a/b"),
        (b"*a?b*", b"aaab"),
    ],
)
def test_the_first_place_of_a_part_is_as_good_as_a_later_one(
    pattern: bytes, path: bytes
) -> None:
    assert decide(parse(pattern), path, is_directory=False)
