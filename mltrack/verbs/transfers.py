"""``push``, ``fetch`` and ``pull``: moving what pointers and locks refer to."""

from contextlib import suppress
from dataclasses import dataclass, replace

from mltrack.engine.view import Target
from mltrack.errors import FormatError, MltrackError, PipelineError, RemoteError, UsageError
from mltrack.formats.run_record import BY_HAND, RunRecord
from mltrack.git import repository as git
from mltrack.objects.content import FILE, Content
from mltrack.project import Project
from mltrack.store.shared.fetch import bring, fetch_objects, fetch_trees
from mltrack.store.shared.names import user_mark
from mltrack.store.shared.present import Present
from mltrack.store.shared.push import push_contents, would_push
from mltrack.store.shared.remote import FOR_NEWER, Remote
from mltrack.store.shared.runs import bring_records, send_records, unsent
from mltrack.store.shared.transfer import Moved, Report
from mltrack.verbs.checkout import CheckoutResult, Progress, checkout_targets
from mltrack.verbs.records import restorable
from mltrack.verbs.session import Session
from mltrack.verbs.unavailable import Unavailable, unavailable
from mltrack.workspace.checkout import Absent


@dataclass(frozen=True, slots=True)
class Scope:
    """What a transfer is about: targets as a person names them (all without any), at the named revisions and the tips
    of all branches or tags; of the workspace where none of these is given. ``remote`` and ``jobs`` are '' and 0 for
    what the settings say."""

    targets: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    all_branches: bool = False
    all_tags: bool = False
    remote: str = ""
    jobs: int = 0
    run_cache: bool = False
    """Whether the outputs of all run records belong to it, not of the recorded state only."""

    @property
    def is_of_workspace(self) -> bool:
        return not (self.revisions or self.all_branches or self.all_tags)


@dataclass(frozen=True, slots=True)
class TransferResult:
    """What moved, or with ``dry_run`` would move."""

    remote: str
    moved: Moved
    dry_run: bool = False
    records: int = 0
    """Run records that moved."""
    stayed: tuple[str, ...] = ()
    """Outputs that are on the hosts that made them, and were not sent."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What came, and what could not be had."""

    fetched: TransferResult
    unavailable: tuple[Unavailable, ...] = ()


@dataclass(frozen=True, slots=True)
class PullResult:
    fetched: TransferResult
    checkout: CheckoutResult
    unavailable: tuple[Unavailable, ...] = ()


def push(session: Session, scope: Scope, report: Report, *, dry_run: bool = False) -> TransferResult:
    """Sends what is referred to and the remote lacks; what others see changes only when all of it is there.

    Outputs that declare a remote of their own go there, unless the person named one.
    """
    _save_what_was_left(session)
    groups: dict[str, list[Content]] = {scope.remote: []}
    places = {} if scope.remote else _declared_remotes(session)
    stayed = []
    for item in _wanted(session, scope):
        if session.left.has(item.content) and not session.project.cache.holds(item.content):
            stayed.append(item.path)
        elif item.push:
            groups.setdefault(places.get(item.path, scope.remote), []).append(item.content)
    results = [
        _push_to(session, replace(scope, remote=name), wanted, report, dry_run=dry_run)
        for name, wanted in groups.items()
        if wanted or len(groups) == 1
    ]
    if len(results) == 1:
        return replace(results[0], stayed=tuple(stayed))
    return TransferResult(
        ", ".join(result.remote for result in results),
        Moved(sum(result.moved.objects for result in results), sum(result.moved.bytes for result in results)),
        dry_run,
        sum(result.records for result in results),
        tuple(stayed),
    )


def _declared_remotes(session: Session) -> dict[str, str]:
    """The outputs that say where they are to be sent, by path."""
    with suppress(FormatError, PipelineError):  # told where stages are asked for
        return {
            out.path: out.remote for stage in session.view.graph.stages.values() for out in stage.outs if out.remote
        }
    return {}


def _push_to(session: Session, scope: Scope, wanted: list[Content], report: Report, *, dry_run: bool) -> TransferResult:
    target = open_remote(session, scope)
    is_there = _open_for_push(target, dry_run=dry_run)
    cache = session.project.cache
    with cache.in_use():
        if not dry_run:
            register(session.project, target)
            _take_records(session, target)
        present = target.present() if is_there else Present((), {})
        records = _records_to_send(session, target if is_there else None, present, wanted, scope)
        with_outputs = [*wanted, *(content for record in records for content in restorable(record))]
        logs = [Content(FILE, record.log, 0) for record in records if record.log and cache.has(record.log)]
        contents = list(dict.fromkeys((*with_outputs, *logs)))
        if dry_run:
            return TransferResult(target.name, would_push(cache, contents, present), dry_run=True, records=len(records))
        moved = push_contents(cache, target, contents, report)
        send_records(session.project.run_cache, target, records)
        return TransferResult(target.name, moved, records=len(records))


def fetch(session: Session, scope: Scope, report: Report, *, dry_run: bool = False) -> FetchResult:
    """Brings what is referred to into the cache, as far as it can be had; the workspace is not touched."""
    sources = _Sources(session, scope)
    session.bring_tree = sources.bring_tree
    wanted = _wanted(session, scope)
    fetched, problem = _fetch(session, [item.content for item in wanted], report, sources, dry_run=dry_run)
    return FetchResult(fetched, unavailable(session, wanted, problem) if not dry_run else ())


def pull(
    session: Session, scope: Scope, report: Report, *, force: bool = False, progress: Progress | None = None
) -> PullResult:
    """Fetches what can be had, then checks out what the workspace's pointers and locks say, as far as it is here."""
    sources = _Sources(session, scope)
    session.bring_tree = sources.bring_tree
    targets = session.select(list(scope.targets))
    wanted = list(targets)
    if not scope.is_of_workspace:
        wanted += _wanted(session, scope)
    fetched, problem = _fetch(session, list(dict.fromkeys(item.content for item in wanted)), report, sources)
    checkout = checkout_targets(session, targets, force=force, progress=progress, absent=Absent.LEAVE)
    return PullResult(fetched, checkout, unavailable(session, wanted, problem))


def _open_for_push(remote: Remote, *, dry_run: bool) -> bool:
    """Opens a remote, and makes an empty place into one; in a dry run only says whether it is one yet."""
    try:
        remote.open(create=not dry_run)
    except RemoteError as error:
        if not (dry_run and error.absent):
            raise
        return False
    return True


def register(project: Project, remote: Remote) -> None:
    """Leaves the project's mark at a remote, so that nobody collects garbage there who does not know of it."""
    name = user_mark(project.identity)
    if name and remote.store.missing([name]):
        remote.store.put(name, b"")


def open_remote(session: Session, scope: Scope) -> Remote:
    """Returns the remote that is meant, not yet looked at."""
    remote = session.remotes.get(scope.remote)
    if scope.jobs:
        remote.jobs = 1 if remote.store.abilities.local else scope.jobs
    return remote


def _fetch(
    session: Session, contents: list[Content], report: Report, sources: "_Sources", *, dry_run: bool = False
) -> tuple[TransferResult, str]:
    """Brings contents into the cache, as far as they can be had: from the hosts where they were left, then from remotes, then
    from any host. Returns what came, and why the rest did not."""
    cache = session.project.cache
    with cache.in_use():
        records = 0 if dry_run else _bring_records(session, sources)
        if sources.scope.run_cache:
            contents += [content for record in session.project.run_cache.all_but(()) for content in restorable(record)]
        lacking = [content for content in contents if not cache.holds(content)]
        if not lacking:
            return TransferResult(sources.scope.remote, Moved(0, 0), dry_run, records), ""
        from_hosts = Moved(0, 0)
        if not dry_run and any(map(session.left.has, lacking)):
            from mltrack.verbs.bringing import fetch_left  # noqa: PLC0415 - where something was left only

            with suppress(RemoteError):  # a remote may have it by now
                got = fetch_left(session, lacking)
                from_hosts = Moved(sum(content.files for content in got), sum(content.size for content in got))
            lacking = [content for content in lacking if not cache.holds(content)]
            if not lacking:
                return TransferResult("the hosts that made them", from_hosts, records=records), ""
        remotes = sources.all()
        if dry_run:
            would = _would_fetch(session, remotes, lacking, report)
            return TransferResult(remotes[0].name, would, dry_run=True), ""
        brought = bring(cache, remotes, lacking, report)
        moved, problem = brought.moved, ""
        if brought.lost:
            from mltrack.verbs.bringing import fetch_from_hosts  # noqa: PLC0415 - where a remote lacks something

            fetch_from_hosts(session, lacking)
            late = brought.lost - cache.missing(brought.lost)
            moved = Moved(moved.objects + len(late), moved.bytes)
            names = ", ".join(remote.name for remote in remotes)
            newer = "" if all(remote.is_understood for remote in remotes) else f"; {FOR_NEWER}"
            problem = brought.damage[0].message if brought.damage else f"in no remote (asked: {names}){newer}"
        both = Moved(moved.objects + from_hosts.objects, moved.bytes + from_hosts.bytes)
        return TransferResult(remotes[0].name, both, records=records), problem


def _save_what_was_left(session: Session) -> None:
    """Saves what a repro that was killed had noted and not saved: the lock names it, so it is to be sent."""
    locks = session.view.lock_state
    if locks is not None and locks.left_behind():
        from mltrack.verbs.repro import committer  # noqa: PLC0415 - after a kill only

        committer(session, locks).recover()


def _bring_records(session: Session, sources: "_Sources") -> int:
    """Takes the remote's run records. They are a help, not what was asked for: where no remote can be asked, nothing is
    said of it here."""
    project = session.project
    if not project.settings.get("runs.remote") or not project.settings.remotes():
        return 0
    try:
        return bring_records(project.run_cache, sources.all()[0])
    except (RemoteError, UsageError):
        return 0


def _take_records(session: Session, target: Remote) -> None:
    """Takes the records that a remote has, so that only those that it lacks are sent."""
    if session.project.settings.get("runs.remote"):
        bring_records(session.project.run_cache, target)


def _records_to_send(
    session: Session, target: Remote | None, present: Present, wanted: list[Content], scope: Scope
) -> list[RunRecord]:
    """The records that the remote lacks, None being one that is not there yet, and whose outputs it will have, or shall
    have."""
    project = session.project
    if not project.settings.get("runs.remote"):
        return []
    lacking = unsent(project.run_cache, target) if target is not None else project.run_cache.all_but(())
    records = [record for record in lacking if record.by != BY_HAND or scope.run_cache]
    if scope.run_cache:
        return [record for record in records if all(map(project.cache.holds, restorable(record)))]
    if not records:
        return []
    going = {content.hex for content in wanted}

    def will_be_there(record: RunRecord) -> bool:
        entry = record.entry
        small = {path for path in entry.uncached if project.cache.holds(entry.outs[path])}
        return all(
            path in small or content.hex in going or bytes.fromhex(content.hex) in present
            for path, content in entry.outs.items()
            if path not in entry.unpushed
        )

    return [record for record in records if record.entry.outs and will_be_there(record)]


def _would_fetch(session: Session, remotes: list[Remote], contents: list[Content], report: Report) -> Moved:
    """What a fetch would bring. Directory listings are brought on the way: without them nobody can tell."""
    cache = session.project.cache
    files = fetch_trees(cache, remotes, contents, report).files
    missing = cache.missing(files)
    return Moved(len(missing), sum(files[hex_digest] for hex_digest in missing))


def bring_listing(project: Project, hex_digest: str) -> None:
    """Gets a directory's listing from a remote into the cache; leaves it away where no remote can be asked."""
    if project.settings.remotes():
        with suppress(RemoteError, UsageError, OSError), Session(project) as session:
            _Sources(session, Scope()).bring_tree(hex_digest)


class _Sources:
    """Where to fetch from: the named remote, or the default one and then the others: whoever has the bytes will do."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self.session, self.scope = session, scope
        self._opened: list[Remote] = []

    def all(self) -> list[Remote]:
        """Returns the remotes, each looked at once; raises RemoteError if the first cannot be had."""
        if not self._opened:
            first = open_remote(self.session, self.scope)
            first.open()
            self._opened.append(first)
            if not self.scope.remote:
                self._opened += self.session.remotes.reachable(beside=first.name)
        return self._opened

    def bring_tree(self, hex_digest: str) -> None:
        cache = self.session.project.cache
        with cache.in_use():
            brought = fetch_objects(cache, self.all(), {hex_digest}, lambda event: None)
        if brought.damage:
            raise brought.damage[0]


def _wanted(session: Session, scope: Scope) -> list[Target]:
    arguments = list(scope.targets)
    if scope.is_of_workspace:
        return session.select(arguments)
    project = session.project
    revisions = list(scope.revisions)
    for chosen, place in ((scope.all_branches, "refs/heads"), (scope.all_tags, "refs/tags")):
        if chosen:
            revisions += git.refs_below(place, project.path)
    found: dict[tuple[str, str], Target] = {}
    problem: MltrackError | None = None
    for revision in revisions:
        try:
            targets = session.select(arguments, session.view_at(revision))
        except UsageError as error:  # not every revision has what was asked for
            problem = error
            continue
        found |= {(target.path, target.content.hex): target for target in targets}
    if not found and problem is not None:
        raise problem
    return list(found.values())
