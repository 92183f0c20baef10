"""What a stage depends on, observed now: files, params, environment. The bridge from
the disk to the pure plan.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from mltrack.engine.params import Params
from mltrack.errors import (
    FormatError,
    MissingObjectError,
    PipelineError,
    WorkspaceError,
)
from mltrack.formats import params_file
from mltrack.objects import tree
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.objects.tree_walk import entry_at, extent
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.plan import Known, Upcoming
from mltrack.pipeline.stage import Entry, Inputs, ParamFile, Stage, is_outside
from mltrack.store.local.cache import Cache
from mltrack.workspace.observe import Observer
from mltrack.workspace.stillness import Moment, moment

UNREPRESENTABLE = "unrepresentable"
"""The kind of an output that no tree can hold: it equals nothing."""


class Sources(NamedTuple):
    """Where values come from that are not paths of the workspace.

    ``environment`` are the variables; ``aliases`` are dependencies reached through
    links; ``ask_outside`` returns what stands outside the project, None for nothing, at
    a URL or a path, by its stamps if that is asked. ``bring`` gets a file, or the listing
    of a directory, into the cache from elsewhere.
    """

    environment: Mapping[str, str]
    aliases: Mapping[str, str]
    ask_outside: Callable[[str, bool], Content | None]
    bring: Callable[[Content], None]


class Entries(Protocol):
    """What is recorded of stages: the locks of a workspace, or one run's own."""

    def entry(self, stage: Stage) -> Entry | None:
        """Returns what is recorded of a stage; raises FormatError where its lock cannot
        be read.
        """
        ...


class Learner:
    """Answers the plan's question about a stage by looking at the workspace; each path
    is looked at once.

    ``absent`` holds what is known to belong at paths where nothing stands: such a
    dependency counts as being there.
    """

    def __init__(
        self,
        observer: Observer,
        locks: Entries,
        cache: Cache,
        params: Params,
        sources: Sources,
    ) -> None:
        self.params = params
        self.sources = sources
        self.absent: Upcoming = PathMap()
        self._observer = observer
        self._locks = locks
        self._cache = cache
        self._places: dict[tuple[str, bool], Content | None] = {}

    def learn(
        self, stage: Stage, upcoming: Upcoming, pending: tuple[tuple[str, str], ...]
    ) -> Known:
        """See :func:`mltrack.pipeline.plan.make`."""
        try:
            inputs, later = self.inputs(stage, upcoming, pending)
        except (PipelineError, FormatError) as error:
            # it hinders this stage, and what follows it
            return Known(
                self._locks.entry(stage),
                Inputs({}, {}, {}),
                self.outputs(stage),
                pending,
                problem=error,
            )
        through = tuple(self._through(inputs.deps))
        return Known(
            self._locks.entry(stage), inputs, self.outputs(stage), tuple(later), through
        )

    def inputs(
        self,
        stage: Stage,
        upcoming: Upcoming,
        pending: tuple[tuple[str, str], ...] = (),
    ) -> tuple[Inputs, list[tuple[str, str]]]:
        """Returns the values of all that a stage depends on, and what is still to be
        written besides ``pending``.
        """
        waiting = {path for path, _ in pending}
        deps: dict[str, Content | None] = {}
        later = list(pending)
        for path in dict.fromkeys(stage.deps):
            if path in waiting:
                continue
            if is_outside(path):
                # it does not run: nobody need be asked
                entry = self._locks.entry(stage) if stage.frozen else None
                deps[path] = (
                    entry.deps.get(path)
                    if entry is not None
                    else self._outside(path, by_stamp=path in stage.stamped)
                )
                continue
            known, content = self._from(upcoming, path)
            if known:
                deps[path] = content
            elif upcoming.below(self.sources.aliases.get(path, path)):
                # part of it comes back first: what all of it is can only be seen then
                later.append((path, "restored outputs"))
            else:
                deps[path] = self._dependency(path)
        return Inputs(
            deps=deps,
            params={
                file.path: self._params_of(file, stage, upcoming)
                for file in stage.params
                if file.path not in waiting
            },
            env={name: self._digest_of_variable(name) for name in stage.env.vars},
            lock=self._lock_digest(stage, waiting, upcoming),
            image=stage.env.image or None,
        ), later

    def moments(self, deps: Mapping[str, Content | None]) -> dict[str, Moment]:
        """Returns the stamps of dependencies that stand in the workspace and were just
        looked at.
        """
        found = {}
        for path, content in deps.items():
            snapshot = self._observer.seen(path) if content is not None else None
            if snapshot is not None:
                found[path] = moment(self._observer.full_path(path), snapshot)
        return found

    def linked(self, paths: Iterable[str]) -> set[str]:
        """Returns the paths of the project that links in directories lead to, and links
        in those: a command that follows them depends on what stands there, or will, and
        its run key counts it.
        """
        found: set[str] = set()
        pending = list(paths)
        while pending:
            for _, real in self._links_in(pending.pop()):
                # the root holds everything, the link too
                if real not in found and real != ".":
                    found.add(real)
                    pending += (
                        [real] if os.path.isdir(self._observer.full_path(real)) else []
                    )
        return found

    def _links_in(self, path: str) -> Iterator[tuple[str, str]]:
        content = self._observer.dependency(path)
        return self._through({path: content})

    def _through(self, deps: Mapping[str, Content | None]) -> Iterator[tuple[str, str]]:
        """Where the links in dependency directories lead, inside the project."""
        for path, content in deps.items():
            snapshot = (
                self._observer.seen(path)
                if content is not None and content.kind == TREE
                else None
            )
            if snapshot is None:
                continue
            for directory, block in snapshot.blocks.items():
                # few directories hold a link, and some hold 100,000 files
                if tree.SYMLINK not in block.kinds:
                    continue
                for name, kind in zip(block.names, block.kinds, strict=True):
                    if kind == tree.SYMLINK:
                        link = os.path.join(
                            path, os.fsdecode(directory), os.fsdecode(name)
                        )
                        real = self._observer.real_path(link)
                        if real:
                            yield path, real

    def outputs(self, stage: Stage) -> dict[str, Content | None]:
        """Returns what stands at a stage's outputs now."""
        return {out.path: self._output(out.path) for out in stage.outs}

    def _output(self, path: str) -> Content | None:
        try:
            snapshot = self._observer.tracked(path)
        except WorkspaceError:
            # left by a failed run, perhaps: it differs from whatever was recorded
            return Content(UNREPRESENTABLE, "", 0)
        return snapshot.content if snapshot is not None else None

    def text_of(self, file: ParamFile, stage: Stage) -> bytes | None:
        """Returns a params file as a stage is to see it; None where that is as it
        stands.
        """
        return self.params.text(file)

    def absent_at(self, path: str) -> Content | None:
        """Returns what belongs at a path where nothing stands, if that is known."""
        return self._from(self.absent, path)[1] if self.absent else None

    def _dependency(self, path: str) -> Content | None:
        content = self._observer.dependency(path)
        return (
            content
            if content is not None or not self.absent
            else self._from(self.absent, path)[1]
        )

    def _outside(self, path: str, *, by_stamp: bool) -> Content | None:
        key = path, by_stamp
        if key not in self._places:
            self._places[key] = self.sources.ask_outside(path, by_stamp)
        return self._places[key]

    def _params_of(
        self, file: ParamFile, stage: Stage, upcoming: Upcoming
    ) -> dict[str, Any]:
        """The values of a stage's params in one file, which may be about to be
        restored.
        """
        path = file.path
        known, content = self._from(upcoming, path)
        # only where nothing stands: a file that the person put there counts
        if not known and self.absent and not self.params.stands(path):
            known, content = self._from(self.absent, path)
        if known:
            data = self._bytes_of(content) if content is not None else None
            values = self.params.parsed(path, data, stage)
        else:
            values = self.params.values(path, stage)
        try:
            return params_file.pick(values, file.keys, path)
        except PipelineError as error:
            raise PipelineError(
                f"stage {stage.address!r}: {error.message}", hint=error.hint
            ) from None

    def _bytes_of(self, content: Content) -> bytes:
        try:
            return self._cache.read(content.hex)
        except MissingObjectError:
            self.sources.bring(content)
        return self._cache.read(content.hex)

    def forget(self, stage: Stage) -> None:
        """Looks anew at everything that a stage depends on, the next time it is asked
        for.
        """
        self._observer.forget(
            [*stage.deps, *([stage.env.lock] if stage.env.lock else [])]
        )
        for dep in stage.deps:
            self._places.pop((dep, dep in stage.stamped), None)
        for file in stage.params:
            self.params.forget(file.path)

    def _from(self, known: Upcoming, path: str) -> tuple[bool, Content | None]:
        """What will stand at a path, by what is known of outputs; ``(False, None)`` if
        they do not decide it.
        """
        path = self.sources.aliases.get(path, path)
        out = known.holder(path)
        if out is None:
            return False, None
        content = known[out]
        # below a file nothing stands: what was there goes when that is put there
        if path == out or content is None or content.kind != TREE:
            return True, content if path == out else None
        inner = path[len(out) + 1 :]
        try:
            return True, self._below(content, inner)
        except MissingObjectError:
            self.sources.bring(content)
        try:
            # once more, after its listings were asked for
            return True, self._below(content, inner)
        except MissingObjectError:
            return False, None

    def _below(self, content: Content, path: str) -> Content | None:
        found = entry_at(content.hex, os.fsencode(path), self._cache.read_tree)
        if found is None:
            return None
        is_tree = found.kind == tree.DIRECTORY
        files = extent(found.hex, self._cache.read_tree) if is_tree else 1
        return Content(BY_LETTER[found.kind], found.hex, found.size, files)

    def _digest_of_variable(self, name: str) -> str | None:
        value = self.sources.environment.get(name)
        return (
            None
            if value is None
            # the digest only: locks are shared, and the value may be nobody's business
            else self.algorithm.hex_of(value.encode("utf-8", "surrogateescape"))
        )

    def _lock_digest(
        self, stage: Stage, waiting: set[str], upcoming: Upcoming
    ) -> str | None:
        if not stage.env.lock or stage.env.lock in waiting:
            return None
        known, content = self._from(upcoming, stage.env.lock)
        if not known:
            content = self._dependency(stage.env.lock)
        if content is None:
            raise PipelineError(
                f"stage {stage.address!r}: the environment's lock file "
                f"{stage.env.lock!r} does not exist",
                hint=f"create it, or correct `env.lock` in {stage.pipeline_path}",
            )
        return content.hex

    @property
    def algorithm(self) -> Algorithm:
        return self._cache.algorithm
