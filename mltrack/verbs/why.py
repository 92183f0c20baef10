"""``why``: a stage's verdict and all reasons for it, down to the file in a directory
and the param's values.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from mltrack.engine.commit import machine_platform, program_of
from mltrack.engine.pipelines import choose
from mltrack.errors import MissingObjectError
from mltrack.formats.run_record import RunRecord
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_diff import Change
from mltrack.pipeline.differences import input_reasons
from mltrack.pipeline.plan import Step, Upcoming, Verdict
from mltrack.pipeline.reason import Cause, Reason
from mltrack.pipeline.run_key import entry_parts, run_key
from mltrack.pipeline.stage import Entry, Inputs, Stage
from mltrack.verbs import planning
from mltrack.verbs.session import Session

MAX_FILES = 20
# records of one stage: each is compared with what stands here, the newest first
MAX_RECORDS = 200


@dataclass(frozen=True, slots=True)
class Explained:
    """One reason, and for a directory the files in it that differ, as ``(change,
    path)``.
    """

    reason: Reason
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Nearest:
    """The earlier run that is nearest to the stage as it is now: when it started, its
    commit, and what differs.
    """

    started: float
    commit: str
    reasons: tuple[Explained, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """``nearest`` is given where a run that is not the recorded one is nearer.
    ``machine`` says in what the recorded run was made otherwise than it would be now,
    though nothing declares to depend on it: ``(what, old, new)``.
    """

    step: Step
    key: str
    reasons: tuple[Explained, ...]
    nearest: Nearest | None = None
    machine: tuple[tuple[str, str, str], ...] = ()


def why(session: Session, targets: list[str]) -> list[Explanation]:
    """Returns what would happen to each of the stages and why; everything upstream is
    taken into account.
    """
    graph = session.view.graph
    chosen = choose(graph, targets, session.project.here)
    grounds = planning.Grounds(planning.learner(session), planning.facts(session))
    closure = graph.closure(chosen)
    addresses = [address for address in graph.stages if address in closure]
    plan = planning.make_plan(session, addresses, grounds)
    steps = [step for step in plan.steps if step.stage.address in chosen]
    wanted = {step.stage.address for step in steps if step.verdict is not Verdict.WAIT}
    records = _records(session, wanted)
    state = session.view.lock_state
    found = []
    for step in steps:
        entry = state.entry(step.stage) if state is not None else None
        past = _Past(session, step.stage, entry, records.get(step.stage.address, []))
        found.append(_explain(step, past, grounds))
    return found


class _Past(NamedTuple):
    """What is recorded of one stage: the entry of the lock, and the latest records of
    its runs, newest first.
    """

    session: Session
    stage: Stage
    entry: Entry | None
    records: list[RunRecord]

    def nearest(self, inputs: Inputs, shell: str) -> Nearest | None:
        """The record from which the stage differs least; nothing if the lock's entry is
        as near.
        """
        best: tuple[RunRecord, list[Reason]] | None = None
        # without an entry any record is nearer
        fewest = (
            len(input_reasons(self.stage, self.entry, inputs, shell))
            if self.entry is not None
            else 1 << 30
        )
        for record in self.records:
            reasons = input_reasons(self.stage, record.entry, inputs, shell)
            if len(reasons) < fewest:
                best, fewest = (record, reasons), len(reasons)
        if best is None:
            return None
        record, reasons = best
        explained = self.explained(record.entry, reasons)
        return Nearest(record.started, record.commit, explained)

    def machine(self) -> tuple[tuple[str, str, str], ...]:
        """In what the run that gave the recorded result differs from one that would be
        made now.
        """
        entry = self.entry
        if entry is None:
            return ()
        key = run_key(entry_parts(entry), self.session.project.algorithm)
        record = next(
            (
                record
                for record in self.records
                if record.key == key and record.entry.outs == entry.outs
            ),
            None,
        )
        if record is None:
            return ()
        pairs = (
            ("interpreter", record.program, program_of(self.stage.cmd[0])),
            ("platform", record.platform, machine_platform()),
        )
        return tuple((what, old, new) for what, old, new in pairs if old and old != new)

    def explained(
        self, entry: Entry | None, reasons: Iterable[Reason]
    ) -> tuple[Explained, ...]:
        """The reasons why the stage differs from an entry, with the files that do."""
        return tuple(
            Explained(reason, _files(self.session, entry, reason)) for reason in reasons
        )


def _explain(step: Step, past: _Past, grounds: planning.Grounds) -> Explanation:
    entry = past.entry
    reasons = past.explained(entry, step.reasons)
    key = step.key
    # a stage that is skipped was decided by its entry alone, without a key
    if not key and entry is not None and step.verdict is Verdict.SKIP:
        key = run_key(entry_parts(entry), past.session.project.algorithm)
    nearest = None
    if step.verdict in (Verdict.RUN, Verdict.RESTORE) and (entry is None or reasons):
        known = grounds.learner.learn(step.stage, Upcoming(), ())
        nearest = past.nearest(known.inputs, grounds.facts.shell)
    return Explanation(step, key, reasons, nearest, past.machine())


def _records(session: Session, stages: set[str]) -> dict[str, list[RunRecord]]:
    """The latest records of each of the stages, newest first."""
    found: dict[str, list[RunRecord]] = {}
    for _, record in session.project.run_cache.all():
        if record.stage in stages:
            found.setdefault(record.stage, []).append(record)
    for records in found.values():
        records.sort(key=lambda record: record.started, reverse=True)
        del records[MAX_RECORDS:]
    return found


def _files(
    session: Session, entry: Entry | None, reason: Reason
) -> tuple[tuple[str, str], ...]:
    if entry is None or reason.cause not in (
        Cause.DEPENDENCY_CHANGED,
        Cause.OUTPUT_CHANGED,
    ):
        return ()
    recorded = (
        entry.deps if reason.cause is Cause.DEPENDENCY_CHANGED else entry.outs
    ).get(reason.subject)
    if recorded is None or recorded.kind != TREE:
        return ()
    return _changed_files(session, reason.subject, recorded)


def _changed_files(
    session: Session, path: str, recorded: Content
) -> tuple[tuple[str, str], ...]:
    """The files that differ, as far as the cache knows the recorded tree: trees of code
    directories are not kept.
    """
    snapshot = session.observer.seen(path)
    if snapshot is None:
        return ()
    try:
        changes: list[Change] = list(
            session.checkout.comparison.changes(path, snapshot, recorded)
        )
    except MissingObjectError:
        return ()
    found = [
        (
            "added"
            if change.new is None
            else "deleted"
            if change.old is None
            else "modified",
            os.fsdecode(change.path),
        )
        for change in changes
    ]
    return tuple(sorted(found, key=lambda item: item[1])[:MAX_FILES])
