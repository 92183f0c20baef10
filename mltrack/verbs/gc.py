"""``gc``: deletes from the cache what nothing refers to and is older than the grace."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mltrack.config.settings import FILE_NAME
from mltrack.disk.durable import remove_stale_temporaries
from mltrack.disk.lock import locked
from mltrack.errors import (
    FormatError,
    GitError,
    LockedError,
    UnsavedDataError,
    WorkspaceError,
)
from mltrack.formats import lock_file, pointer
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history as git_history
from mltrack.git import repository as git
from mltrack.git import roots as git_roots
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.pipeline.stage import LOCK_NAME
from mltrack.project import DIRECTORY, Project, load
from mltrack.store.local import gc as collector
from mltrack.store.local import users as cache_users
from mltrack.store.local.gc import GcPlan
from mltrack.store.shared.fetch import remove_old_partials
from mltrack.verbs.records import DAY, since_for_records
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources
from mltrack.workspace.trash import Trash

UNDO_DAYS = 14
"""For so long what was replaced by force can be put back, whatever the grace."""


@dataclass(frozen=True, slots=True)
class GcResult:
    objects: int
    bytes: int
    records: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Keep:
    """Which versions stay, where not all of history does: the last ``last`` commits of
    each branch, or ``revisions``.
    """

    last: int = 0
    revisions: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        return not self.last and not self.revisions


ALL = Keep()


@dataclass(frozen=True, slots=True)
class GcOptions:
    """How the cache is to be collected. ``remote`` is the one that must hold what goes
    although history refers to it, any one for ''; with ``force`` none need.
    """

    dry_run: bool = False
    keep: Keep = ALL
    remote: str = ""
    force: bool = False


@dataclass(slots=True)
class Roots:
    """Contents that must stay: of the present state (whose trees must be readable), and
    of history.
    """

    current: set[Content]
    history: set[Content]


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
    roots = find_roots(session, moment, keep)
    young, old = _records(session, since_for_records(session, moment))
    due = _Due(set(), old, limit)
    # with --keep-last or --rev history is given up on purpose, and its runs with it
    if keep.is_all:
        roots.history |= young
    due.mark(project, roots)
    if not keep.is_all and not options.force:
        _require_elsewhere(session, due.marked, moment, options.remote)
    plan = due.plan(project)
    if not dry_run and (plan.objects or plan.records):
        plan = _delete(session, due, moment, keep)
    if not dry_run:  # whatever else there is to free
        remove_stale_temporaries(project.cache.tmp_path)
        remove_old_partials(project.cache.tmp_path, limit)
    return GcResult(plan.objects, plan.bytes, len(plan.records), dry_run)


@dataclass(frozen=True, slots=True)
class _Due:
    """What decides which objects and records go: ``marked`` ones stay, and so do those
    that were written since ``limit``; the ``old`` records go.
    """

    marked: set[str]
    old: list[str]
    limit: float

    def mark(self, project: Project, roots: Roots) -> None:
        collector.mark(project.cache, roots.current, roots.history, self.marked)

    def plan(self, project: Project) -> GcPlan:
        return collector.plan(project.cache, self.marked, self.old, self.limit)


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
                "`mltrack push --all-branches --all-tags` (or --rev) sends them; "
                "--force deletes them for good"
            ),
        )


def _delete(session: Session, due: _Due, moment: float, keep: Keep) -> GcPlan:
    """Under the exclusive lock nobody relies on what is 'already there'; what was
    referred to since marking began is marked too, then the plan is made again and
    carried out.
    """
    project = session.project
    with deleting(session):
        fresh = Session(load(project.path, project.cwd, project.repository))
        # packs may have been merged since they were read
        project.cache.reload()
        # marks are only added: what was a root a moment ago stays
        due.mark(project, find_roots(fresh, moment, keep))
        plan = due.plan(project)
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


def find_roots(session: Session, moment: float, keep: Keep = ALL) -> Roots:
    """Returns everything that is referred to, of history as much as ``keep`` says;
    raises if a root cannot be read.
    """
    try:
        found = _roots(session, moment, keep)
        for user in _other_users(session):
            # of other projects all of history counts: --keep-last is about this one
            theirs = _roots(Session(user), moment, ALL)
            found.current |= theirs.current
            found.history |= theirs.history
        return found
    except (GitError, FormatError, WorkspaceError) as error:
        raise type(error)(
            f"nothing was deleted: {error.message}", hint=error.hint
        ) from error


def _roots(session: Session, moment: float, keep: Keep) -> Roots:
    project = session.project
    current = session.view.contents()
    history: set[Content] = set()
    for path, data in _files(session, keep):
        history.update(_contents(path, data, session))
    # each worktree has its own index, workspace and notes for `undo`
    for top in git_roots.worktrees(project.repository):
        other = os.path.normpath(
            os.path.join(top, os.path.relpath(project.path, project.repository.top))
        )
        if os.path.isdir(os.path.join(other, DIRECTORY)):
            there = Session(load(other, other, git.find(other) or project.repository))
            current |= there.view.contents()
            trash = Trash(
                os.path.join(there.project.state_path, "trash"), project.algorithm
            )
            trash.forget_before(moment - UNDO_DAYS * DAY)
            history |= {
                note.content for note in (*trash.notes(), *trash.notes(undone=True))
            }
    return Roots(current, history)


def _other_users(session: Session) -> Iterator[Project]:
    """The other projects that use this one's cache; raises WorkspaceError for one that
    is not there, or cannot be read.
    """
    own = session.project
    real = os.path.realpath(own.cache.path)
    for state_path in cache_users.others(real, own.shared_path):
        path = os.path.dirname(state_path)
        mark = os.path.join(
            real, cache_users.DIRECTORY, XXH3.hex_of(os.fsencode(state_path))
        )
        if not os.path.exists(os.path.join(state_path, FILE_NAME)):
            raise WorkspaceError(
                f"the project at {path} uses this cache and is not there, so what it "
                "refers to is not known",
                hint=f"mount its disk; if it was deleted: rm {mark}",
            )
        repository = git.find(path)
        if repository is None:
            raise WorkspaceError(
                f"the project at {path} uses this cache and is in no git repository "
                "any more",
                hint=f"rm {mark}",
            )
        other = load(path, path, repository)
        # one that has moved on to another cache, or this very one, is no other user
        if (
            os.path.realpath(other.cache.path) == real
            and other.shared_path != own.shared_path
        ):
            yield other


def _files(session: Session, keep: Keep) -> Iterator[tuple[str, bytes]]:
    repository = session.project.repository
    if keep.is_all:
        return git_roots.files_in_history(repository, (SUFFIX, LOCK_NAME))
    commits = [
        git_history.resolve(revision, session.project.path)
        for revision in keep.revisions
    ]
    if keep.last:
        commits += git_roots.latest_commits(repository, keep.last)
    return git_roots.files_at_commits(repository, commits, (SUFFIX, LOCK_NAME))


def _contents(path: str, data: bytes, session: Session) -> set[Content]:
    """What one version of a pointer or lock refers to. A damaged one still keeps every
    digest that it names.
    """
    algorithm = session.project.algorithm
    try:
        if path.endswith(SUFFIX):
            return {pointer.parse(data, algorithm, os.path.basename(path)).content}
        entries = lock_file.parse(data, algorithm, path)
        outs = {
            content for entry in entries.values() for content in entry.outs.values()
        }
        # listings of inputs: they tell later which of its files changed
        return outs | {
            content
            for entry in entries.values()
            for content in entry.deps.values()
            if content.kind == TREE
        }
    except FormatError:
        found = {
            hex_digest
            for hex_digest in pointer.digests_in(data)
            if algorithm.is_hex(hex_digest)
        }
        return {
            Content(_kind(session, hex_digest), hex_digest, 0) for hex_digest in found
        }


def _kind(session: Session, hex_digest: str) -> str:
    # whatever is wrong with it: as a tree it could not be opened
    with suppress(Exception):
        session.project.cache.read_tree(hex_digest)
        return TREE
    return "file"


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
