"""``gc --remote``: deletes from a remote what no clone that git knows of refers to, in
two runs a day apart.
"""

import time
from dataclasses import dataclass

from mltrack.errors import IntegrityError, RemoteError, WorkspaceError
from mltrack.git import roots as git_roots
from mltrack.objects.content import FILE, Content
from mltrack.store.local import gc as collector
from mltrack.store.shared import deleting
from mltrack.store.shared import gc as remote_gc
from mltrack.store.shared.fetch import fetch_trees
from mltrack.store.shared.names import user_mark
from mltrack.store.shared.remote import Remote
from mltrack.store.shared.runs import bring_records
from mltrack.verbs.gc_roots import Roots, find_roots
from mltrack.verbs.records import DAY, since_for_records
from mltrack.verbs.session import Session
from mltrack.verbs.transfers import register

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class RemoteGcResult:
    """Objects that nothing refers to any more and that indexes forget now; bytes that
    earlier runs had forgotten and that are deleted now; uploads that were never
    completed.
    """

    remote: str
    forgotten: int
    forgotten_bytes: int
    deleted: int
    deleted_bytes: int
    unfinished: int
    dry_run: bool


def gc_remote(
    session: Session, name: str, *, dry_run: bool = False, force: bool = False
) -> RemoteGcResult:
    """Collects a remote's garbage. Raises WorkspaceError, with nothing changed, where
    it cannot be known what others refer to: commits that were not fetched, or other
    projects that use the remote; ``force`` goes on then. With ``dry_run`` nothing is
    written there, so ages are by this machine's clock.
    """
    project = session.project
    remote = _writable(session, name)
    if not force:
        _require_all_known(session)
        _require_sole_user(
            session, remote.name, [item.name for item in remote.store.list("users")]
        )
    now = time.time()
    if not dry_run:
        register(project, remote)
        # by the store's own clock, which is read off a file: ours may be off by a day
        now = deleting.server_time(remote.store)
    grace = project.settings.number("gc.grace_days") * DAY
    marked: set[str] = set()
    # notes and records have the time of the machines that wrote them
    roots = find_roots(session, time.time())
    roots.history.update(_of_young_records(session, remote, min(now, time.time())))
    _mark(session, remote, roots, marked)
    delay = project.settings.number("gc.delay_hours") * HOUR
    plan = remote_gc.plan(remote, marked, now - grace, now - delay)
    gone, unfinished = plan.due, 0
    if not dry_run:
        gone = remote_gc.execute(remote, plan, project.tmp_path)
        # an upload that is under way is spared for a day at least
        unfinished = remote.store.clean(now - max(delay, DAY))
    return RemoteGcResult(
        remote.name,
        plan.objects,
        plan.bytes,
        len(gone),
        sum(gone.values()),
        unfinished,
        dry_run,
    )


def _writable(session: Session, name: str) -> Remote:
    remote = session.remotes.opened(name)
    if not remote.store.abilities.writable:
        raise RemoteError(f"{remote.url} can only be read", hint="mltrack remote list")
    return remote


def _mark(session: Session, remote: Remote, roots: Roots, marked: set[str]) -> None:
    """Marks what the roots refer to, with what the remote alone has of their listings;
    raises what keeps it from being known.
    """
    cache = session.project.cache
    with cache.in_use():
        # what a listing names that never came here is in use as well
        listed = fetch_trees(
            cache, [remote], roots.current | roots.history, lambda event: None
        )
        if listed.damage:
            # what a damaged listing names cannot be told: nothing is forgotten
            raise listed.damage[0]
        if remote.damaged or (listed.lost and remote_gc.has_unnamed_packs(remote)):
            raise IntegrityError(
                f"nothing was deleted: an index of {remote.url} is lost or damaged, "
                "so what is needed there is not known",
                hint=f"mltrack fsck --remote {remote.name} --repair",
            )
        collector.mark(cache, roots.current, roots.history, marked)


def _of_young_records(session: Session, remote: Remote, now: float) -> set[Content]:
    """The outputs and logs of run records of the remote that are young enough to be
    used.
    """
    project = session.project
    bring_records(project.run_cache, remote)
    since = since_for_records(session, now)
    found: set[Content] = set()
    for _, record in project.run_cache.all():
        if record.started >= since:
            found.update(record.entry.outs.values())
            found.update({Content(FILE, record.log, 0)} if record.log else ())
    return found


def _require_all_known(session: Session) -> None:
    unknown = git_roots.unknown_heads(session.project.repository)
    if unknown:
        raise WorkspaceError(
            "nothing was deleted: this clone lacks commits that others have pushed "
            f"({unknown[0]}), "
            "so what they refer to is not known",
            hint="git fetch --all --tags",
        )


def _require_sole_user(session: Session, name: str, marks: list[str]) -> None:
    own = user_mark(session.project.identity)
    others = [mark for mark in marks if mark != own]
    if others:
        raise WorkspaceError(
            f"nothing was deleted: {len(others)} other projects have pushed to "
            f"{name!r}, and what they refer to is not known here",
            hint="give each project its own remote; --force counts only this one's",
        )
