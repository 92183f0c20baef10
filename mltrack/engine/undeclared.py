"""What commands read and wrote in the project without declaring it."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mltrack.git import index as git_index
from mltrack.git.ignored import ignored_among
from mltrack.pipeline.paths import PathMap, leads_out
from mltrack.pipeline.stage import LOCK_NAME, WRITTEN_BY_US, Stage

# bytes: longer runs are data that a command dumped, and no path
_WORD = re.compile(rb"[\w@%+=:,./~-]{2,512}")
_MODULE = re.compile(rb"No module named '([\w.]+)'")
_OWN = (".git", ".mltrack")
_BY_PRODUCTS = (
    "__pycache__",
    ".ipynb_checkpoints",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
)
# files in one directory; more are told as a number
_TOGETHER = 3
_GRAIN_NS = 20_000_000
"""How much earlier than the clock a time stamp may be."""


class Interval(NamedTuple):
    """When a stage's command ran, in nanoseconds since 1970."""

    stage: str
    start: int
    end: int


class Written(NamedTuple):
    path: str
    stages: tuple[str, ...]


def undeclared_reads(
    stage: Stage, reads: Iterable[str], project_path: str
) -> tuple[str, ...]:
    """Returns those of the paths that a command opened for reading which the stage
    should declare, sorted.
    """
    declared = _declared(stage)
    return tuple(
        path
        for path in sorted(reads)
        if declared.holder(path) is None
        and path.rpartition("/")[2] not in WRITTEN_BY_US
        # what is gone by now was temporary, and cannot be declared
        and os.path.isfile(os.path.join(project_path, path))
    )


def named_in_log(stage: Stage, log: bytes, project_path: str) -> tuple[str, ...]:
    """Returns files of the project that a failed command's last words name and that the
    stage does not declare: what it looked for in its sandbox.
    """
    declared = _declared(stage)
    found: dict[str, None] = {}
    for path in _modules_named(log, project_path):
        if declared.holder(path) is None:
            found[path] = None
    for word in _WORD.findall(log):
        # as in `open x.csv: No such file`, or at the end of a sentence
        text = os.fsdecode(word).rstrip(".:,")
        for directory in (stage.wdir, ""):
            full = os.path.normpath(os.path.join(project_path, directory, text))
            path = os.path.relpath(full, project_path)
            if (
                not leads_out(path)
                and path.partition("/")[0] not in _OWN
                and declared.holder(path) is None
                and os.path.isfile(full)
            ):
                found[path] = None
    return tuple(found)


def _modules_named(log: bytes, project_path: str) -> Iterator[str]:
    """The files of modules that Python said it did not find."""
    names = {os.fsdecode(match[1]).split(".")[0] for match in _MODULE.finditer(log)}
    if names:
        endings = {
            f"{name}{ending}" for name in names for ending in (".py", "/__init__.py")
        }
        for path in (
            path for paths in git_index.list_all(project_path) for path in paths
        ):
            if any(path == ending or path.endswith("/" + ending) for ending in endings):
                yield path


def _declared(stage: Stage) -> PathMap[None]:
    return PathMap(
        (path, None)
        for path in (
            *stage.reads,
            *(out.path for out in stage.outs),
            *filter(None, (stage.execution.checkpoint,)),
        )
    )


def undeclared_writes(
    project_path: str,
    outputs: Iterable[str],
    intervals: list[Interval],
    traced: dict[str, tuple[str, ...]],
) -> list[Written]:
    """Returns files that changed while commands ran and that no stage writes, by one
    scan of the project, with the stages that ran at that moment. ``traced`` says for a
    path which stages opened it for writing, where that is known.
    """
    if not intervals:
        return []
    since = min(interval.start for interval in intervals) - _GRAIN_NS
    declared = PathMap((path, None) for path in outputs)
    changed = {
        path: moment
        for path, moment in changed_since(project_path, since)
        if declared.holder(path) is None
    }
    ignored = set(ignored_among(list(changed), project_path)) if changed else set()
    found = []
    for path, moment in sorted(changed.items()):
        # ignored are caches and logs, unless a command was seen to write just that
        if path in ignored and path not in traced:
            continue
        stages = traced.get(path) or tuple(
            sorted(
                {
                    i.stage
                    for i in intervals
                    if i.start - _GRAIN_NS <= moment <= i.end + _GRAIN_NS
                }
            )
        )
        if stages:
            found.append(Written(path, stages))
    return list(_gathered(found))


def _gathered(found: list[Written]) -> Iterator[Written]:
    """What was written, with a directory in the place of many files in it."""
    groups: dict[tuple[str, tuple[str, ...]], list[Written]] = {}
    for written in found:
        groups.setdefault((os.path.dirname(written.path), written.stages), []).append(
            written
        )
    for (directory, stages), files in groups.items():
        if directory and len(files) > _TOGETHER:
            yield Written(f"{directory}/ ({len(files)} files)", stages)
        else:
            yield from files


def changed_since(project_path: str, since: int) -> Iterator[tuple[str, int]]:
    """Yields the files of a project that changed since a moment, with when, in
    nanoseconds since 1970.
    """
    pending = [""]
    while pending:
        directory = pending.pop()
        try:
            with os.scandir(os.path.join(project_path, directory)) as found:
                entries = list(found)
        except (PermissionError, FileNotFoundError):
            # only a warning is at stake
            continue
        if directory and any(entry.name in ("pyvenv.cfg", ".git") for entry in entries):
            continue  # a virtual environment, or another repository
        for entry in entries:
            path = f"{directory}/{entry.name}" if directory else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _BY_PRODUCTS and not (
                    not directory and entry.name in _OWN
                ):
                    pending.append(path)
            elif entry.name not in (
                LOCK_NAME,
                ".gitignore",
            ) and not entry.name.endswith(".pyc"):
                try:
                    # the change time: unpacking an archive sets the other one back
                    moment = entry.stat(follow_symlinks=False).st_ctime_ns
                except FileNotFoundError:
                    continue
                if moment >= since:
                    yield path, moment
