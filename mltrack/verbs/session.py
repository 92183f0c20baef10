"""What most verbs begin with: the project, what its workspace says, and the parts that
look and act on it.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from mltrack.disk.lock import locked
from mltrack.engine.left import Left
from mltrack.engine.pipelines import is_placeholder, nearest
from mltrack.engine.recorded import Recorded
from mltrack.engine.view import Target, View, revision_view, workspace_view
from mltrack.errors import MissingObjectError, MltrackError, UsageError
from mltrack.formats import pointer
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history as git_history
from mltrack.objects.content import BY_LETTER, Content
from mltrack.objects.tree import Entry
from mltrack.objects.tree_walk import entry_at
from mltrack.pipeline.paths import PathMap, contains
from mltrack.pipeline.stage import PIPELINE_NAME, address_parts
from mltrack.project import Project
from mltrack.store.local.writer import CacheWriter
from mltrack.workspace.checkout import Checkout
from mltrack.workspace.last import LastMaterialized
from mltrack.workspace.observe import Observer
from mltrack.workspace.parts import absent_parts, completed
from mltrack.workspace.scan import Snapshot
from mltrack.workspace.trash import Trash

if TYPE_CHECKING:
    from mltrack.config.remotes import Remotes

STAGE_LOCKS = "stages.lock"
"""In the project's scratch directory: who works on a stage holds its lock, by address.
"""


class Lister(Protocol):
    """Gets directories' listings from elsewhere."""

    def listing(self, hex_digest: str) -> None:
        """Gets one into the cache, if anyone has it."""
        ...


@dataclass
class Session:
    """One command at work in one project. Everything is made when it is first asked
    for, and belongs to the thread that made the session.

    A context manager: at its end connections are closed and, unless something failed,
    what was learned about single files is kept.
    """

    project: Project
    lister: Lister | None = None
    """Gets listings that are not here, for commands that may ask a remote."""
    named: str = ""
    """The revision that is read where none is said; '' is the workspace."""
    left_out: dict[str, MltrackError] = field(default_factory=dict)
    """Tracked paths that a command was asked about and went on without, since their
    pointers, or they themselves, cannot be read.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        made = vars(self)  # what was asked for
        if kind is None and "observer" in made:
            self.observer.save()
        # who interrupts does not wait for the network
        interrupted = isinstance(error, KeyboardInterrupt)
        if "remotes" in made and not interrupted:
            self.remotes.close()

    @cached_property
    def remotes(self) -> "Remotes":
        return self.project.new_remotes()

    @cached_property
    def view(self) -> View:
        project = self.project
        return workspace_view(
            project.path,
            project.journal_path,
            project.index_path,
            project.algorithm,
            project.read,
        )

    @cached_property
    def tracked_paths(self) -> PathMap[None]:
        """The paths that have pointers."""
        return PathMap(
            (path, None) for path in (*self.view.pointers, *self.view.broken)
        )

    @cached_property
    def observer(self) -> Observer:
        made = self.project.observer(self.view.owned())
        made.leave_to_git(filter(is_placeholder, self.view.in_git))
        return made

    @cached_property
    def last(self) -> LastMaterialized:
        return LastMaterialized(
            os.path.join(self.project.state_path, "last"), self.project.algorithm
        )

    @cached_property
    def trash(self) -> Trash:
        return Trash(
            os.path.join(self.project.state_path, "trash"), self.project.algorithm
        )

    @cached_property
    def left(self) -> Left:
        return Left(self.project.index_path)

    @cached_property
    def checkout(self) -> Checkout:
        project = self.project
        return Checkout(
            project.path, project.tmp_path, project.cache, self.observer, self.last
        )

    @property
    def git_path(self) -> str:
        """Where git is asked about the project's history."""
        return self.project.path

    def commit(self, revision: str) -> str:
        """Returns the commit that a revision names; of the workspace the one that it
        stands on, '' before the first.
        """
        if revision:
            return git_history.resolve(revision, self.project.path)
        return git_history.head_commit(self.project.repository)

    def at(self, revision: str) -> Recorded:
        """Returns what is recorded at a revision, or in the workspace for an empty one."""
        project = self.project
        view = (
            revision_view(revision, project.path, project.algorithm)
            if revision
            else self.view
        )
        return Recorded(view, project.algorithm, project.cache)

    def select(self, arguments: list[str], view: View | None = None) -> list[Target]:
        """Returns the targets that a person means: tracked paths, paths below or above
        them, pointers, stages.

        All of them without arguments. Raises UsageError for an argument that names
        nothing tracked.
        """
        chosen_view = view or self.view
        targets = chosen_view.targets()
        if not arguments:
            self.left_out = {**chosen_view.unreadable}
            return list(targets.values())
        for path in map(self.project.relative, arguments):
            for other, error in chosen_view.broken.items():
                if contains(path.removesuffix(SUFFIX), other) or contains(other, path):
                    raise error
        chosen: dict[str, Target] = {}
        for argument in arguments:
            found = self._matching(argument, targets)
            if not found:
                self._refuse_unreadable(argument, chosen_view)
                chosen_view.refuse_noted(self.project.relative(argument))
                near = nearest(
                    argument,
                    [*targets, *(target.source for target in targets.values())],
                )
                raise UsageError(
                    f"{argument!r} is not tracked",
                    hint=near
                    or "`mltrack ls` lists what is tracked; for another version of it, `git checkout REVISION`",
                )
            chosen.update({target.path: target for target in found})
        return list(chosen.values())

    def _refuse_unreadable(self, argument: str, view: View) -> None:
        """Raises FormatError for a stage, or an output of one, whose lock cannot be
        read.
        """
        if view.broken_locks:
            graph, path = view.graph, self.project.relative(argument)
            for address in (
                argument,
                *(graph.owners[out] for out in graph.owners.overlapping(path)),
            ):
                stage = graph.stages.get(address)
                if stage is not None and stage.lock_path in view.broken_locks:
                    raise view.broken_locks[stage.lock_path]

    def _matching(self, argument: str, targets: dict[str, Target]) -> list[Target]:
        by_stage = self._written_by(argument, targets)
        if by_stage and argument.rpartition("/")[2].startswith(f"{PIPELINE_NAME}:"):
            return by_stage
        path = self.project.relative(argument)
        if path.endswith(SUFFIX) and path.removesuffix(SUFFIX) in targets:
            path = path.removesuffix(SUFFIX)
        below = [target for target in targets.values() if contains(path, target.path)]
        if below:
            return below
        above = next(
            (target for target in targets.values() if contains(target.path, path)), None
        )
        # where a path and a stage have one name, what stands there decides
        if above is not None and (
            not by_stage or os.path.lexists(self.project.absolute(path))
        ):
            return [self._narrow(above, path)]
        return by_stage

    def _written_by(self, argument: str, targets: dict[str, Target]) -> list[Target]:
        """The outputs of a stage, of a group of stages, or of all stages of a pipeline
        file.
        """
        here = self.project.here
        named = argument.removeprefix(f"{PIPELINE_NAME}:")
        local = f"{here}/{PIPELINE_NAME}:{argument}" if here else argument
        in_file = os.path.normpath(os.path.join(here, argument))
        wanted = {argument, named, local}
        found = []
        for target in targets.values():
            if not target.is_output:
                continue
            pipeline_path, _ = address_parts(target.source)
            group = target.source.partition("@")[0]
            if {target.source, group} & wanted or pipeline_path == in_file:
                found.append(target)
        return found

    def _narrow(self, target: Target, path: str) -> Target:
        """Returns the part of a tracked directory that ``path`` names."""
        cache = self.project.cache

        def load(hex_digest: str) -> list[Entry]:
            if self.lister is not None and not cache.has(hex_digest):
                self.lister.listing(hex_digest)
            return cache.read_tree(hex_digest)

        try:
            entry = entry_at(
                target.content.hex, os.fsencode(path[len(target.path) + 1 :]), load
            )
        except MissingObjectError as error:
            raise MissingObjectError(
                f"{target.path}: {error.message}", hint=f"mltrack fetch {target.path}"
            ) from None
        if entry is None:
            raise UsageError(
                f"{target.path!r} has no {path!r} in it",
                hint=f"mltrack ls {target.path}",
            )
        return target._replace(
            path=path,
            owner=target.path,
            content=Content(BY_LETTER[entry.kind], entry.hex, entry.size),
        )

    def recorded_now(self, target: Target) -> Content | None:
        """Returns what a target's pointer or lock says at this moment: another process
        may have recorded a new state since this command began. None if it says nothing
        of it any more.
        """
        if target.is_output:
            locks = self.view.lock_state
            if locks is None:
                return target.content
            locks.refresh_if_changed()
            return locks.output(target.source, target.path)
        data = self.project.read(target.path + SUFFIX)
        return (
            pointer.parse(data, self.project.algorithm, target.path + SUFFIX).content
            if data is not None
            else None
        )

    def with_absent(
        self, path: str, snapshot: Snapshot, recorded: Content | None
    ) -> Content:
        """Returns what stands at a root together with what was recorded there and never
        brought here.

        Raises MissingObjectError where that cannot be told, since the recorded listing
        is not in the cache.
        """
        cache = self.project.cache
        try:
            return completed(
                cache,
                partial(CacheWriter, cache),
                snapshot,
                recorded,
                self.last.get(path),
            )
        except MissingObjectError as error:
            raise MissingObjectError(
                f"{path}: {error.message}, so what it holds besides the files here is "
                "not known",
                hint=(
                    f"mltrack fetch {path}; or, to record only what is here: mltrack "
                    f"remove {path} && mltrack add {path}"
                ),
            ) from None

    def require_listings(self, path: str) -> None:
        """Raises MissingObjectError where :meth:`with_absent` will, for what stands at
        a root, without saving anything.
        """
        recorded = self.view.pointers.get(path)
        try:
            absent_parts(self.project.cache, None, recorded, self.last.get(path))
        except MissingObjectError:
            snapshot = self.observer.tracked(path)
            # looked at without saving: the look that saves must read it again
            self.observer.forget([path])
            if snapshot is not None:
                self.with_absent(path, snapshot, recorded)

    def left_to_git(self) -> PathMap[str]:
        """Returns the outputs that stages leave to git, each with the stage's address.
        In the middle of a merge, when stages and locks may be in conflict themselves,
        also those that ran before it.
        """
        found = PathMap(self.view.left_to_git().items())
        with suppress(MltrackError):  # no commit yet, or one that cannot be read
            if self.project.repository.is_merging:
                for path, address in (
                    revision_view("HEAD", self.project.path, self.project.algorithm)
                    .left_to_git()
                    .items()
                ):
                    found[path] = address
        return found

    def edit_text(self, path: str, change: Callable[[str], str]) -> None:
        """Rewrites a text file of the workspace atomically, if ``change`` changes it;
        removes it once it is empty.
        """
        # stages of one repro, and other commands, edit the same files
        with locked(os.path.join(self.project.tmp_path, "edit.lock")):
            # bytes that are not UTF-8 come back as they were
            before = (self.project.read(path) or b"").decode("utf-8", "surrogateescape")
            after = change(before)
            if after == before:
                return
            if after.strip():
                self.project.write(path, after.encode("utf-8", "surrogateescape"))
            else:
                # only our lines were in it: an empty file would be one more to commit
                os.unlink(self.project.absolute(path))
