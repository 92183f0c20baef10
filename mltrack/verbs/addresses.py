"""Data at URLs: brought here, or asked whether it changed."""

from mltrack.formats.origin import Address
from mltrack.objects.content import URL, Content
from mltrack.store.kinds import url_source
from mltrack.store.kinds.url_source import Came, Known, State
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.transfer import Report
from mltrack.verbs.aside import place_aside, scan_source
from mltrack.verbs.session import Session
from mltrack.verbs.url_files import UrlFiles
from mltrack.workspace.ingest import Ingest, Saving


def seen_now(url: str) -> Address:
    """Returns what a URL leads to now; its bytes are not read, so they have no digest.

    Raises UsageError where there is nothing, or nothing tells its states apart, and
    RemoteError if the server cannot be asked.
    """
    return _address(url, url_source.state_of(url), "")


def noted_content(session: Session, seen: Address) -> Content:
    """Returns what a pointer says of data that was never brought here."""
    digest = session.project.algorithm.hex_of(seen.seen.encode())
    return Content(URL, digest, max(seen.size, 0))


def bring(session: Session, url: str, report: Report) -> tuple[Content, Address]:
    """Gets what stands at a URL into the cache; raises as :func:`seen_now` does, and
    RemoteError for bytes that changed on the way. Of a directory that came before, only
    those files are read that its server calls others than then.
    """
    project = session.project
    known = UrlFiles(project, url)
    with CacheWriter(project.cache) as writer:
        ingest = Saving(writer, project.algorithm)
        content, came = _download(session, url, ingest, report, known.put)
        writer.finish()
    known.remember(came.files, content)
    return content, _came_as(session, url, came.state, content)


def bring_to(
    session: Session, url: str, ingest: Ingest, report: Report
) -> tuple[Content, Address]:
    """Hands what stands at a URL over to ``ingest``."""
    content, came = _download(session, url, ingest, report, url_source.nothing_known)
    return content, _came_as(session, url, came.state, content)


def _download(
    session: Session, url: str, ingest: Ingest, report: Report, known: Known
) -> tuple[Content, Came]:
    """Through this machine's disk: a state is known only when all of it came."""
    with place_aside(session.project) as place:
        came = url_source.download(url, place, report, known)
        return scan_source(session, place, ingest), came


def _came_as(session: Session, url: str, state: State, content: Content) -> Address:
    return _address(url, state, session.project.algorithm.text(content.hex))


def _address(url: str, state: State, digest: str) -> Address:
    return Address(url, state.mark, state.value, state.size, digest)
