"""``push``, ``fetch`` and ``pull``: moving what pointers and locks refer to."""

from contextlib import suppress
from dataclasses import dataclass

from mltrack.engine.view import Target
from mltrack.errors import RemoteError
from mltrack.objects.content import Content
from mltrack.store import transfer
from mltrack.store.fetch import fetch as receive
from mltrack.store.push import push as send
from mltrack.store.remote import Remote
from mltrack.store.transfer import Moved, Report
from mltrack.verbs.checkout import CheckoutResult, Progress, checkout_targets
from mltrack.verbs.session import Session


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


def push(
    session: Session,
    arguments: list[str],
    report: Report,
    *,
    remote: str = "",
    revisions: tuple[str, ...] = (),
    dry_run: bool = False,
) -> TransferResult:
    """Sends what is referred to and the remote lacks; what others see changes only when all of it is there."""
    target = session.project.remote(remote)
    wanted = [item.content for item in _wanted(session, arguments, revisions) if item.push]
    target.open(create=not dry_run)
    cache = session.project.cache
    with cache.in_use():
        need = transfer.needed(cache, wanted, target.present())
        if dry_run:
            size = sum(need.objects.values()) + sum(place.size for place in map(cache.find, need.trees) if place)
            return TransferResult(target.name, Moved(len(need.objects) + len(need.trees), size), dry_run=True)
        return TransferResult(target.name, send(cache, target, need, report))


def fetch(
    session: Session, arguments: list[str], report: Report, *, remote: str = "", revisions: tuple[str, ...] = ()
) -> TransferResult:
    """Brings what is referred to into the cache; the workspace is not touched."""
    targets = _wanted(session, arguments, revisions)
    return _fetch(session, [item.content for item in targets], report, remote)


def pull(
    session: Session,
    arguments: list[str],
    report: Report,
    *,
    remote: str = "",
    force: bool = False,
    progress: Progress | None = None,
) -> PullResult:
    """Fetches, then checks out."""
    targets = session.select(arguments)
    fetched = _fetch(session, [item.content for item in targets], report, remote)
    return PullResult(fetched, checkout_targets(session, targets, force=force, progress=progress))


def _fetch(session: Session, contents: list[Content], report: Report, remote: str) -> TransferResult:
    cache = session.project.cache
    with cache.in_use():
        lacking = [content for content in contents if not cache.holds(content)]
        if not lacking:
            return TransferResult(remote, Moved(0, 0))
        sources = _sources(session, remote)
        return TransferResult(sources[0].name, receive(cache, sources, lacking, report))


def _sources(session: Session, remote: str) -> list[Remote]:
    """The named remote, or the default one and then the others: whoever has the bytes will do."""
    project = session.project
    first = project.remote(remote)
    first.open()
    sources = [first]
    if not remote:
        for name in sorted(project.settings.remotes()):
            if name != first.name:
                with suppress(RemoteError):
                    other = project.remote(name)
                    other.open()
                    sources.append(other)
    return sources


def _wanted(session: Session, arguments: list[str], revisions: tuple[str, ...]) -> list[Target]:
    if not revisions:
        return session.select(arguments)
    found: dict[tuple[str, str], Target] = {}
    for revision in revisions:
        for target in session.select(arguments, session.view_at(revision)):
            found[target.path, target.content.hex] = target
    return list(found.values())
