"""``.mltrackignore`` means what git's own matcher means: both are asked about the same
patterns and trees.
"""

import os
import random
import subprocess
from pathlib import Path

from mltrack.workspace.ignore import IgnoreFiles

SETS = int(os.environ.get("MLTRACK_PATTERN_SETS", "600"))
SETS_PER_TREE = 50

ATOMS = (
    *(
        "a",
        "b",
        "ab",
        "*",
        "**",
        "?",
        "a*",
        "*b",
        "a**",
        "**b",
        "x[",
        ".",
        "-",
        "é",
        "\t",
        " ",
        "a b",
    ),
    *(
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[]a]",
        "[-a]",
        "[a-]",
        "[a-",
        "[b-a]",
        "[a\\-c]",
        "[\\]]",
        "[/]",
        "[a",
        "[[a]",
    ),
    *("[[:alpha:]]", "[[:digit:]]", "[[:bogus:]]", "[[:alpha:]-z]", "[:a]", "[[:a]"),
    *("\\a", "\\*", "\\ ", "\\#", "\\!", "\\", "#", "!"),
)
NAMES = (
    "a",
    "b",
    "ab",
    "ba",
    "a b",
    "c",
    "#",
    "!a",
    "*",
    "é",
    "a ",
    "[a",
    "-",
    "]",
    ".a",
    "abc",
    "a\\",
)


def pattern(rng: random.Random) -> str:
    parts = [
        "".join(rng.choices(ATOMS, k=rng.choice((1, 1, 1, 2, 3))))
        for _ in range(rng.choice((1, 1, 2, 2, 3)))
    ]
    text = ("/" if rng.random() < 0.25 else "") + "/".join(parts)
    text += rng.choice(("", "", "", "/", "/**"))
    text = ("!" if rng.random() < 0.35 else "") + text
    return text + rng.choice(("",) * 20 + (" ", "  ", "\\ ", "\r", "\t"))


def tree(rng: random.Random) -> dict[str, bool]:
    """Paths three levels deep, each with whether it is a directory."""
    found: dict[str, bool] = {}
    above = [""]
    for depth in range(3):
        below = []
        for directory in above:
            for name in rng.sample(NAMES, 4):
                path = f"{directory}{name}"
                found[path] = depth < 2 and rng.random() < 0.5
                below += [path + "/"] if found[path] else []
        above = below
    return found


def test_the_same_paths_are_left_out_as_git_leaves_out(tmp_path: Path) -> None:
    rng = random.Random(SETS)
    left_out = 0
    for number in range(SETS):
        if number % SETS_PER_TREE == 0:
            top = tmp_path / str(number)
            subprocess.run(["git", "init", "-q", top], check=True)
            paths = tree(rng)
            for path, is_directory in paths.items():
                (top / path).mkdir() if is_directory else (top / path).touch()
            inner = next(
                (path for path, is_directory in paths.items() if is_directory), ""
            )
        for directory, most in {inner: 3, "": 6}.items():
            data = "\n".join(
                pattern(rng) for _ in range(rng.randint(0 if directory else 1, most))
            )
            for name in (".gitignore", ".mltrackignore"):
                (top / directory / name).write_text(data, newline="")
        asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
        told = subprocess.run(
            ["git", "check-ignore", "--no-index", "-z", "--stdin"],
            input=asked,
            capture_output=True,
            cwd=top,
        )
        want = {os.fsdecode(path) for path in told.stdout.split(b"\0") if path}
        rules = IgnoreFiles(str(top))
        got = {
            path
            for path, is_dir in paths.items()
            if rules.line(os.fsencode(path), is_directory=is_dir)
        }
        both = [(top / d / ".gitignore").read_text() for d in ("", inner)]
        assert got == want, (both, sorted(got ^ want))
        left_out += len(want)
    assert left_out > SETS, "the patterns are such that they leave something out"
