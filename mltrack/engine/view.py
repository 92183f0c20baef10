"""What a project says it tracks and what did run, in the workspace or at a git
revision, read by the same code.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from mltrack.engine.lock_state import LockState
from mltrack.engine.pipelines import (
    CONFIG_NAME,
    Read,
    Tracked,
    load_graph,
    nested_projects,
)
from mltrack.engine.remember import Remembered
from mltrack.errors import FormatError, PipelineError, UsageError
from mltrack.formats import lock_file, pointer
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history as git_history
from mltrack.objects.content import URL, Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.graph import Graph
from mltrack.pipeline.paths import contains, parents
from mltrack.pipeline.stage import (
    LOCK_NAME,
    PIPELINE_NAME,
    Entry,
    lock_place,
    stage_address,
)


class Target(NamedTuple):
    """Something whose bytes mltrack keeps: its path, its content, and the pointer or
    stage that says so.
    """

    path: str
    content: Content
    source: str
    is_output: bool
    push: bool = True
    owner: str = ""
    """Of a part of a target: the target's path."""


@dataclass
class View:
    """Pointers, locks and pipelines at one moment. ``name`` is 'workspace' or the
    revision as it was asked for.
    """

    name: str
    read: Read
    pointers: dict[str, Content]
    locks: dict[str, dict[str, Entry]]
    pipelines: list[str]
    remembered: Remembered | None = None
    commit: str = ""
    project_path: str | None = None
    lock_state: LockState | None = None
    in_git: list[str] = field(default_factory=list)
    """The paths in git's index, sorted; of the workspace only."""
    broken: dict[str, FormatError] = field(default_factory=dict)
    """Tracked paths whose pointers cannot be read, in conflict for one, with what is
    wrong; of the workspace only. What does not concern them goes on.
    """
    git_files: Callable[[str], list[str]] = lambda path: []
    """Takes a directory and returns the files at and below it that git keeps; of a
    revision only.
    """
    nested: list[str] = field(default_factory=list)
    """The projects below this one, of which it says nothing; of a revision only."""
    noted: dict[str, Content] = field(default_factory=dict)
    """Imports that are noted in a pointer, and were never brought here."""

    @property
    def broken_locks(self) -> dict[str, FormatError]:
        """The same of locks, by their paths: nothing is known of the outputs of their
        stages.
        """
        return self.lock_state.broken if self.lock_state is not None else {}

    @property
    def unreadable(self) -> dict[str, FormatError]:
        """Both: tracked paths and locks of which nothing is known, with what is wrong."""
        return {**self.broken, **self.broken_locks}

    @cached_property
    def graph(self) -> Graph:
        return load_graph(self.pipelines, self.read, self.remembered, self.project_path)

    def targets(self) -> dict[str, Target]:
        """Returns everything that mltrack keeps here, by path: tracked data, and cached
        outputs as last recorded.

        A block of a lock whose stage is declared no more, or elsewhere now, is not
        believed; nor is what it says of pushing, which follows no run.
        """
        found = {
            path: Target(path, content, path + SUFFIX, is_output=False)
            for path, content in self.pointers.items()
        }
        # pipelines are parsed only where a lock speaks of outputs
        declared = self._declared() if self.locks else None
        for lock_path, entries in self.locks.items():
            pipeline_path = lock_path.removesuffix(LOCK_NAME) + PIPELINE_NAME
            for name, entry in entries.items():
                address = stage_address(pipeline_path, name)
                for path, content in entry.outs.items():
                    writer, push = (
                        (address, path not in entry.unpushed)
                        if declared is None
                        else declared.get(path, ("", False))
                    )
                    # a pointer comes first: it says what the person tracks now
                    if (
                        path not in entry.uncached
                        and path not in found
                        and writer == address
                    ):
                        found[path] = Target(
                            path,
                            content,
                            address,
                            is_output=True,
                            push=push,
                        )
        return dict(sorted(found.items()))

    def contents(self) -> set[Content]:
        """Returns everything that pointers and locks refer to, believed or not: what
        must not be lost. Raises FormatError where a pointer or a lock cannot be read.
        """
        self.refuse_broken()
        recorded = {
            content
            for entries in self.locks.values()
            for one in entries.values()
            for content in one.outs.values()
        }
        return {*self.pointers.values(), *recorded}

    def is_unreadable(self, target: Target) -> bool:
        """Whether what would say here that a target of another view is tracked is
        there, and cannot be read.
        """
        if not target.is_output:
            return target.path in self.broken
        return lock_place(target.source)[0] in self.broken_locks

    def refuse_broken(self) -> None:
        """Raises FormatError for the first pointer or lock that cannot be read."""
        for error in self.unreadable.values():
            raise error

    def owned(self) -> list[str]:
        """Returns the paths of pointers and of the outputs that stages declare; of
        recorded ones where the stages cannot be read.
        """
        declared = self._declared()
        outs = (
            declared.keys()
            if declared is not None
            else {
                path
                for entries in self.locks.values()
                for one in entries.values()
                for path in one.outs
            }
        )
        return sorted({*self.pointers, *self.broken, *outs})

    def refuse_noted(self, path: str) -> None:
        """Raises UsageError for an import that is noted, and was never brought here."""
        if path.removesuffix(SUFFIX) in self.noted:
            raise UsageError(
                f"{path} is only noted: its bytes were never brought here",
                hint=f"mltrack update {path}",
            )

    def left_to_git(self) -> dict[str, str]:
        """Returns the outputs that stages leave to git, each with the stage's address;
        of what ran where the stages cannot be read.
        """
        with suppress(FormatError, PipelineError):
            return {
                out.path: address
                for address, stage in self.graph.stages.items()
                for out in stage.outs
                if not out.cache
            }
        return {
            path: stage_address(lock_path.removesuffix(LOCK_NAME) + PIPELINE_NAME, name)
            for lock_path, entries in self.locks.items()
            for name, entry in entries.items()
            for path in entry.uncached
        }

    def _declared(self) -> dict[str, tuple[str, bool]] | None:
        """The address of the stage that declares to write each output, and whether it
        is to be pushed; None where that cannot be told.
        """
        # told where stages are asked for; data can be looked at without
        with suppress(FormatError, PipelineError):
            return {
                out.path: (address, out.push)
                for address, stage in self.graph.stages.items()
                for out in stage.outs
            }
        return None


def workspace_view(
    project_path: str,
    journal_path: str,
    index_path: str,
    algorithm: Algorithm,
    read: Read,
) -> View:
    """Returns what the readable files of the workspace say; the others are in
    ``broken`` and ``broken_locks``.
    """
    broken: dict[str, FormatError] = {}
    tracked = Tracked(project_path)
    locks = LockState(project_path, journal_path, algorithm, tracked.locks)
    found = _pointers(_readable(tracked.pointers, read, broken), algorithm, broken)
    return View(
        "workspace",
        read,
        _brought(found),
        locks.locks,
        tracked.pipelines,
        Remembered(index_path),
        project_path=project_path,
        lock_state=locks,
        in_git=tracked.in_git,
        broken=broken,
        noted=_noted(found),
    )


def revision_view(
    revision: str, place: str, algorithm: Algorithm, *, inner: str | None = None
) -> View:
    """Returns what a git revision says; raises GitError if there is none of that name.

    ``place`` is the project in a worktree; or, with ``inner``, any place where git can
    be asked, and ``inner`` is where the project lies in the repository.
    """
    commit = git_history.resolve(revision, place)
    blobs = git_history.files_at(
        commit, place, (SUFFIX, PIPELINE_NAME, LOCK_NAME, CONFIG_NAME), inner=inner
    )
    nested = nested_projects(blobs)
    wanted = {
        path: blob
        for path, blob in blobs.items()
        # what a commit brings there is never taken for mltrack's own
        if not path.startswith(".mltrack/")
        and path.rpartition("/")[2] != CONFIG_NAME
        and not any(contains(other, path) for other in nested)
    }
    # all by one process of git, not one for each of a thousand pointers
    by_blob = dict(git_history.read_blobs(wanted.values(), place))

    def read(path: str) -> bytes | None:
        if path in wanted:
            return by_blob.get(wanted[path])
        return git_history.read_at(commit, path, place, inner=inner)

    def git_files(path: str) -> list[str]:
        return git_history.names_below(commit, path, place, inner=inner)

    names = sorted(wanted)
    locks = {}
    for path in names:
        if os.path.basename(path) == LOCK_NAME:
            locks[path] = lock_file.parse(
                read(path) or b"", algorithm, f"{path} at {revision}"
            )
    found = _pointers(
        ((path, read(path)) for path in names if path.endswith(SUFFIX)), algorithm
    )
    return View(
        revision,
        read,
        _brought(found),
        locks,
        [path for path in names if os.path.basename(path) == PIPELINE_NAME],
        commit=commit,
        git_files=git_files,
        nested=nested,
        noted=_noted(found),
    )


def _brought(found: dict[str, Content]) -> dict[str, Content]:
    return {path: content for path, content in found.items() if content.kind != URL}


def _noted(found: dict[str, Content]) -> dict[str, Content]:
    return {path: content for path, content in found.items() if content.kind == URL}


def _readable(
    paths: Iterable[str], read: Read, broken: dict[str, FormatError]
) -> Iterator[tuple[str, bytes | None]]:
    """The texts of files, without those that are no files of a sane size."""
    for path in paths:
        try:
            yield path, read(path)
        except FormatError as error:
            broken[path.removesuffix(SUFFIX)] = error


def _pointers(
    files: Iterable[tuple[str, bytes | None]],
    algorithm: Algorithm,
    broken: dict[str, FormatError] | None = None,
) -> dict[str, Content]:
    """The contents that pointers name. One that cannot be read raises FormatError, or
    is put into ``broken``.
    """
    found: dict[str, Content] = {}
    for path, data in files:
        if data is not None:
            name = path.removesuffix(SUFFIX)
            try:
                found[name] = pointer.parse(data, algorithm, path).content
            except FormatError as error:
                if broken is None:
                    raise
                broken[name] = error
    for path in found:
        above = next((parent for parent in parents(path) if parent in found), None)
        if above is not None:
            raise FormatError(
                f"two pointers claim the same files: {above}{SUFFIX} and "
                f"{path}{SUFFIX}",
                hint=f"mltrack remove {path}",
            )
    return found
