"""``push``, ``fetch`` and ``pull``: moving what pointers and locks refer to."""

from contextlib import suppress
from dataclasses import dataclass

from mltrack.engine.view import Target
from mltrack.errors import MltrackError, RemoteError, UsageError
from mltrack.git import repository as git
from mltrack.objects.content import Content
from mltrack.project import Project
from mltrack.store import transfer
from mltrack.store.fetch import fetch as receive
from mltrack.store.fetch import fetch_objects, fetch_trees
from mltrack.store.push import push_contents
from mltrack.store.remote import Remote
from mltrack.store.remote_names import user_mark
from mltrack.store.transfer import Moved, Report
from mltrack.verbs.checkout import CheckoutResult, Progress, checkout_targets
from mltrack.verbs.session import Session


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

    @property
    def is_of_workspace(self) -> bool:
        return not (self.revisions or self.all_branches or self.all_tags)


@dataclass(frozen=True, slots=True)
class TransferResult:
    """What moved, or with ``dry_run`` would move."""

    remote: str
    moved: Moved
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PullResult:
    fetched: TransferResult
    checkout: CheckoutResult


def push(session: Session, scope: Scope, report: Report, *, dry_run: bool = False) -> TransferResult:
    """Sends what is referred to and the remote lacks; what others see changes only when all of it is there."""
    target = open_remote(session, scope)
    wanted = [item.content for item in _wanted(session, scope) if item.push]
    is_there = _open_for_push(target, dry_run=dry_run)
    cache = session.project.cache
    with cache.in_use():
        if dry_run:
            need = transfer.needed(cache, wanted, target.present() if is_there else set())
            size = sum(need.objects.values()) + sum(place.size for place in map(cache.find, need.trees) if place)
            return TransferResult(target.name, Moved(len(need.objects) + len(need.trees), size), dry_run=True)
        register(session.project, target)
        return TransferResult(target.name, push_contents(cache, target, wanted, report))


def fetch(session: Session, scope: Scope, report: Report, *, dry_run: bool = False) -> TransferResult:
    """Brings what is referred to into the cache; the workspace is not touched."""
    sources = _Sources(session, scope)
    session.bring_tree = sources.bring_tree
    return _fetch(session, [item.content for item in _wanted(session, scope)], report, sources, dry_run=dry_run)


def pull(
    session: Session, scope: Scope, report: Report, *, force: bool = False, progress: Progress | None = None
) -> PullResult:
    """Fetches, then checks out what the workspace's pointers and locks say."""
    sources = _Sources(session, scope)
    session.bring_tree = sources.bring_tree
    targets = session.select(list(scope.targets))
    contents = {item.content: None for item in targets}
    if not scope.is_of_workspace:
        contents |= {item.content: None for item in _wanted(session, scope)}
    fetched = _fetch(session, list(contents), report, sources)
    return PullResult(fetched, checkout_targets(session, targets, force=force, progress=progress))


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
    remote = session.project.remote(scope.remote)
    if scope.jobs:
        remote.jobs = 1 if remote.store.abilities.local else scope.jobs
    return remote


def _fetch(
    session: Session, contents: list[Content], report: Report, sources: "_Sources", *, dry_run: bool = False
) -> TransferResult:
    cache = session.project.cache
    with cache.in_use():
        lacking = [content for content in contents if not cache.holds(content)]
        if not lacking:
            return TransferResult(sources.scope.remote, Moved(0, 0), dry_run)
        remotes = sources.all()
        if dry_run:
            return TransferResult(remotes[0].name, _would_fetch(session, remotes, lacking, report), dry_run=True)
        return TransferResult(remotes[0].name, receive(cache, remotes, lacking, report))


def _would_fetch(session: Session, remotes: list[Remote], contents: list[Content], report: Report) -> Moved:
    """What a fetch would bring. Directory listings are brought on the way: without them nobody can tell."""
    cache = session.project.cache
    files = fetch_trees(cache, remotes, contents, report).files
    missing = cache.missing(files)
    return Moved(len(missing), sum(files[hex_digest] for hex_digest in missing))


class _Sources:
    """Where to fetch from: the named remote, or the default one and then the others: whoever has the bytes will do."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self.session, self.scope = session, scope
        self._opened: list[Remote] = []

    def all(self) -> list[Remote]:
        """Returns the remotes, each looked at once; raises RemoteError if the first cannot be had."""
        if not self._opened:
            project = self.session.project
            first = open_remote(self.session, self.scope)
            first.open()
            self._opened.append(first)
            if not self.scope.remote:
                for name in sorted(project.settings.remotes()):
                    if name != first.name:
                        with suppress(RemoteError):
                            other = project.remote(name)
                            other.open()
                            self._opened.append(other)
        return self._opened

    def bring_tree(self, hex_digest: str) -> None:
        cache = self.session.project.cache
        with cache.in_use():
            fetch_objects(cache, self.all(), {hex_digest}, lambda event: None)


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
