"""``why``: a stage's verdict and all reasons for it, down to the file in a directory and the param's values."""

import os
from dataclasses import dataclass

from mltrack.engine.pipelines import choose
from mltrack.errors import MissingObjectError
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_diff import Change
from mltrack.pipeline.plan import Cause, Reason, Step
from mltrack.verbs import planning
from mltrack.verbs.session import Session

MAX_FILES = 20


@dataclass(frozen=True, slots=True)
class Explained:
    """One reason, and for a directory the files in it that differ, as ``(change, path)``."""

    reason: Reason
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    step: Step
    reasons: tuple[Explained, ...]


def why(session: Session, targets: list[str]) -> list[Explanation]:
    """Returns what would happen to each of the stages and why; everything upstream is taken into account."""
    graph = session.view.graph
    chosen = choose(graph, targets, session.project.here)
    plan = planning.make_plan(session, sorted(graph.closure(chosen)))
    explanations = [
        Explanation(step, tuple(Explained(reason, _files(session, step, reason)) for reason in step.reasons))
        for step in plan.steps
        if step.stage.address in chosen
    ]
    session.observer.close()
    return explanations


def _files(session: Session, step: Step, reason: Reason) -> tuple[tuple[str, str], ...]:
    state = session.view.lock_state
    entry = state.entry(step.stage) if state is not None else None
    if entry is None or reason.cause not in (Cause.DEPENDENCY_CHANGED, Cause.OUTPUT_CHANGED):
        return ()
    recorded = (entry.deps if reason.cause is Cause.DEPENDENCY_CHANGED else entry.outs).get(reason.subject)
    if recorded is None or recorded.kind != TREE:
        return ()
    return _changed_files(session, reason.subject, recorded)


def _changed_files(session: Session, path: str, recorded: Content) -> tuple[tuple[str, str], ...]:
    """The files that differ, as far as the cache knows the recorded tree: trees of code directories are not kept."""
    snapshot = session.observer.seen(path)
    if snapshot is None:
        return ()
    try:
        changes: list[Change] = list(session.checkout.changes(path, snapshot, recorded))
    except MissingObjectError:
        return ()
    found = [
        ("added" if change.new is None else "deleted" if change.old is None else "modified", os.fsdecode(change.path))
        for change in changes
    ]
    return tuple(sorted(found, key=lambda item: item[1])[:MAX_FILES])
