"""Outputs on a host that has nothing to hash with: named by their paths, read as files."""

from __future__ import annotations

import os
import stat
from typing import Any

from .attempts import Attempt
from .objects import Damaged


def list_raw(attempt: Attempt, output: str) -> list[list[Any]]:
    """Returns path, kind, size and link text of an output and everything in it, each
    directory before what it holds. Raises Damaged for what is none of these.
    """
    top = _path(attempt, output, "")
    if not os.path.isdir(top) or os.path.islink(top):
        return [_row(top, "")]
    rows: list[list[Any]] = [["", "tree", 0, ""]]
    for directory, names, files in os.walk(top):
        for name in sorted([*names, *files]):
            full = os.path.join(directory, name)
            rows.append(_row(full, os.path.relpath(full, top)))
    return rows


def read_raw(
    attempt: Attempt, output: str, inner: str, offset: int, size: int
) -> bytes:
    """Returns a piece of a file."""
    full = _path(attempt, output, inner)
    # without waiting: a pipe that nobody writes to would block the connection for ever
    descriptor = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        _require_file(full, os.fstat(descriptor))
        file.seek(offset)
        return file.read(size)


def check_raw(attempt: Attempt, output: str) -> None:
    """Raises Damaged if an output is, or holds, what cannot be recorded."""
    list_raw(attempt, output)


def _path(attempt: Attempt, output: str, inner: str) -> str:
    full = os.path.normpath(os.path.join(attempt.work, output, inner))
    if not full.startswith(attempt.work + os.sep):
        raise ValueError("a path that leads out of the work directory")
    return full


def _require_file(full: str, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise Damaged(f"{full} is neither a file nor a directory nor a link")


def _row(full: str, inner: str) -> list[Any]:
    if os.path.islink(full):
        return [inner, "symlink", 0, os.readlink(full)]
    if os.path.isdir(full):
        return [inner, "tree", 0, ""]
    state = os.stat(full)
    _require_file(full, state)
    return [inner, "exec" if state.st_mode & 0o100 else "file", state.st_size, ""]
