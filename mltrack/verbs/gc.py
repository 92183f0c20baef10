"""``gc``: deletes from the cache what nothing refers to and is older than the grace."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mltrack.disk.durable import remove_stale_temporaries
from mltrack.disk.lock import locked
from mltrack.errors import (
    LockedError,
    UnsavedDataError,
)
from mltrack.objects.content import Content
from mltrack.project import load
from mltrack.store.local import gc as collector
from mltrack.store.local.gc import GcPlan
from mltrack.store.local.held import held
from mltrack.store.shared.fetch import remove_old_partials
from mltrack.verbs.gc_roots import ALL, Keep, find_roots, forget_notes
from mltrack.verbs.records import DAY, since_for_records
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that stay in the cache, by what keeps them there; those that ``grace``
    keeps may all go at ``until``. ``packs`` are of nobody, in packs that are mostly
    needed.
    """

    workspace: int = 0
    history: int = 0
    runs: int = 0
    grace: int = 0
    until: float = 0.0
    packs: int = 0


@dataclass(frozen=True, slots=True)
class GcResult:
    objects: int
    bytes: int
    records: int
    dry_run: bool
    kept: Kept = Kept()


@dataclass(frozen=True, slots=True)
class _Marked:
    """The digests that stay: of the present state, with those of history, and all; and
    the names of the run records that are too old to keep any.
    """

    workspace: frozenset[str]
    history: frozenset[str]
    all: set[str]
    old: list[str]

    def plan(self, session: Session, limit: float) -> GcPlan:
        """Returns what goes: nothing that is younger than ``limit``."""
        return collector.plan(session.project.cache, self.all, self.old, limit)


@dataclass(frozen=True, slots=True)
class GcOptions:
    """How the cache is to be collected. ``remote`` is the one that must hold what goes
    although history refers to it, any one for ''; with ``force`` none need.
    """

    dry_run: bool = False
    keep: Keep = ALL
    remote: str = ""
    force: bool = False


def gc(session: Session, options: GcOptions) -> GcResult:
    """Deletes unreferenced objects older than ``gc.grace_days``; with ``dry_run`` only
    says which.

    Roots are everything git can reach in any way, the files of every worktree, young
    run records, and what force replaced lately. If any of them cannot be read, nothing
    is deleted. With ``keep`` history counts only in part; what else it refers to goes
    if a remote holds it, or by ``force``.
    """
    project, keep, dry_run = session.project, options.keep, options.dry_run
    moment = time.time()
    limit = moment - project.settings.number("gc.grace_days") * DAY
    if not dry_run:
        remove_stale_temporaries(project.tmp_path)
    if not os.path.isdir(project.cache.path):
        return GcResult(0, 0, 0, dry_run)
    marked = _mark(session, moment, keep)
    if not keep.is_all and not options.force:
        _require_elsewhere(session, marked.all, moment, options.remote)
    plan = marked.plan(session, limit)
    if not dry_run and (plan.objects or plan.records):
        plan = _delete(session, marked, moment, limit, keep)
    if not dry_run:  # whatever else there is to free
        remove_stale_temporaries(project.cache.tmp_path)
        remove_old_partials(project.cache.tmp_path, limit)
    kept = _kept(session, marked, limit, plan.bytes if dry_run else 0)
    return GcResult(plan.objects, plan.bytes, len(plan.records), dry_run, kept)


def _mark(session: Session, moment: float, keep: Keep) -> _Marked:
    cache = session.project.cache
    marked: set[str] = set()
    roots = find_roots(session, moment, keep)
    young, old = _records(session, since_for_records(session, moment))
    collector.mark(cache, roots.current, (), marked)
    workspace = frozenset(marked)
    collector.mark(cache, (), roots.history, marked)
    history = frozenset(marked)
    # with --keep-last or --rev history is given up on purpose, and its runs with it
    collector.mark(cache, (), young if keep.is_all else (), marked)
    return _Marked(workspace, history, marked, old)


def _kept(session: Session, marked: _Marked, older_than: float, going: int) -> Kept:
    """What keeps the bytes that stay; of those that nothing keeps, ``going`` would be
    deleted.
    """
    settings, cache = session.project.settings, session.project.cache
    found = held(cache, (marked.workspace, marked.history, marked.all), older_than)
    grace = settings.number("gc.grace_days") * DAY
    workspace, history, runs = found.referred
    return Kept(
        workspace,
        history,
        runs,
        grace=found.young,
        until=found.latest + grace if found.young else 0.0,
        packs=max(found.rest - going, 0),
    )


def _require_elsewhere(
    session: Session, kept: set[str], moment: float, remote: str
) -> None:
    """Raises UnsavedDataError unless a remote holds what goes although history refers
    to it.
    """
    project = session.project
    everything: set[str] = set()
    roots = find_roots(session, moment)
    collector.mark(project.cache, roots.current, roots.history, everything)
    going = everything - kept
    # what is not here cannot be lost here
    going -= project.cache.missing(going)
    lost = Sources(session, remote).not_kept(going)
    if lost:
        raise UnsavedDataError(
            f"nothing was deleted: history refers to {len(lost)} of these objects, "
            "and no remote holds them, "
            f"first {project.algorithm.text(min(lost))}",
            hint=(
                "`git rev-list --all | sed 's/^/--rev /' | xargs mltrack push` sends "
                "them; --force deletes them for good"
            ),
        )


def _delete(
    session: Session, marked: _Marked, moment: float, limit: float, keep: Keep
) -> GcPlan:
    """Under the exclusive lock nobody relies on what is 'already there'; what was
    referred to since marking began is marked too, then the plan is made again and
    carried out.
    """
    project = session.project
    with deleting(session):
        fresh = Session(load(project.path, project.cwd, project.repository))
        # before what they refer to: a note whose bytes are gone promises too much
        forget_notes(fresh, moment)
        # packs may have been merged since they were read
        project.cache.reload()
        # marks are only added: what was a root a moment ago stays
        again = find_roots(fresh, moment, keep)
        collector.mark(project.cache, again.current, again.history, marked.all)
        plan = marked.plan(session, limit)
        collector.execute(project.cache, plan)
        # after the objects: on a full disk this needs the space that they gave
        project.run_cache.drop(plan.records)
        return plan


@contextmanager
def deleting(session: Session) -> Iterator[None]:
    """Holds the cache for deleting from it; raises LockedError while other commands
    rely on what is there.
    """
    try:
        with locked(
            os.path.join(session.project.cache.path, "gc.lock"),
            # not waited for: a command that relies on the cache may take hours
            wait=False,
            what="the cache",
        ):
            yield
    except LockedError as error:
        raise LockedError(
            error.message,
            hint=(
                "other mltrack commands are at work; run this again when they have "
                "ended"
            ),
        ) from None


def _records(session: Session, since: float) -> tuple[set[Content], list[str]]:
    young: set[Content] = set()
    old: list[str] = []
    for name, record in session.project.run_cache.all():
        if record.started >= since:
            young.update(record.entry.outs.values())
            if record.log:
                young.add(Content("file", record.log, 0))
        else:
            old.append(name)
    return young, old
