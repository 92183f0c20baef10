"""``commit``: records the present state of stages as if they had run just now."""

from dataclasses import dataclass

from mltrack.engine.commit import Basis
from mltrack.engine.lock_state import LockState
from mltrack.engine.pipelines import choose
from mltrack.errors import PipelineError, UsageError, WorkspaceError
from mltrack.formats.pointer import SUFFIX
from mltrack.pipeline.plan import Known, Upcoming
from mltrack.pipeline.stage import Inputs, Stage
from mltrack.verbs import planning
from mltrack.verbs.repro import alone, committer, end_tracking
from mltrack.verbs.session import Session


@dataclass(frozen=True, slots=True)
class CommitResult:
    stages: tuple[str, ...]


def commit(session: Session, targets: list[str]) -> CommitResult:
    """Records dependencies, params and outputs of stages as they are; nothing is run.
    All of it is done, or nothing.
    """
    project = session.project
    for target in targets:
        path = target.removesuffix(SUFFIX)
        if (
            not session.view.graph.stages.get(target)
            and project.relative(path) in session.view.pointers
        ):
            raise UsageError(
                f"{target!r} is tracked data, not a stage", hint=f"mltrack add {path}"
            )
    addresses = choose(session.view.graph, targets, session.project.here)
    locks = session.view.lock_state
    assert isinstance(locks, LockState)
    stages = [session.view.graph.stages[address] for address in addresses]
    if not stages:
        raise PipelineError(
            "there are no stages to commit", hint="mltrack stage add --help"
        )
    recorder = committer(session, locks)
    # repro's lock before that of the cache, as everywhere
    with alone(project, lambda: None), project.cache.in_use():
        # a repro may have ended just now: look at everything only from here on
        locks.refresh()
        learner = planning.learner(session)
        session.observer.prepare(path for stage in stages for path in stage.deps)
        known = [(stage, learner.learn(stage, Upcoming(), ())) for stage in stages]
        for stage, facts in known:
            _require_present(stage, facts)
        # what a killed repro noted goes into the lock below, and must be saved by then
        recorder.recover()
        for stage, facts in known:
            inputs = _with_absent(session, facts.inputs)
            basis = Basis(inputs, project.settings.text("core.shell"))
            recorder.commit(stage, basis, complete=session.with_absent)
        # durable before the lock names it
        recorder.settle()
        end_tracking(session, recorder, locks.fold(session.view.graph.stages.values()))
    return CommitResult(tuple(addresses))


def _require_present(stage: Stage, facts: Known) -> None:
    """Raises WorkspaceError unless all that the stage reads and writes is there."""
    gone = [
        path
        for path, content in {**facts.inputs.deps, **facts.outs}.items()
        if content is None
    ]
    if gone:
        raise WorkspaceError(
            f"stage {stage.address!r} cannot be recorded: {gone[0]!r} does not exist",
            hint=f"mltrack repro {stage.address}",
        )


def _with_absent(session: Session, inputs: Inputs) -> Inputs:
    """The inputs with what was never brought here of tracked directories among them."""
    deps = dict(inputs.deps)
    for path, recorded in session.view.pointers.items():
        snapshot = session.observer.seen(path) if deps.get(path) is not None else None
        if snapshot is not None:
            deps[path] = session.with_absent(path, snapshot, recorded)
    return inputs._replace(deps=deps)
