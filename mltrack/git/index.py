"""What git's index and worktree hold, relative to the directory that is asked about."""

import os
import re
from collections.abc import Iterable

from mltrack.git.command import run


def list_files(cwd: str, patterns: Iterable[str]) -> list[str]:
    """Returns paths below ``cwd`` that git tracks, or would take, and that match;
    relative to it, sorted.
    """
    out = run(
        [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
            "--",
            *patterns,
        ],
        cwd,
    )
    return sorted(os.fsdecode(name) for name in out.split(b"\0") if name)


def index_may_hold(git_dir: str, pattern: re.Pattern[bytes]) -> bool:
    """Returns whether a worktree's index may hold a path that matches: a look at the
    file's bytes, 2 ms sooner than asking.

    Versions 2 and 3 write paths out in full (gitformat-index); what is compressed or
    split may hold anything.
    """
    try:
        with open(os.path.join(git_dir, "index"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return False
    plain = (
        data[:4] == b"DIRC"
        # version 4 leaves out what a path shares with the one before
        and data[4:8] in (b"\0\0\0\2", b"\0\0\0\3")
        # extensions: of a split index, and of a sparse one; perhaps part of a path
        and b"link" not in data
        and b"sdir" not in data
    )
    return not plain or pattern.search(data) is not None


def list_all(cwd: str) -> tuple[list[str], list[str]]:
    """Returns the paths below ``cwd`` that stand in git's index, and those that git
    would take; both sorted.
    """
    out = run(
        ["ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard"], cwd
    )
    tracked: set[str] = set()
    others: set[str] = set()
    for item in out.split(b"\0"):
        if item:
            # sets: a path in conflict stands in the index up to three times
            (others if item[:2] == b"? " else tracked).add(os.fsdecode(item[2:]))
    return sorted(tracked), sorted(others)


def tracked_below(path: str, cwd: str) -> list[str]:
    """Returns the paths at or below ``path`` that stand in git's index."""
    out = run(["--literal-pathspecs", "ls-files", "-z", "--cached", "--", path], cwd)
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def staged_files(cwd: str) -> list[str]:
    """Returns the paths below ``cwd`` that the next commit adds or changes; relative to
    it.
    """
    out = run(
        ["diff", "--cached", "--name-only", "--diff-filter=d", "--relative", "-z"], cwd
    )
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def unmerged(cwd: str) -> dict[str, dict[int, str]]:
    """Returns the blobs of each path in conflict by stage: 1 the base, 2 ours, 3
    theirs.
    """
    found: dict[str, dict[int, str]] = {}
    for line in run(["ls-files", "--unmerged", "-z"], cwd).split(b"\0"):
        meta, _, raw = line.partition(b"\t")
        if raw:
            _, blob, number = meta.decode().split()
            found.setdefault(os.fsdecode(raw), {})[int(number)] = blob
    return found


def is_submodule(path: str, cwd: str) -> bool:
    """Returns whether git carries the repository at ``path`` as a submodule."""
    out = run(["--literal-pathspecs", "ls-files", "-s", "-z", "--", path], cwd)
    # the mode of a commit in a tree: what a submodule is to git
    return out.startswith(b"160000 ")


def is_dirty(cwd: str) -> bool:
    """Returns whether tracked files differ from HEAD."""
    return bool(run(["status", "--porcelain", "--untracked-files=no", "-z"], cwd))
