"""The functions of :mod:`mltrack` itself: one file or one project at a time."""

from __future__ import annotations

import os
from typing import IO, Any

from mltrack.api import lazily
from mltrack.api.project import Project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from mltrack.api.experiments import Found
    from mltrack.api.tables import Values


def open(
    path: str,
    mode: str = "r",
    *,
    repo: str | None = None,
    rev: str | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> IO[Any]:
    """Opens a file of a project for reading; see :meth:`Project.open`."""
    return _project(repo, rev).open(
        path, mode, encoding=encoding, errors=errors, newline=newline
    )


def read(path: str, *, repo: str | None = None, rev: str | None = None) -> bytes:
    """Returns the bytes of a file of a project."""
    return _project(repo, rev).read(path)


def path(path: str, *, repo: str | None = None, rev: str | None = None) -> Path:
    """Returns where a file or directory is on this machine; see :meth:`Project.path`."""
    return _project(repo, rev).path(path)


def params(*files: str, repo: str | None = None, rev: str | None = None) -> Values:
    """Returns params, by file and dotted key."""
    return _project(repo, rev).params(*files)


def metrics(*files: str, repo: str | None = None, rev: str | None = None) -> Values:
    """Returns metrics, by file and dotted key."""
    return _project(repo, rev).metrics(*files)


def exps(where: str = "", sort: str = "") -> Found:
    """Returns the experiments of the project here; see :meth:`Project.exps`."""
    return Project(".").exps(where, sort)


def init(
    directory: str | os.PathLike[str] = ".",
    *,
    hash: str | None = None,
    hooks: bool = True,
) -> Project:
    """Makes a directory inside a git repository a project, or installs hooks in a clone
    of one, and returns it. ``hash`` is ``xxh3`` or ``blake3``; where ``hooks`` could
    not be installed, ``status`` says so.
    """
    place = os.fspath(directory)
    kinds = lazily.init.Hooks
    where = kinds.HERE if hooks else kinds.NOWHERE
    lazily.init.init(place, hash_name=hash, where=where)
    return Project(place)


def _project(repo: str | None, rev: str | None) -> Project:
    return Project(repo or ".", rev)
