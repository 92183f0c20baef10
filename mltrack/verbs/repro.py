"""``repro``: brings stages up to date, running only what must run."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mltrack.disk.lock import locked
from mltrack.engine.commit import Committer
from mltrack.engine.execute import Describe, Engine, Outcome, execute
from mltrack.engine.inputs import Learner
from mltrack.engine.lock_state import LockState
from mltrack.engine.pipelines import choose
from mltrack.errors import WorkspaceError
from mltrack.events import Event, LeftoverEnded
from mltrack.git import repository as git
from mltrack.pipeline.plan import Facts, Options, Plan
from mltrack.pipeline.stage import overlaps
from mltrack.project import Project
from mltrack.runners.registry import open_runner
from mltrack.runners.runner import Runner
from mltrack.store.cache_writer import CacheWriter
from mltrack.verbs import planning
from mltrack.verbs.session import Session
from mltrack.workspace.ignore import is_owned


@dataclass(frozen=True, slots=True)
class ReproOptions:
    """How ``repro`` was asked for. ``single_item`` leaves out what the targets depend on."""

    targets: tuple[str, ...] = ()
    force: bool = False
    single_item: bool = False
    use_run_cache: bool = True


@contextmanager
def alone(project: Project, waiting: Callable[[], None]) -> Iterator[None]:
    """Keeps other ``repro`` out of this workspace for the length of a block; calls ``waiting`` if there is one.

    Two at once would remove each other's outputs. Plan inside the block: the second finds the first one's results.
    """
    with locked(os.path.join(project.tmp_path, "repro.lock"), waiting=waiting):
        yield


class Repro:
    """One ``repro``: the plan first; then, if wanted, its execution as a stream of events."""

    def __init__(
        self, session: Session, options: ReproOptions, describe: Describe, runner: Runner | None = None
    ) -> None:
        """``describe`` puts reasons into words for events; stages run on ``runner``, by default this machine."""
        self.session = session
        self._runner = runner
        self.options = Options(force=options.force, use_run_cache=options.use_run_cache)
        graph = session.view.graph
        chosen = choose(graph, list(options.targets), session.project.here)
        self.addresses = chosen if options.single_item else sorted(graph.closure(chosen))
        self.learner: Learner = planning.learner(session)
        self.facts: Facts = planning.facts(session)
        self.outcome = Outcome()
        self._describe = describe

    def check_data(self) -> list[str]:
        """Returns warnings about what stages start from: data that differs from its pointer, and files that other
        clones will lack. Raises WorkspaceError for data that is older than its pointer: a result of it would be of a
        version that nobody asked for."""
        session, warnings = self.session, []
        stages = [session.view.graph.stages[address] for address in self.addresses]
        deps = sorted({dep for stage in stages for dep in stage.deps})
        for path, content in session.view.pointers.items():
            if not any(overlaps(path, dep) for dep in deps):
                continue
            snapshot = session.observer.tracked(path)
            if snapshot is None or snapshot.content.same_bytes(content):
                continue
            if snapshot.content.same_bytes(session.last.get(path)):
                raise WorkspaceError(
                    f"{path!r} in the workspace is not the version that its pointer says",
                    hint=f"mltrack checkout {path}",
                )
            warnings.append(f"{path} differs from its pointer; `mltrack add {path}` records what the stages read")
        outs = [out.path for stage in session.view.graph.stages.values() for out in stage.outs]
        loose = [dep for dep in deps if not is_owned(dep, (*session.view.pointers, *outs))]
        aliases = session.view.graph.aliases
        for dep in git.ignored_among([aliases.get(dep, dep) for dep in loose], session.project.path):
            warnings.append(
                f"{dep} is ignored by git, and neither tracked nor written by a stage: other clones lack it"
            )
        return warnings

    def plan(self) -> Plan:
        """Returns what would happen; looks, and changes nothing but the stat index."""
        plan = planning.make_plan(self.session, self.addresses, self.options, self.learner, self.facts)
        self.session.observer.close()
        return plan

    def run(self, plan: Plan) -> Generator[Event, None, None]:
        """Carries out the plan. However it ends, what finished is in the lock."""
        session, graph = self.session, self.session.view.graph
        locks = session.view.lock_state
        assert isinstance(locks, LockState)
        chosen = set(self.addresses)
        upstream = {a: tuple(n for n in needed if n in chosen) for a, needed in graph.upstream.items()}
        try:
            with session.project.cache.in_use():
                engine = self._engine(locks)
                for label in engine.runner.recover():
                    yield LeftoverEnded(label)
                yield from execute(engine, plan, upstream, self.outcome)
        finally:
            locks.fold(graph.stages.values())
            session.observer.close()

    def _engine(self, locks: LockState) -> Engine:
        session, project = self.session, self.session.project
        return Engine(
            self.learner,
            locks,
            session.checkout,
            committer(session, locks),
            session.trash,
            self._runner or open_runner("local", project.path, project.jobs_path),
            self.facts,
            self.options,
            self._describe,
        )


def committer(session: Session, locks: LockState) -> Committer:
    """Returns what records results in this project."""
    project = session.project
    state: list[tuple[str, bool]] = []

    def code_state() -> tuple[str, bool]:
        if not state:
            commit = git.head_commit(project.repository)
            state.append((commit, bool(commit) and git.is_dirty(project.path)))
        return state[0]

    return Committer(
        project.path,
        session.observer,
        project.run_cache,
        locks,
        session.last,
        lambda: CacheWriter(project.cache),
        code_state,
        session.edit_text,
    )
