"""``repro``: brings stages up to date, running only what must run."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from mltrack.config import places as trusted
from mltrack.disk.lock import NameLocks, locked
from mltrack.engine.checkpoints import Checkpoints
from mltrack.engine.claims import Claims
from mltrack.engine.commit import Committer
from mltrack.engine.events import Event, HostLeftOut, LeftoverEnded
from mltrack.engine.execute import Execution
from mltrack.engine.ignoring import IgnoreLines
from mltrack.engine.lock_state import Dropped, LockState
from mltrack.engine.outcome import Limits, Outcome
from mltrack.engine.params import Overrides
from mltrack.engine.parts import Engine, Policy, Recorder, Tree
from mltrack.engine.pipelines import choose, load_graph
from mltrack.engine.queue import Queue
from mltrack.engine.restoring import IntoWorkspace
from mltrack.errors import MltrackError, PipelineError, UsageError, WorkspaceError
from mltrack.git.code_state import CodeState
from mltrack.git.ignored import ignored_among
from mltrack.pipeline.graph import Graph
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.plan import Facts, Options, Plan, Verdict
from mltrack.pipeline.reason import Cause
from mltrack.pipeline.stage import Stage
from mltrack.project import Project
from mltrack.runners.names import LOCAL
from mltrack.runners.runner import Runner
from mltrack.store.local.writer import CacheWriter
from mltrack.verbs import places, planning
from mltrack.verbs.bringing import FromHosts
from mltrack.verbs.drivers import drive_outputs
from mltrack.verbs.expectation import Expectation, expect
from mltrack.verbs.overrides import Given, read_overrides
from mltrack.verbs.session import STAGE_LOCKS, Session
from mltrack.verbs.supply import FromRemote
from mltrack.workspace.links import make_private


@dataclass(frozen=True, slots=True)
class ReproOptions:
    """How ``repro`` was asked for. ``single_item`` leaves out what the targets depend
    on; ``downstream`` takes the targets and what depends on them. ``overrides`` are
    ``[file:]key=value``, or names with values. ``jobs`` is 0 for what the settings say.
    ``runner`` is where all stages run that do; '' is what they or the settings say.
    ``detach`` hands jobs over and leaves; without ``fetch`` outputs stay on the host
    that made them.
    """

    targets: tuple[str, ...] = ()
    force: bool = False
    single_item: bool = False
    downstream: bool = False
    use_run_cache: bool = True
    jobs: int = 0
    keep_going: bool = False
    pull: bool = False
    overrides: tuple[Given, ...] = ()
    runner: str = ""
    detach: bool = False
    fetch: bool = True


@contextmanager
def alone(project: Project, waiting: Callable[[], None]) -> Iterator[None]:
    """Keeps ``repro`` out of this workspace for the length of a block; calls
    ``waiting`` if one is at work.
    """
    with locked(_lock_path(project), waiting=waiting):
        yield


def _lock_path(project: Project) -> str:
    return os.path.join(project.tmp_path, "repro.lock")


class Doubt(Enum):
    """What is doubtful about data that stages read; the value is its stable name in
    ``--json``.
    """

    PARTIAL = "partial"
    CHANGED = "changed"
    ONLY_HERE = "only-here"
    """git ignores it, and nobody tracks or writes it: other clones lack it."""


class DataNote(NamedTuple):
    """One doubt, and the path that it is about."""

    doubt: Doubt
    path: str


def jobs_at_once(project: Project, options: ReproOptions) -> int:
    """Returns how many stages may run at once, as asked for or as it is set."""
    return options.jobs or project.settings.number("repro.jobs") or 1


class Repro:
    """One ``repro``: the plan first; then, if wanted, its execution as a stream of
    events.
    """

    def __init__(
        self, session: Session, options: ReproOptions, only: Runner | None = None
    ) -> None:
        """Stages run on ``only``, if given, whatever they name."""
        self.session = session
        self._leaves = not options.fetch
        if options.runner:
            places.check_name(session.project, options.runner)
        self._placement = places.placement(
            session.project, options.runner, detaches=options.detach, only=only
        )
        self.options = Options(
            options.force, options.use_run_cache, absent_is_fine=options.pull
        )
        overrides = read_overrides(session, options.overrides)
        self.graph = self._load_graph(overrides)
        self._chosen = choose(self.graph, list(options.targets), session.project.here)
        self._asked = options
        self.addresses = _scope(self.graph, self._chosen, options)
        jobs = jobs_at_once(session.project, options)
        self.limits = Limits(jobs, options.keep_going, options.detach)
        self._supply = FromRemote(session) if options.pull else None
        if self._supply is not None:
            self.learner = planning.learner(session, overrides, self._supply.get)
        else:
            self.learner = planning.learner(session, overrides)
        self.facts: Facts = planning.facts(
            session, self._supply.has if self._supply is not None else None
        )
        self.outcome = Outcome()
        self._left_out: set[str] = set()

    def _load_graph(self, overrides: Overrides) -> Graph:
        view = self.session.view
        if not overrides:
            return view.graph
        return load_graph(
            view.pipelines, view.read, view.remembered, view.project_path, overrides
        )

    @property
    def uses_hosts(self) -> bool:
        """Whether a stage may run elsewhere than on this machine."""
        return any(self._placement.names(stage) != (LOCAL,) for stage in self.stages)

    @property
    def stages(self) -> list[Stage]:
        return [self.graph.stages[address] for address in self.addresses]

    def check_data(self) -> list[DataNote]:
        """Returns what there is to say about what stages start from: data that differs
        from its pointer, and files that other clones will lack. Raises WorkspaceError
        for data that is older than its pointer: a result of it would be of a version
        that nobody asked for.
        """
        session = self.session
        notes: list[DataNote] = []
        if self._supply is not None:
            self._supply.complete(dep for stage in self.stages for dep in stage.deps)
        deps = planning.read_by(self.stages)
        for path, error in session.view.broken.items():
            if deps.overlapping(path):
                raise error  # nobody can tell which version the stages are to read
        for path, content, snapshot in planning.unlike_pointers(session, deps):
            if snapshot.content.same_bytes(session.last.get(path)):
                raise WorkspaceError(
                    f"{path!r} in the workspace is not the version that its pointer "
                    "says",
                    hint=f"mltrack checkout {path}",
                )
            is_part = session.checkout.comparison.is_part_of(snapshot, path, content)
            notes.append(DataNote(Doubt.PARTIAL if is_part else Doubt.CHANGED, path))
        owned = session.observer.owned
        aliases = self.graph.aliases
        loose = sorted(
            aliases.get(dep, dep) for dep in deps if owned.holder(dep) is None
        )
        # git has these, so that no clone lacks them
        in_git = set(session.view.in_git)
        for dep in ignored_among(
            [dep for dep in loose if dep not in in_git], session.project.path
        ):
            notes.append(DataNote(Doubt.ONLY_HERE, dep))
        return notes

    def plan(self) -> Plan:
        """Returns what would happen; looks, and changes nothing but the stat index.
        With ``pull`` it takes the remote's run records first.
        """
        if self._supply is not None:
            self._supply.bring_records()
            self._supply.inform(self.learner)
            for stage in self.stages:
                if any(self.learner.absent.below(dep) for dep in stage.deps):
                    self._supply.bring_parts(stage)
        self.graph = planning.linked_graph(
            self.session, self.graph, self.addresses, self.learner
        )
        # links may have shown that more stages belong to it
        self.addresses = [
            address
            for address in _scope(self.graph, self._chosen, self._asked)
            if address not in self._left_out
        ]
        grounds = planning.Grounds(self.learner, self.facts, self.options)
        return planning.make_plan(self.session, self.addresses, grounds, self.graph)

    def plan_without(self, addresses: set[str]) -> Plan:
        """Returns the plan without some stages, and without those that lack what these
        would write.
        """
        while True:
            self._left_out |= addresses
            plan = self.plan()
            addresses = {
                step.stage.address
                for step in plan.steps
                for reason in step.reasons
                if reason.cause is Cause.DEPENDENCY_MISSING
                and self._is_of_left_out(reason.subject)
            }
            if not addresses:
                return plan

    def _is_of_left_out(self, path: str) -> bool:
        writer = self.graph.owner_of(path)
        return writer is not None and writer.address in self._left_out

    def expect(self, plan: Plan) -> Expectation:
        """Returns what carrying out the plan has before it, for whoever follows it."""
        return expect(self.session, plan, self.graph.upstream)

    def run(self, plan: Plan) -> Generator[Event, None, None]:
        """Carries out the plan. However it ends, what finished is in the lock."""
        session, project = self.session, self.session.project
        locks = session.view.lock_state
        assert isinstance(locks, LockState)
        chosen = set(self.addresses)
        # what --single-item leaves out is not waited for
        upstream = {
            a: tuple(n for n in needed if n in chosen)
            for a, needed in self.graph.upstream.items()
        }
        recorder = committer(session, locks)
        names = NameLocks(os.path.join(project.tmp_path, STAGE_LOCKS))
        try:
            # shared: repros divide the work; a `commit` by hand waits for all of them
            with locked(_lock_path(project), shared=True), project.cache.in_use():
                engine = self._engine(locks, recorder)
                try:
                    yield from self._make_ready(plan, locks, recorder)
                except BaseException:
                    # nothing runs: connections, and threads, are all there is to end
                    self._placement.close()
                    raise
                try:
                    queue = Queue(plan, upstream)
                    claims = Claims(
                        session.observer.owned, self.learner.sources.aliases, names
                    )
                    execution = Execution(engine, queue, self.limits, claims)
                    self.outcome = execution.outcome
                    yield from execution.events()
                    recorder.settle()
                finally:
                    self._placement.close()
                    # the error that brought us here is the one to tell
                    with suppress(MltrackError, OSError):
                        recorder.settle()
                    # else the lock would name what was not saved; the journal keeps it
                    if recorder.is_settled:
                        end_tracking(session, recorder, locks.fold(self._declared()))
        finally:
            recorder.discard()
            names.close()

    def _make_ready(
        self, plan: Plan, locks: LockState, recorder: Committer
    ) -> Iterator[Event]:
        """Refuses what cannot work, and settles what earlier runs left, before anything
        runs.
        """
        project = self.session.project
        _check_inputs(plan)
        self._placement.check(
            step.stage
            for step in plan.steps
            if step.verdict in (Verdict.RUN, Verdict.WAIT)
        )
        self._check_leaving()
        for one in self._placement.opened:
            # using a runner is the person's word for it
            trusted.trust(
                project.settings,
                trusted.runner_place(project.settings.runner(one.name)),
            )
            for host, error in one.abilities.left_out.items():
                yield HostLeftOut(one.name, host, error)
        # commands of a killed repro still write where this one is about to
        for label in self._placement.recover():
            yield LeftoverEnded(label)
        # what a killed process noted and did not save, while its outputs stand
        recorder.recover()
        entries = ((stage.pipeline_path, locks.entry(stage)) for stage in self.stages)
        former = [
            pair
            for path, entry in entries
            if entry is not None
            for pair in entry.cached_outs(path)
        ]
        recorder.lines.follow(self.stages, former)  # before a command writes anything
        self._sweep_lines(recorder)
        drive_outputs(self.session)
        self._fetch_results(plan)

    def _sweep_lines(self, recorder: Committer) -> None:
        view, last = self.session.view, self.session.last
        outputs = [out.path for stage in self._declared() for out in stage.outs]
        wanted = PathMap(
            (path, None) for path in (*outputs, *view.pointers, *view.broken)
        )
        recorder.lines.sweep(
            view.pipelines, wanted, lambda path: last.get(path) is not None
        )

    def _check_leaving(self) -> None:
        """Raises UsageError where outputs were to stay on hosts that cannot say what
        they are.
        """
        for one in self._placement.opened if self._leaves else ():
            if not one.abilities.leaves:
                raise UsageError(
                    f"the hosts of {one.name} have no library to hash with: what "
                    "stays there would not be known",
                    hint=(
                        "without --no-fetch results are hashed when they are back; "
                        f"see `mltrack runner check {one.name}`"
                    ),
                )

    def _fetch_results(self, plan: Plan) -> None:
        """Gets together what the plan's steps restore, instead of each by itself."""
        if self._supply is not None:
            steps = [
                step
                for step in plan.steps
                if step.verdict is Verdict.RESTORE and step.record is not None
            ]
            self._supply.fetch(
                content
                for step in steps
                if step.record
                for content in step.record.outs.values()
            )

    def _declared(self) -> list[Stage]:
        """The stages of the project, and those that this run's params declare."""
        return list({**self.session.view.graph.stages, **self.graph.stages}.values())

    def _engine(self, locks: LockState, recorder: Committer) -> Engine:
        session, project = self.session, self.session.project
        settings = project.settings
        outputs = tuple(path for stage in self._declared() for path in _written(stage))
        checkpoints = Checkpoints(
            project.path, os.path.join(project.tmp_path, "checkpoints")
        )
        return Engine(
            Tree(session.checkout, self.learner, session.trash, outputs),
            Recorder(locks, recorder, checkpoints),
            Policy(
                self.facts,
                self.options,
                check=settings.text("repro.check"),
                trace=settings.text("repro.trace"),
                project=project.job_name,
                leaves=self._leaves,
            ),
            self._placement,
            self._supply or FromHosts(session, self.learner),
            IntoWorkspace(),
        )


def _check_inputs(plan: Plan) -> None:
    """Raises, before anything runs, for a stage whose inputs cannot be known, or one of
    whose dependencies is nowhere.
    """
    for step in plan.steps:
        if step.problem is not None and step.verdict is Verdict.RUN:
            raise step.problem
        missing = [
            reason.subject
            for reason in step.reasons
            if reason.cause is Cause.DEPENDENCY_MISSING
        ]
        # of a stage that waits, another one may still write it
        if missing and step.verdict is Verdict.RUN:
            raise PipelineError(
                f"stage {step.stage.address!r} depends on {missing[0]!r}, which does "
                "not exist",
                hint=(
                    "`mltrack pull` brings tracked data; otherwise create the file or "
                    "correct `deps`"
                ),
            )


def _written(stage: Stage) -> list[str]:
    own = stage.execution.checkpoint
    return [*(out.path for out in stage.outs), *([own] if own else [])]


def _scope(graph: Graph, chosen: list[str], options: ReproOptions) -> list[str]:
    if options.single_item:
        return chosen
    wanted = graph.beyond(chosen) if options.downstream else graph.closure(chosen)
    return [address for address in graph.stages if address in wanted]


def end_tracking(session: Session, recorder: Committer, dropped: list[Dropped]) -> None:
    """Lets go of outputs that no stage declares any more: what stands there is the
    person's own file from now on, not a link into the cache.
    """
    declared = PathMap(
        (out.path, None)
        for stage in session.view.graph.stages.values()
        for out in stage.outs
    )
    for one in dropped:
        gone = [path for path in one.entry.outs if declared.holder(path) is None]
        for path in gone:
            if os.path.lexists(session.project.absolute(path)):
                make_private(session.project.path, path, session.project.cache)
        recorder.lines.follow((), [(one.pipeline_path, path) for path in gone])


def committer(session: Session, locks: LockState) -> Committer:
    """Returns what records results in this project."""
    project = session.project
    return Committer(
        project.path,
        session.observer,
        project.run_cache,
        locks,
        session.last,
        lambda: CacheWriter(project.cache),
        CodeState(project.repository, project.path),
        IgnoreLines(project.path, session.edit_text),
        lambda path: make_private(project.path, path, project.cache),
    )
