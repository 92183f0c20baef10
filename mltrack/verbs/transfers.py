"""``push``, ``fetch`` and ``pull``: moving what pointers and locks refer to."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from mltrack.engine.recovery import recover
from mltrack.engine.view import Target
from mltrack.errors import (
    FormatError,
    MltrackError,
    PipelineError,
    RemoteError,
    UsageError,
)
from mltrack.formats.run_record import BY_HAND, RunRecord
from mltrack.git import history as git_history
from mltrack.objects.content import FILE, Content
from mltrack.project import Project
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.names import user_mark
from mltrack.store.shared.present import Present
from mltrack.store.shared.push import push_contents, would_push
from mltrack.store.shared.remote import Remote
from mltrack.store.shared.runs import bring_records, send_records, unsent
from mltrack.store.shared.transfer import Moved, Report
from mltrack.verbs.checkout import (
    CheckoutOptions,
    CheckoutResult,
    Progress,
    checkout_targets,
)
from mltrack.verbs.records import restorable
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources
from mltrack.verbs.unavailable import Unavailable, unavailable
from mltrack.workspace.checkout import Absent


@dataclass(frozen=True, slots=True)
class Scope:
    """What a transfer is about: targets as a person names them (all without any), at
    the named revisions and the tips of all branches or tags; of the workspace where
    none of these is given. ``remote`` and ``jobs`` are '' and 0 for what the settings
    say.
    """

    targets: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()
    all_branches: bool = False
    all_tags: bool = False
    remote: str = ""
    jobs: int = 0
    run_cache: bool = False
    """Whether the outputs of all run records belong to it, not of the recorded state
    only.
    """

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


def push(
    session: Session, scope: Scope, report: Report, *, dry_run: bool = False
) -> TransferResult:
    """Sends what is referred to and the remote lacks; what others see changes only when
    all of it is there.

    Outputs that declare a remote of their own go there, unless the person named one.
    """
    _save_what_was_left(session)
    groups: dict[str, list[Content]] = {scope.remote: []}
    places = {} if scope.remote else _declared_remotes(session)
    stayed = []
    for item in _wanted(session, scope):
        # its bytes are on a host only, and a push does not go and get them
        if session.left.has(item.content) and not session.project.cache.holds(
            item.content
        ):
            stayed.append(item.path)
        elif item.push:
            groups.setdefault(places.get(item.path, scope.remote), []).append(
                item.content
            )
    results = [
        _push_to(session, replace(scope, remote=name), wanted, report, dry_run=dry_run)
        for name, wanted in groups.items()
        if wanted or len(groups) == 1
    ]
    if len(results) == 1:
        return replace(results[0], stayed=tuple(stayed))
    return TransferResult(
        ", ".join(result.remote for result in results),
        Moved(
            sum(result.moved.objects for result in results),
            sum(result.moved.bytes for result in results),
        ),
        dry_run,
        sum(result.records for result in results),
        tuple(stayed),
    )


def _declared_remotes(session: Session) -> dict[str, str]:
    """The outputs that say where they are to be sent, by path."""
    with suppress(FormatError, PipelineError):  # told where stages are asked for
        return {
            out.path: out.remote
            for stage in session.view.graph.stages.values()
            for out in stage.outs
            if out.remote
        }
    return {}


def _push_to(
    session: Session,
    scope: Scope,
    wanted: list[Content],
    report: Report,
    *,
    dry_run: bool,
) -> TransferResult:
    target = Sources(session, scope.remote, scope.jobs).chosen()
    is_there = _open_for_push(target, dry_run=dry_run)
    cache = session.project.cache
    with cache.in_use():
        if not dry_run:
            # before any data: whoever collects there must know of this project
            register(session.project, target)
            _take_records(session, target)
        present = target.present() if is_there else Present((), {})
        records = _records_to_send(
            session, target if is_there else None, present, wanted, scope
        )
        with_outputs = [
            *wanted,
            *(content for record in records for content in restorable(record)),
        ]
        logs = [
            Content(FILE, record.log, 0)
            for record in records
            if record.log and cache.has(record.log)
        ]
        contents = list(dict.fromkeys((*with_outputs, *logs)))
        if dry_run:
            return TransferResult(
                target.name,
                would_push(cache, contents, present),
                dry_run=True,
                records=len(records),
            )
        moved = push_contents(cache, target, contents, report)
        # after the objects that the records name
        send_records(session.project.run_cache, target, records)
        return TransferResult(target.name, moved, records=len(records))


def fetch(
    session: Session, scope: Scope, report: Report, *, dry_run: bool = False
) -> FetchResult:
    """Brings what is referred to into the cache, as far as it can be had; the workspace
    is not touched.
    """
    sources = session.lister = _sources(session, scope)
    wanted = _wanted(session, scope)
    contents = [item.content for item in wanted]
    if dry_run:
        return FetchResult(_would_fetch(session, contents, scope, report, sources))
    fetched, problem = _fetch(session, contents, scope, report, sources)
    return FetchResult(fetched, unavailable(session, wanted, problem))


def pull(
    session: Session,
    scope: Scope,
    report: Report,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> PullResult:
    """Fetches what can be had, then checks out what the workspace's pointers and locks
    say, as far as it is here.
    """
    sources = session.lister = _sources(session, scope)
    targets = session.select(list(scope.targets))
    wanted = list(targets)
    if not scope.is_of_workspace:
        wanted += _wanted(session, scope)
    contents = list(dict.fromkeys(item.content for item in wanted))
    fetched, problem = _fetch(session, contents, scope, report, sources)
    options = CheckoutOptions(force=force, absent=Absent.LEAVE, progress=progress)
    checkout = checkout_targets(session, targets, options)
    return PullResult(fetched, checkout, unavailable(session, wanted, problem))


def _sources(session: Session, scope: Scope) -> Sources:
    """Where a command looks. Raises UsageError for a remote that there is not, also
    where nothing lacks.
    """
    sources = Sources(session, scope.remote, scope.jobs)
    if scope.remote:
        sources.chosen()
    return sources


def _open_for_push(remote: Remote, *, dry_run: bool) -> bool:
    """Opens a remote, and makes an empty place into one; in a dry run only says whether
    it is one yet.
    """
    try:
        remote.open(create=not dry_run)
    except RemoteError as error:
        if not (dry_run and error.absent):
            raise
        return False
    return True


def register(project: Project, remote: Remote) -> None:
    """Leaves the project's mark at a remote, so that nobody collects garbage there who
    does not know of it.
    """
    name = user_mark(project.identity)
    # asked first: the mark of this project is nearly always there
    if name and remote.store.missing([name]):
        remote.store.put(name, b"")


def _fetch(
    session: Session,
    contents: list[Content],
    scope: Scope,
    report: Report,
    sources: Sources,
) -> tuple[TransferResult, str]:
    """Brings contents into the cache, as far as they can be had. Returns what came, and
    why the rest did not.
    """
    with session.project.cache.in_use():
        # first: with --run-cache, what these name is wanted too
        records = _bring_records(session, sources)
        wanted = _with_results(session, contents, scope)
        try:
            had = sources.fetch(wanted, report)
        except (RemoteError, UsageError):
            # an import needs no remote of this project
            if not _from_origins(session, wanted, report):
                raise
            had = sources.fetch(wanted, report)
        came = _from_origins(session, wanted, report) if had.why else []
        if came:
            rest = sources.fetch(wanted, report)
            had = rest._replace(
                moved=Moved(
                    had.moved.objects + sum(content.files for content in came),
                    had.moved.bytes + sum(content.size for content in came),
                )
            )
        return TransferResult(had.source, had.moved, records=records), had.why


def _from_origins(
    session: Session, wanted: list[Content], report: Report
) -> list[Content]:
    """What came of imports from where they were imported from."""
    from mltrack.verbs.origins import fetch_from_origins  # noqa: PLC0415 - where no remote has something

    return fetch_from_origins(session, wanted, report)


def _would_fetch(
    session: Session,
    contents: list[Content],
    scope: Scope,
    report: Report,
    sources: Sources,
) -> TransferResult:
    with session.project.cache.in_use():
        wanted = _with_results(session, contents, scope)
        # nothing lacks, so that no remote need be reached
        if all(map(session.project.cache.holds, wanted)):
            return TransferResult(scope.remote, Moved(0, 0), dry_run=True)
        would = sources.would_fetch(wanted, report)
        return TransferResult(sources.remotes[0].name, would, dry_run=True)


def _with_results(
    session: Session, contents: list[Content], scope: Scope
) -> list[Content]:
    """The contents, and with ``run_cache`` the outputs of all run records."""
    if not scope.run_cache:
        return contents
    records = session.project.run_cache.all_but(())
    return [
        *contents,
        *(content for record in records for content in restorable(record)),
    ]


def _save_what_was_left(session: Session) -> None:
    """Saves what a repro that was killed had noted and not saved: the lock names it, so
    it is to be sent.
    """
    locks = session.view.lock_state
    if locks is not None and locks.left_behind():
        project = session.project
        new_writer = partial(CacheWriter, project.cache)
        recover(locks, project.run_cache, session.observer, new_writer)


def _bring_records(session: Session, sources: Sources) -> int:
    """Takes the remote's run records. They are a help, not what was asked for: where no
    remote can be asked, nothing is said of it here.
    """
    project = session.project
    if not project.settings.get("runs.remote") or not project.settings.remotes():
        return 0
    try:
        return bring_records(project.run_cache, sources.remotes[0])
    except (RemoteError, UsageError):
        return 0


def _take_records(session: Session, target: Remote) -> None:
    """Takes the records that a remote has, so that only those that it lacks are sent."""
    if session.project.settings.get("runs.remote"):
        bring_records(session.project.run_cache, target)


def _records_to_send(
    session: Session,
    target: Remote | None,
    present: Present,
    wanted: list[Content],
    scope: Scope,
) -> list[RunRecord]:
    """The records that the remote lacks, None being one that is not there yet, and
    whose outputs it will have, or shall have.
    """
    project = session.project
    if not project.settings.get("runs.remote"):
        return []
    lacking = (
        unsent(project.run_cache, target)
        if target is not None
        else project.run_cache.all_but(())
    )
    # by hand: nobody saw the command make it from these inputs
    records = [record for record in lacking if record.by != BY_HAND or scope.run_cache]
    if scope.run_cache:
        return [
            record
            for record in records
            if all(map(project.cache.holds, restorable(record)))
        ]
    if not records:
        return []
    going = {content.hex for content in wanted}

    def will_be_there(record: RunRecord) -> bool:
        entry = record.entry
        # small outputs that git keeps are sent with the record
        small = {
            path for path in entry.uncached if project.cache.holds(entry.outs[path])
        }
        return all(
            path in small
            or content.hex in going
            or bytes.fromhex(content.hex) in present
            for path, content in entry.outs.items()
            if path not in entry.unpushed
        )

    return [record for record in records if record.entry.outs and will_be_there(record)]


def bring_listing(project: Project, hex_digest: str) -> None:
    """Gets a directory's listing from a remote into the cache; leaves it away where no
    remote can be asked.
    """
    if project.settings.remotes():
        with suppress(RemoteError, UsageError, OSError), Session(project) as session:
            Sources(session).listing(hex_digest)


def _wanted(session: Session, scope: Scope) -> list[Target]:
    arguments = list(scope.targets)
    if scope.is_of_workspace:
        return session.select(arguments)
    project = session.project
    revisions = list(scope.revisions)
    for chosen, place in (
        (scope.all_branches, "refs/heads"),
        (scope.all_tags, "refs/tags"),
    ):
        if chosen:
            revisions += git_history.refs_below(place, project.path)
    found: dict[tuple[str, str], Target] = {}
    problem: MltrackError | None = None
    for revision in revisions:
        try:
            targets = session.select(arguments, session.at(revision).view)
        except UsageError as error:  # not every revision has what was asked for
            problem = error
            continue
        found |= {(target.path, target.content.hex): target for target in targets}
    if not found and problem is not None:
        raise problem
    return list(found.values())
