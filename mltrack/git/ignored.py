"""What git ignores: asked once for many paths."""

import os
from collections.abc import Iterable

from mltrack.errors import GitError
from mltrack.git.command import run


def ignored_below(paths: Iterable[str], cwd: str) -> list[str]:
    """Returns the untracked paths at or below ``paths`` that git ignores; whole
    directories end with '/'. Nothing for paths that lie in a directory which git
    ignores as a whole.
    """
    chosen = list(paths)
    try:
        return _ignored_below(chosen, cwd)
    except GitError:
        # it fails on paths inside of what it ignores, which are rare: they are told
        # apart only then
        inside = set(ignored_by_rule(chosen, cwd))
        if not inside:
            raise
        return _ignored_below([path for path in chosen if path not in inside], cwd)


def _ignored_below(chosen: list[str], cwd: str) -> list[str]:
    if not chosen:
        return []
    # literal: a path may hold `*` or `[`, and would match others
    command = [
        "--literal-pathspecs",
        "ls-files",
        "-z",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--directory",
    ]
    out = run([*command, "--", *chosen], cwd)
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def is_ignored(path: str, cwd: str) -> bool:
    """Returns whether git's ignore rules cover ``path``, tracked or not."""
    return bool(ignored_by_rule([path], cwd))


def ignored_by_rule(paths: Iterable[str], cwd: str) -> list[str]:
    """Returns those of the paths that git's ignore rules cover, tracked or not."""
    asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
    out = (
        # --no-index: of what git tracks it would say no, whatever the rules
        run(["check-ignore", "--no-index", "-z", "--stdin"], cwd, data=asked, ok=(0, 1))
        if asked
        else b""
    )
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def ignored_among(paths: Iterable[str], cwd: str) -> list[str]:
    """Returns those of the paths that git ignores and does not track."""
    asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
    out = (
        run(["check-ignore", "-z", "--stdin"], cwd, data=asked, ok=(0, 1))
        if asked
        else b""
    )
    return [os.fsdecode(name) for name in out.split(b"\0") if name]
