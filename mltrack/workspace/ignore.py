"""What scans leave out. The one door to pathspec, loaded only where a project has a ``.mltrackignore``.

Tracked directories and outputs leave out what ``.mltrackignore`` says, and nothing else. Dependency directories leave
out what git ignores, unless it is tracked or written by a stage, and always Python's and Jupyter's by-products.
"""

import os
from collections.abc import Callable, Iterable

from mltrack.disk.durable import read_bounded
from mltrack.git import repository as git
from mltrack.objects.tree import is_reserved_name, parents
from mltrack.pipeline.paths import contains

FILE_NAME = ".mltrackignore"
MAX_BYTES = 1 << 20
Skip = Callable[[bytes, bool], bool]
"""Takes a path relative to the project and whether it is a directory."""

WRITTEN_BY_MLTRACK = (b"mltrack.lock", b".gitignore")
"""Files in dependency directories that mltrack itself writes at the end of a repro: they are nobody's data."""
BY_PRODUCTS = ("__pycache__", ".ipynb_checkpoints")


def skip_nothing(path: bytes, is_directory: bool) -> bool:
    return False


def tracked_rule(project_path: str) -> Skip:
    """Returns the rule for tracked directories and outputs."""
    data = read_bounded(os.path.join(project_path, FILE_NAME), MAX_BYTES)
    if data is None or not data.strip():
        return skip_nothing
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - few projects have the file

    spec = GitIgnoreSpec.from_lines(data.decode("utf-8", "surrogateescape").splitlines())

    def skip(path: bytes, is_directory: bool) -> bool:
        return spec.match_file(os.fsdecode(path) + ("/" if is_directory else ""))

    return skip


def ignoring_line(project_path: str, path: str, *, is_directory: bool) -> tuple[int, str] | None:
    """Returns number and text of the line in ``.mltrackignore`` that leaves a path out, or a directory above it."""
    data = read_bounded(os.path.join(project_path, FILE_NAME), MAX_BYTES)
    if data is None:
        return None
    from pathspec import GitIgnoreSpec  # noqa: PLC0415

    lines = data.decode("utf-8", "surrogateescape").splitlines()
    spec = GitIgnoreSpec.from_lines(lines)
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        at = "/".join(parts[:depth])
        result = spec.check_file(at + ("/" if is_directory or depth < len(parts) else ""))
        if result.include and result.index is not None:
            return result.index + 1, lines[result.index]
    return None


def dependency_rule(project_path: str, directories: Iterable[str], owned: Iterable[str]) -> Skip:
    """Returns the rule for dependency directories; ``owned`` are the paths of pointers and outputs.

    Asks git once, for all of the directories. A directory that git ignores as a whole is taken as it stands: someone
    declared that a result depends on it.
    """
    ignored_files: set[bytes] = set()
    ignored_directories: set[bytes] = set()
    declared = list(directories)
    for path in git.ignored_below(declared, project_path):
        if any(contains(path.rstrip("/"), directory) for directory in declared):
            continue  # the dependency itself is ignored: then all of it counts
        (ignored_directories if path.endswith("/") else ignored_files).add(os.fsencode(path.rstrip("/")))
    kept = [os.fsencode(path) for path in owned]
    kept_set = set(kept)
    above = {parent for path in kept for parent in parents(path)}

    def skip(path: bytes, is_directory: bool) -> bool:
        name = path.rpartition(b"/")[2]
        if is_reserved_name(name):
            return True
        if is_directory:
            if os.fsdecode(name) in BY_PRODUCTS:
                return True
        elif name.endswith(b".pyc") or name in WRITTEN_BY_MLTRACK:
            return True
        if path in kept_set or any(parent in kept_set for parent in parents(path)):
            return False
        if path in ignored_files:
            return True
        if not any(item in ignored_directories for item in (path, *parents(path))):
            return False
        return not (is_directory and path in above)  # walked through only to reach what is owned below it

    return skip


def is_owned(path: str, owned: Iterable[str]) -> bool:
    """Returns whether ``path`` is, or lies below, one of the owned paths."""
    return any(contains(item, path) for item in owned)
