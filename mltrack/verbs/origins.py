"""Where imports came from, and getting them from there."""

from mltrack.errors import (
    MltrackError,
    RemoteError,
    UsageError,
)
from mltrack.formats import origin, pointer
from mltrack.formats.origin import Address, AnyOrigin, Origin
from mltrack.formats.pointer import SUFFIX
from mltrack.objects.content import Content
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.fetch import bring
from mltrack.store.shared.transfer import Report
from mltrack.verbs import addresses
from mltrack.verbs.aside import place_aside, scan_source
from mltrack.verbs.elsewhere import Elsewhere, open_elsewhere
from mltrack.verbs.get import write_to
from mltrack.verbs.session import Session
from mltrack.verbs.standing import Found, Standing
from mltrack.workspace.ingest import Saving

_DEEPEST = 8
"""Imports of imports, one behind the other."""


def origins(session: Session) -> dict[str, AnyOrigin]:
    """Returns where the imports of a project came from, by path."""
    found = {}
    view, algorithm = session.at("").view, session.project.algorithm
    for path in (*view.pointers, *view.noted):
        data = view.read(path + SUFFIX)
        if data is not None and b"\nfrom:\n" in data:
            lines = pointer.parse(data, algorithm, path + SUFFIX).extra
            noted = origin.parse(lines, path + SUFFIX)
            if noted is not None:
                found[path] = noted
    return found


def open_origin(session: Session, noted: Origin, revision: str) -> Elsewhere:
    """Returns a session where an import came from, at a revision of it."""
    # a path is noted from the project's top
    return open_elsewhere(noted.repository, revision, cwd=session.project.path)


def fetch_from_origins(
    session: Session, contents: list[Content], report: Report, depth: int = 0
) -> list[Content]:
    """Gets contents of imports into the cache from where they came, as they were then;
    returns those that came. For what no remote of this project has. ``depth`` is how
    many imports of imports led here.
    """
    came: list[Content] = []
    cache = session.project.cache
    lacking = {content.hex for content in contents if not cache.holds(content)}
    for path, noted in origins(session).items():
        content = session.at("").view.pointers.get(path)
        if content is None:
            continue
        # two projects that import from each other lead nowhere
        if content.hex not in lacking or depth > _DEEPEST:
            continue
        try:
            if isinstance(noted, Address):
                # a file of this machine means another one on a colleague's
                if not noted.url.startswith("file:"):
                    came += _same_again(session, noted, content, report)
                continue
            with open_origin(session, noted, noted.commit) as there:
                thing = Standing(there).at(noted.path)
                if thing is not None:
                    came.append(bring_here(session, there, thing, report, depth))
        except MltrackError:
            continue
    cache.reload()
    return came


def _same_again(
    session: Session, noted: Address, content: Content, report: Report
) -> list[Content]:
    """Brings what a URL has, if its server calls it the same as when it was imported."""
    if addresses.seen_now(noted.url).seen != noted.seen:
        return []
    again, _ = addresses.bring(session, noted.url, report)
    return [content] if again.same_bytes(content) else []


def bring_here(
    session: Session, there: Elsewhere, found: Found, report: Report, depth: int = 0
) -> Content:
    """Gets what was found there into the cache of this project; returns what it is
    here.
    """
    project, content = session.project, found.content
    if content is None:
        return _copied(session, there, found)
    if there.project.algorithm == project.algorithm:
        if project.cache.holds(content):
            return content
        if not there.project.cache.holds(content):
            if _came(project.cache, there, content, report):
                return content
            # an import of theirs, which their remotes need not have
            fetch_from_origins(there, [content], report, depth + 1)
    there.sources.require([content], report)
    return _copied(session, there, found)


def _came(cache: Cache, there: Elsewhere, content: Content, report: Report) -> bool:
    """Whether a content came into a cache straight from their remotes."""
    try:
        brought = bring(cache, there.sources.remotes, [content], report)
    except (RemoteError, UsageError):
        return False
    if brought.damage:
        raise brought.damage[0]
    return not brought.lost


def _copied(session: Session, there: Elsewhere, found: Found) -> Content:
    """By a copy, which is hashed: of what git keeps, of another kind of digest, and of
    what only their cache has.
    """
    project = session.project
    with place_aside(project) as place:
        write_to(there, found, place)
        with CacheWriter(project.cache) as writer:
            saving = Saving(writer, project.algorithm)
            content = scan_source(session, place, saving)
            writer.finish()
    return content
