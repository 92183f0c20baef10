"""What scans leave out.

Tracked directories and outputs leave out what ``.mltrackignore`` says, in the project's
top directory or further down, and nothing else. Dependency directories hold what a
clone would: they leave out what git ignores, unless it is tracked or written by a
stage, empty directories and repositories of their own, and always Python's and
Jupyter's by-products.
"""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from mltrack.disk.durable import read_bounded
from mltrack.git import index as git_index
from mltrack.git.ignored import ignored_below
from mltrack.objects.tree import is_reserved_name, parents
from mltrack.pipeline.paths import contains
from mltrack.workspace import ignore_patterns
from mltrack.workspace.ignore_patterns import Pattern

FILE_NAME = ".mltrackignore"
# bytes: no person writes as much; one that came with a clone may be longer
MAX_BYTES = 1 << 20
Skip = Callable[[bytes, bool], bool]
"""Takes the path of something in one directory, relative to the project, and whether it
is a directory.
"""

WRITTEN_BY_MLTRACK = (b"mltrack.lock", b".gitignore")
"""Files in dependency directories that mltrack itself writes at the end of a repro:
they are nobody's data.
"""
# a run of the code makes them: a stage would change its own inputs
BY_PRODUCTS = ("__pycache__", ".ipynb_checkpoints")


class Rule(Protocol):
    """What a walk leaves out."""

    @property
    def keeps_empty(self) -> bool:
        """Whether a directory without any file counts."""

    def below(self, directory: bytes) -> Skip | None:
        """Returns what is left out of one directory, None for nothing."""


class KeepAll:
    """Leaves nothing out."""

    keeps_empty = True

    def below(self, directory: bytes) -> Skip | None:
        return None


class IgnoringLine(NamedTuple):
    """Where it is said that a path is left out: the file relative to the project, the
    line's number and its text.
    """

    source: str
    number: int
    text: str


class IgnoreFiles:
    """The rule for tracked directories and outputs: the project's ``.mltrackignore``
    files, each read once, and single files in them that ``git_keeps``.
    """

    keeps_empty = True

    def __init__(self, project_path: str, git_keeps: Iterable[str] = ()) -> None:
        self._top = os.fsencode(project_path)
        self._git_keeps = frozenset(map(os.fsencode, git_keeps))
        self._chains: dict[bytes, list[tuple[bytes, list[Pattern]]]] = {}

    def below(self, directory: bytes) -> Skip | None:
        chain, kept = self._chain(directory), self._git_keeps
        if not chain:
            return (lambda path, is_directory: path in kept) if kept else None
        return lambda path, is_directory: (
            path in kept
            or _left_out(chain, path, is_directory=is_directory) is not None
        )

    def line(self, path: bytes, *, is_directory: bool) -> IgnoringLine | None:
        """Returns the line that leaves a path out, or a directory above it."""
        for at in (*reversed(list(parents(path))), path):
            chain = self._chain(at.rpartition(b"/")[0])
            found = _left_out(chain, at, is_directory=is_directory or at != path)
            if found is not None:
                base, pattern = found
                source = os.fsdecode(base + b"/" if base else b"") + FILE_NAME
                return IgnoringLine(source, pattern.number, pattern.text)
        return None

    def _chain(self, directory: bytes) -> list[tuple[bytes, list[Pattern]]]:
        """Returns the files that speak about what is in a directory, the deepest first."""
        chain = self._chains.get(directory)
        if chain is None:
            above = self._chain(directory.rpartition(b"/")[0]) if directory else []
            place = os.path.join(self._top, directory, os.fsencode(FILE_NAME))
            data = read_bounded(os.fsdecode(place), MAX_BYTES)
            patterns = ignore_patterns.parse(data) if data else []
            chain = self._chains[directory] = (
                [(directory, patterns), *above] if patterns else above
            )
        return chain


def _left_out(
    chain: list[tuple[bytes, list[Pattern]]], path: bytes, *, is_directory: bool
) -> tuple[bytes, Pattern] | None:
    """Returns what leaves out ``path``, given that nothing leaves out a directory above
    it.
    """
    for base, patterns in chain:
        below = path[len(base) + 1 :] if base else path
        pattern = ignore_patterns.decide(patterns, below, is_directory=is_directory)
        if pattern is not None:
            return None if pattern.negated else (base, pattern)
    return None


def dependency_rule(
    project_path: str, directories: Iterable[str], owned: Iterable[str]
) -> Rule:
    """Returns the rule for dependency directories; ``owned`` are the paths of pointers
    and outputs.

    Asks git once, for all of the directories. A directory that git ignores as a whole
    is taken as it stands: someone declared that a result depends on it.
    """
    ignored_files: set[bytes] = set()
    ignored_directories: set[bytes] = set()
    declared = list(directories)
    for path in ignored_below(declared, project_path):
        if any(contains(path.rstrip("/"), directory) for directory in declared):
            continue  # the dependency itself is ignored: then all of it counts
        (ignored_directories if path.endswith("/") else ignored_files).add(
            os.fsencode(path.rstrip("/"))
        )
    kept = [os.fsencode(path) for path in owned]
    kept_set = set(kept)
    above = {parent for path in kept for parent in parents(path)}

    def skip(path: bytes, is_directory: bool) -> bool:
        name = path.rpartition(b"/")[2]
        # what git and mltrack keep for themselves changes with each command
        if is_reserved_name(name):
            return True
        if is_directory:
            if os.fsdecode(name) in BY_PRODUCTS:
                return True
        elif name.endswith(b".pyc") or name in WRITTEN_BY_MLTRACK:
            return True
        # before git's word: outputs are hidden from git, and count all the same
        if path in kept_set or any(parent in kept_set for parent in parents(path)):
            return False
        if is_directory and _is_foreign(project_path, path):
            return True
        if path in ignored_files:
            return True
        if not any(item in ignored_directories for item in (path, *parents(path))):
            return False
        # walked through only to reach what is owned below it
        return not (is_directory and path in above)

    return _AsCloned(skip)


class _AsCloned:
    """The rule for dependency directories: git carries no empty directory."""

    keeps_empty = False

    def __init__(self, skip: Skip) -> None:
        self._skip = skip

    def below(self, directory: bytes) -> Skip | None:
        return self._skip


def _is_foreign(project_path: str, path: bytes) -> bool:
    """Returns whether a directory is a repository that git does not carry: no submodule
    of the project's.
    """
    if not os.path.lexists(os.path.join(os.fsencode(project_path), path, b".git")):
        return False
    return not git_index.is_submodule(os.fsdecode(path), project_path)


def is_owned(path: str, owned: Iterable[str]) -> bool:
    """Returns whether ``path`` is, or lies below, one of the owned paths."""
    return any(contains(item, path) for item in owned)
