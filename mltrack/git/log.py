"""What commits did to files of some names, newest first."""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from mltrack.git.command import run
from mltrack.git.history import Described

# no line of a commit's subject can begin so
_COMMIT = re.compile(rb"\x1e([0-9a-f]{40,64})\x1f([^\x1f]*)\x1f([^\0\n]*)")
_FILE = re.compile(rb":\d+ \d+ ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*\0([^\0]+)\0")
_FORMAT = "%x1e%H%x1f%ci%x1f%s"
_MINUTE = len("2026-01-02 03:04")
_SHORT = 12


class FileChange(NamedTuple):
    """One file's blobs before and after a commit; '' where there was none."""

    path: str
    before: str
    after: str


class Logged(NamedTuple):
    """One commit, and what it did to the files that were asked for."""

    commit: str
    described: Described
    files: tuple[FileChange, ...]


def changes(revision: str, cwd: str, suffixes: tuple[str, ...]) -> Iterator[Logged]:
    """Yields the commits up to a revision that change files with these endings, newest
    first. Paths are relative to the repository's top.

    A merge counts by what it has that its first parent lacks.
    """
    out = run(
        [
            "log",
            f"--format={_FORMAT}",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
            "--no-show-signature",
            "--root",
            "-m",
            "--first-parent",
            "--end-of-options",
            revision,
            "--",
            *(f":(top)*{suffix}" for suffix in suffixes),
        ],
        cwd,
    )
    heads = list(_COMMIT.finditer(out))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        end = following.start() if following is not None else len(out)
        commit, date, subject = (
            part.decode("utf-8", "replace") for part in head.groups()
        )
        files = tuple(
            FileChange(os.fsdecode(match[3]), _blob(match[1]), _blob(match[2]))
            for match in _FILE.finditer(out, head.end(), end)
        )
        # git's own abbreviation is off where whole names of blobs are asked for
        words = Described(commit[:_SHORT], date[:_MINUTE], subject)
        yield Logged(commit, words, files)


def _blob(name: bytes) -> str:
    return name.decode() if name.strip(b"0") else ""
