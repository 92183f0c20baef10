"""``log``: the versions of data, by the commits that recorded them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from mltrack.errors import FormatError
from mltrack.formats import lock_file, pointer
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history
from mltrack.git import log as git_log
from mltrack.git.history import Described
from mltrack.git.log import Logged
from mltrack.git.source import Source
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import LOCK_NAME
from mltrack.verbs.elsewhere import Elsewhere
from mltrack.verbs.session import Session


class VersionChange(NamedTuple):
    """A path whose recorded version a commit changed; None where there was none."""

    path: str
    before: Content | None
    after: Content | None


class Commit(NamedTuple):
    """A commit that recorded data, and what it recorded."""

    commit: str
    described: Described
    changes: tuple[VersionChange, ...]


def log(
    session: Session, targets: list[str], revision: str = "", most: int = 0
) -> list[Commit]:
    """Returns the commits up to a revision, HEAD for none, that changed what is recorded
    of the targets, or of anything without them; newest first, at most ``most`` unless
    that is 0. A target is a path, also one that is tracked no more; a directory stands
    for what is in it.

    Nothing before the first commit. Raises GitError for a revision that there is not.
    """
    commit = session.commit(revision)
    if not commit:
        return []
    source, inner = _where(session)
    source.bring_history()
    logged = list(git_log.changes(commit, source.path, (SUFFIX, LOCK_NAME)))
    wanted = [
        session.project.relative(target).removesuffix(SUFFIX) for target in targets
    ]
    texts = _texts(source, logged, inner)

    def recorded(path: str, blob: str) -> dict[str, Content]:
        return _recorded(path, texts.get(blob, b""), session.project.algorithm)

    found = _told(logged, inner, wanted, recorded)
    return list(islice(found, most or None))


def _told(
    logged: list[Logged],
    inner: str,
    wanted: list[str],
    recorded: Callable[[str, str], dict[str, Content]],
) -> Iterator[Commit]:
    for one in logged:
        changes = []
        for file in one.files:
            path = _below(inner, file.path)
            if path is None:
                continue
            before, after = (recorded(path, blob) for blob in (file.before, file.after))
            changes += [
                VersionChange(name, before.get(name), after.get(name))
                for name in sorted({*before, *after})
                if before.get(name) != after.get(name) and _is_meant(name, wanted)
            ]
        if changes:
            yield Commit(one.commit, one.described, tuple(changes))


def _is_meant(path: str, wanted: list[str]) -> bool:
    return not wanted or any(
        contains(one, path) or contains(path, one) for one in wanted
    )


def _recorded(path: str, data: bytes, algorithm: Algorithm) -> dict[str, Content]:
    """What one version of a pointer or lock says; of a damaged one, nothing."""
    if not data:
        return {}
    with suppress(FormatError):
        if path.endswith(SUFFIX):
            return {
                path.removesuffix(SUFFIX): pointer.parse(data, algorithm, path).content
            }
        entries = lock_file.parse(data, algorithm, path).values()
        return {out: content for one in entries for out, content in one.outs.items()}
    return {}


def _texts(source: Source, logged: Iterable[Logged], inner: str) -> dict[str, bytes]:
    """The pointers and locks that commits changed, by blob, by one request."""
    blobs = {
        blob
        for one in logged
        for file in one.files
        if _below(inner, file.path) is not None
        for blob in (file.before, file.after)
        if blob
    }
    source.bring_blobs(blobs)
    return dict(history.read_blobs(sorted(blobs), source.path))


def _where(session: Session) -> tuple[Source, str]:
    """Where git is asked, and where the project lies in its repository."""
    if isinstance(session, Elsewhere):
        return session.source, session.inner
    return Source(session.git_path), session.project.inner


def _below(inner: str, path: str) -> str | None:
    """A path of the repository as the project has it; None for one of another place."""
    if not inner:
        return path
    return path.removeprefix(f"{inner}/") if contains(inner, path) else None
