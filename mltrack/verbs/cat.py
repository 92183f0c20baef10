"""``cat``: the bytes of one file, tracked or not, as it stands or at a revision."""

import os
from collections.abc import Generator, Iterator

from mltrack.disk.durable import opened
from mltrack.errors import MissingObjectError, UsageError
from mltrack.objects.content import TREE
from mltrack.verbs.session import Session

_PIECE = 1 << 20


def cat(
    session: Session, argument: str, revision: str = ""
) -> Generator[bytes, None, None]:
    """Yields the bytes of a file: of the workspace as they stand there, else those that
    are recorded, from the cache.

    Raises UsageError for what is no file, or was never there, and MissingObjectError
    for what is recorded and not here.
    """
    path = session.project.relative(argument)
    here = session.project.absolute(path)
    if not revision and os.path.isdir(here):
        raise UsageError(
            f"{argument!r} is a directory", hint=f"mltrack ls -R {argument}"
        )
    if not revision and os.path.isfile(here):
        yield from _pieces(here)
        return
    data = _recorded(session, argument, path, revision)
    if data is None:
        where = f"at {revision}" if revision else "here, nor recorded"
        raise UsageError(f"there is no file {argument!r} {where}", hint="mltrack ls -R")
    yield data


def _recorded(
    session: Session, argument: str, path: str, revision: str
) -> bytes | None:
    """What is recorded of a file: from the cache where it is tracked, else from git."""
    recorded = session.at(revision)
    try:
        (target,) = session.select([argument], recorded.view)
    except (UsageError, ValueError):
        # not tracked, or a directory with several targets in it
        return recorded.read(path)
    if target.content.kind == TREE:
        raise UsageError(
            f"{argument!r} is a directory", hint=f"mltrack ls -R {argument}"
        )
    try:
        return recorded.read_object(target.content.hex)
    except MissingObjectError:
        at = f" --rev {revision}" if revision else ""
        verb = "fetch" if revision else "pull"
        raise MissingObjectError(
            f"{argument} is not in the cache", hint=f"mltrack {verb} {argument}{at}"
        ) from None


def _pieces(path: str) -> Iterator[bytes]:
    with opened(path, os.O_RDONLY) as file:
        while piece := os.read(file, _PIECE):
            yield piece
