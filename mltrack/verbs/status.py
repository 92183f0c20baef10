"""``status``: tracked data against the workspace, and each stage's verdict."""

import os
from typing import NamedTuple

from mltrack.engine.view import Target
from mltrack.errors import (
    FormatError,
    MissingObjectError,
    MltrackError,
    PipelineError,
    WorkspaceError,
)
from mltrack.git import hooks
from mltrack.pipeline.plan import Plan, Verdict
from mltrack.verbs import planning
from mltrack.verbs.handed_over import noted_place
from mltrack.verbs.session import Session

ADDED, MODIFIED, DELETED, OUTDATED = "added", "modified", "deleted", "outdated"


class FileChange(NamedTuple):
    """A file below a target that differs from what is recorded."""

    path: str
    change: str


class TargetStatus(NamedTuple):
    """One tracked path. ``cached`` says whether what is recorded is in the cache;
    ``state`` is one of these:

    - 'clean' or 'modified'
    - 'missing': not in the workspace
    - 'partial': as recorded, but for what was never brought here
    - 'outdated': as it was last checked out, while the pointer has changed since
    - 'broken': its pointer cannot be read
    - 'unreadable': what is there cannot be recorded, or read, as ``why`` says
    """

    path: str
    state: str
    cached: bool
    changes: tuple[FileChange, ...] = ()
    why: str = ""


class Unpushed(NamedTuple):
    """What a remote lacks of one target: objects and their bytes; -1 where the listing
    is neither here nor there.
    """

    path: str
    objects: int
    bytes: int


class Status(NamedTuple):
    data: tuple[TargetStatus, ...]
    plan: Plan
    hooks_missing: bool
    problem: MltrackError | None = None
    """What keeps the stages from being looked at; the data was looked at all the same.
    """
    unpushed: tuple[Unpushed, ...] = ()
    handed_over: dict[str, str] = {}  # noqa: RUF012 - never changed
    """The runners that have jobs of stages whose results nobody has taken, by address.
    """
    noted: tuple[tuple[str, int], ...] = ()
    """Imports that were never brought here, with their bytes."""

    def _repr_html_(self) -> str:
        from mltrack.formats import html_table  # noqa: PLC0415 - for notebooks only

        rows = [
            (item.path, item.state, ", ".join(change.path for change in item.changes))
            for item in self.data
        ]
        rows += [
            (
                step.stage.address,
                "unchanged" if step.verdict is Verdict.SKIP else step.verdict.value,
                ", ".join(f"{one.cause.value} {one.subject}" for one in step.reasons),
            )
            for step in self.plan.steps
        ]
        return html_table.table(("path or stage", "state", "why"), rows)

    @property
    def is_clean(self) -> bool:
        settled = self.problem is None and all(
            step.verdict is Verdict.SKIP for step in self.plan.steps
        )
        return (
            settled
            and not self.unpushed
            and all(item.state == "clean" for item in self.data)
        )


def status(session: Session, arguments: list[str], remote: str = "") -> Status:
    """Returns how the workspace differs from what is recorded; with ``remote`` also
    what that one lacks of it. Changes nothing but the stat index.
    """
    chosen = session.select(arguments)
    broken = [TargetStatus(path, "broken", cached=False) for path in session.left_out]
    data = (
        *broken,
        *(_target_status(session, target) for target in chosen if not target.is_output),
    )
    plan, problem = Plan(), None
    try:
        plan = _plan(
            session,
            {target.source for target in chosen if target.is_output}
            if arguments
            else None,
        )
    except (PipelineError, FormatError) as error:
        problem = error
    no_hooks = (
        not hooks.are_installed(session.project.repository)
        and os.environ.get("MLTRACK_HOOKS") != "0"
    )
    unpushed = _unpushed(session, chosen, remote) if remote else ()
    places = {
        step.stage.address: noted_place(session.project, step.key)
        for step in plan.steps
        if step.key
    }
    handed_over = {address: runner for address, (runner, _) in places.items() if runner}
    noted = tuple(
        (path, content.size) for path, content in sorted(session.view.noted.items())
    )
    return Status(data, plan, no_hooks, problem, unpushed, handed_over, noted)


def _unpushed(
    session: Session, targets: list[Target], name: str
) -> tuple[Unpushed, ...]:
    compare = session.remotes.opened(name).new_comparison(session.project.cache)
    found = []
    for target in targets:
        if target.push:
            try:
                need = compare([target.content])
            except MissingObjectError:
                found.append(Unpushed(target.path, -1, 0))
                continue
            if need.total:
                found.append(
                    Unpushed(target.path, need.total, sum(need.objects.values()))
                )
    return tuple(found)


def _plan(session: Session, stages: set[str] | None) -> Plan:
    readable = [
        address
        for address, stage in session.view.graph.stages.items()
        # of a lock in conflict nothing can be told; the other stages are looked at
        if stage.lock_path not in session.view.broken_locks
    ]
    addresses = [address for address in readable if stages is None or address in stages]
    return planning.make_plan(session, addresses) if addresses else Plan()


def _target_status(session: Session, target: Target) -> TargetStatus:
    cache = session.project.cache
    try:
        snapshot = session.observer.tracked(target.path)
    except WorkspaceError as error:
        return TargetStatus(
            target.path, "unreadable", cache.holds(target.content), why=error.message
        )
    if snapshot is None:
        return TargetStatus(target.path, "missing", cache.holds(target.content))
    if snapshot.content.same_bytes(target.content):
        return TargetStatus(target.path, "clean", cache.holds(target.content))
    cached = cache.holds(target.content)
    try:
        if session.checkout.comparison.is_part_of(
            snapshot, target.path, target.content
        ):
            return TargetStatus(target.path, "partial", cached)
        if snapshot.content.same_bytes(session.last.get(target.path)):
            return TargetStatus(target.path, OUTDATED, cached)
        changes = []
        for change in session.checkout.comparison.own_changes(
            target.path, snapshot, target.content
        ):
            kind = (
                ADDED
                if change.new is None
                else DELETED
                if change.old is None
                else MODIFIED
            )
            changes.append(
                FileChange(change.path.decode("utf-8", "surrogateescape"), kind)
            )
    except MissingObjectError:  # the listing that would tell is not here
        return TargetStatus(target.path, MODIFIED, cached)
    return TargetStatus(
        target.path,
        MODIFIED,
        cached,
        tuple(sorted(changes, key=lambda item: item.path)),
    )
