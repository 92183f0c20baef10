"""One experiment under way: its stages with its params, what is known of them, and what
becomes of them.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from mltrack.engine.checkpoints import Checkpoints
from mltrack.engine.commit import (
    Basis,
    Circumstances,
    Run,
    entry_of,
    keep_trees,
    put_log,
    record_of,
)
from mltrack.engine.events import Event
from mltrack.engine.inputs import Sources
from mltrack.engine.params import Overrides, Params
from mltrack.engine.parts import Engine, Policy, Recorder, Tree
from mltrack.engine.pipelines import choose, load_graph
from mltrack.engine.placement import Placement
from mltrack.engine.recovery import saved
from mltrack.errors import MissingObjectError, WorkspaceError
from mltrack.experiments.batch import Batch
from mltrack.experiments.notes import Notes, StillLearner
from mltrack.experiments.record import RAN, RESTORED, Done
from mltrack.experiments.stand import Stand
from mltrack.formats import params_file
from mltrack.objects.content import FILE, Content
from mltrack.pipeline.graph import Graph
from mltrack.pipeline.paths import contains
from mltrack.pipeline.plan import Plan
from mltrack.pipeline.stage import Entry, Stage, is_outside
from mltrack.runners.job import Poll
from mltrack.store.local.writer import CacheWriter
from mltrack.verbs import planning
from mltrack.verbs.outside import outside_content
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources as Elsewhere


class Ground(NamedTuple):
    """What all experiments of one base share. ``asking`` is the session of the
    workspace that asked for them; ``elsewhere`` gets what the cache lacks, None if
    nothing is to be fetched.
    """

    stand: Stand
    asking: Session
    batch: Batch
    placement: Placement
    policy: Policy
    elsewhere: Elsewhere | None
    code_state: tuple[str, bool]


class FromCache:
    """The inputs of jobs, which stand nowhere but in the cache. See
    :class:`mltrack.engine.parts.Supply`.
    """

    def __init__(self, ground: Ground, learner: StillLearner) -> None:
        self._ground, self._learner = ground, learner

    def fetch(self, contents: Iterable[Content]) -> None:
        cache = self._ground.asking.project.cache
        lacking = [content for content in contents if not cache.holds(content)]
        if lacking and self._ground.elsewhere is not None:
            self._ground.elsewhere.require(lacking)
        elif lacking:
            raise MissingObjectError(
                f"{cache.algorithm.text(lacking[0].hex)} is not in the cache",
                hint="--pull fetches what experiments need",
            )

    def bring_parts(self, stage: Stage) -> tuple[str, ...]:
        return ()

    def bring_inputs(self, stage: Stage) -> tuple[str, ...]:
        return ()

    def bring_apart(self, stage: Stage) -> tuple[str, ...]:
        wanted: dict[str, Content] = {}
        absent = self._learner.absent
        sought = [*stage.reads, *(out.path for out in stage.outs if out.persist)]
        for path in sought:
            if not is_outside(path):
                for place in absent.overlapping(path):
                    content = absent[place]
                    if content is not None:
                        wanted[place] = content
        cache = self._ground.asking.project.cache
        for path, content in wanted.items():
            if not cache.holds(content):
                try:
                    self.fetch([content])
                except MissingObjectError as error:
                    raise MissingObjectError(
                        f"{path!r} is not in the cache", hint=error.hint
                    ) from error
        return ()

    def note_left(self, runner: str, key: str, result: Poll) -> None:
        """Nothing: no output is left on a host."""


class Keeper:
    """Makes results of what the stages of one experiment have made. See
    :class:`mltrack.engine.parts.Commits`.
    """

    def __init__(self, ground: Ground, notes: Notes, learner: StillLearner) -> None:
        self._ground, self._notes, self._learner = ground, notes, learner
        self.followed: set[str] = set()
        """The stages whose outputs others of this experiment wait for."""

    def commit(
        self,
        stage: Stage,
        basis: Basis,
        run: Run | None = None,
        left: Mapping[str, Content] | None = None,
    ) -> Entry:
        session, batch = self._ground.stand.session, self._ground.batch
        outs = {out.path: self._save(stage, out.path) for out in stage.outs}
        keep_trees(session.observer, batch.writer, basis.inputs)
        entry = entry_of(stage, basis, outs)
        log = ""
        if run is not None and run.log_path:
            log = put_log(batch.writer, run.log_path)
        made = Circumstances(self._ground.code_state, session.project.algorithm, log)
        record = record_of(stage, basis.key, entry, run, made)
        done = Done(RAN, record.key, record.seconds, record.runner)
        self._notes.record(stage, entry, done)
        batch.add(record)
        for path, content in outs.items():
            # the next experiment's must land there
            session.checkout.clear(path)
            self._learner.absent[path] = content
        if stage.address in self.followed:
            batch.settle()
        return entry

    def _save(self, stage: Stage, path: str) -> Content:
        observer = self._ground.stand.session.observer
        # whatever its size: there is no workspace that would keep it
        snapshot = saved(observer, self._ground.batch.writer, path, is_cached=True)
        if snapshot is None:
            raise WorkspaceError(
                f"output {path!r} of stage {stage.address!r} does not exist"
            )
        return snapshot.content

    def note_restored(
        self, stage: Stage, basis: Basis, outs: dict[str, Content]
    ) -> None:
        entry = entry_of(stage, basis, outs)
        self._notes.record(stage, entry, Done(RESTORED, basis.key))

    def make_directory(self, path: str) -> None:
        """Nothing: jobs have directories of their own."""

    def settle_if_due(self) -> None:
        """Nothing: all experiments are settled together."""


class IntoNotes:
    """Earlier results are noted, and stay in the cache. See
    :class:`mltrack.engine.parts.Results`.
    """

    def restore(
        self, engine: Engine, stage: Stage, outs: Mapping[str, Content]
    ) -> Iterator[Event]:
        engine.supply.fetch(outs.values())
        for path, content in outs.items():
            engine.tree.learner.absent[path] = content
        yield from ()


class Trial:
    """One experiment on the ground of its base, with params that stand in for those of
    its files. Raises UsageError for a target, PipelineError for a pipeline that cannot
    be.
    """

    def __init__(
        self, ground: Ground, overrides: Overrides, targets: tuple[str, ...]
    ) -> None:
        self.ground, self.overrides = ground, overrides
        session = ground.stand.session
        view = session.view
        self.graph = self._graph()
        chosen = choose(self.graph, list(targets), ground.asking.project.here)
        wanted = self.graph.closure(chosen)
        self.addresses = [one for one in self.graph.stages if one in wanted]
        self.notes = Notes(view)
        assert view.remembered is not None
        sources = Sources(
            os.environ,
            self.graph.aliases,
            partial(outside_content, ground.asking),
            self._bring,
        )
        self.learner = StillLearner(
            session.observer,
            self.notes,
            session.project.cache,
            Params(session.project.read, view.remembered, overrides),
            sources,
        )
        for path, content in view.pointers.items():
            self.learner.absent[path] = content
        self._note_what_is_gone_on_from()
        self._rewrite_params()
        self.supply = FromCache(ground, self.learner)

    def _graph(self) -> Graph:
        view = self.ground.stand.session.view
        if not self.overrides:
            return view.graph
        return load_graph(
            view.pipelines,
            view.read,
            view.remembered,
            view.project_path,
            self.overrides,
        )

    def rewritten(self) -> Iterator[tuple[str, bytes]]:
        """Yields the params files in which values are set, as they then are. Raises
        PipelineError for one in a language that cannot be written.
        """
        for path, values in self.overrides.items():
            data = self.ground.stand.session.project.read(path)
            if data is not None:
                yield path, params_file.rewritten(data, values, path)

    def _rewrite_params(self) -> None:
        """Has stages that read such a file as a dependency depend on it as it then is."""
        deps = {dep for one in self.addresses for dep in self.graph.stages[one].deps}
        read = [
            (path, data)
            for path, data in self.rewritten()
            if any(contains(dep, path) for dep in deps)
        ]
        if read:
            with CacheWriter(self.ground.stand.session.project.cache) as writer:
                for path, data in read:
                    made = Content(FILE, writer.put(data), len(data))
                    self.learner.rewritten[path] = made
                writer.finish()

    def _note_what_is_gone_on_from(self) -> None:
        """Commands that append find what the base recorded."""
        for address in self.addresses:
            stage = self.graph.stages[address]
            for out in (out.path for out in stage.outs if out.persist):
                entry = self.notes.entry(stage)
                if entry is not None and out in entry.outs:
                    self.learner.absent[out] = entry.outs[out]

    def _bring(self, content: Content) -> None:
        with suppress(MissingObjectError):
            self.supply.fetch([content])

    def plan(self) -> Plan:
        """Returns what would happen."""
        policy = self.ground.policy
        grounds = planning.Grounds(self.learner, policy.facts, policy.options)
        session = self.ground.stand.session
        return planning.make_plan(session, self.addresses, grounds, self.graph)

    def engine(self) -> Engine:
        """Returns all that carrying out the plan needs."""
        ground, session = self.ground, self.ground.stand.session
        keeper = Keeper(ground, self.notes, self.learner)
        chosen = set(self.addresses)
        keeper.followed = {
            needed
            for address in chosen
            for needed in self.graph.upstream[address]
            if needed in chosen
        }
        outputs = tuple(
            out.path for stage in self.graph.stages.values() for out in stage.outs
        )
        # of what did not end well its runner keeps the state
        nowhere = Checkpoints(session.project.path, session.project.tmp_path)
        return Engine(
            Tree(
                session.checkout,
                self.learner,
                session.trash,
                outputs,
                around=ground.stand.files,
            ),
            Recorder(self.notes, keeper, nowhere),
            ground.policy,
            ground.placement,
            self.supply,
            IntoNotes(),
        )

    @property
    def upstream(self) -> dict[str, tuple[str, ...]]:
        """The edges among the stages of this experiment."""
        return {one: self.graph.upstream[one] for one in self.addresses}


def now() -> float:
    """Returns the time as records have it."""
    return round(time.time(), 3)
