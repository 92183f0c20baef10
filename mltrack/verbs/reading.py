"""Reading one file: as it stands, from the cache, or where it lies in a remote; and
putting a path where a program can open it.
"""

import hashlib
import io
import os
import shutil
from collections.abc import Callable

from mltrack.config import settings as config
from mltrack.disk.durable import make_directories, temporary_path
from mltrack.disk.lock import locked
from mltrack.engine.recorded import Recorded
from mltrack.errors import MissingObjectError, RemoteError, UsageError
from mltrack.objects.content import TREE, Content
from mltrack.store.pack import SMALL_OBJECT
from mltrack.store.shared.stream import ObjectStream
from mltrack.verbs.elsewhere import Elsewhere
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources
from mltrack.workspace.copies import make_copy

_READ_ONLY = 0o222


def open_file(
    session: Session,
    argument: str,
    revision: str = "",
    *,
    closing: Callable[[], object],
) -> io.BufferedIOBase:
    """Returns a file opened for reading: of the workspace as it stands there, else as
    it is recorded. ``closing`` is called once it is closed.

    A large one that is not in the cache is read where it lies in a remote, range by
    range; a small one is fetched.

    Raises UsageError for what is no file, or not there, and MissingObjectError for
    bytes that nobody has.
    """
    found = _find(session, argument, revision or session.named)
    if isinstance(found, str):
        closing()
        return open(found, "rb")
    if isinstance(found, bytes):
        closing()
        return io.BytesIO(found)
    if isinstance(session, Elsewhere):
        return open_content(session.sources, found, argument, closing=closing)
    sources = Sources(session)
    file = open_content(sources, found, argument, closing=closing)
    sources.close()
    return file


def open_content(
    sources: Sources,
    found: Content,
    name: str,
    *,
    closing: Callable[[], object] = lambda: None,
) -> io.BufferedIOBase:
    """Returns a file of known content opened for reading; see :func:`open_file`."""
    cache = sources.cache
    if not cache.has(found.hex):
        if found.size >= SMALL_OBJECT and (far := _stream(sources, found, closing)):
            return io.BufferedReader(far, 64 << 10)
        data = sources.read_file(found)
        if data is not None:
            closing()
            return io.BytesIO(data)
        _require(sources, found, name)
    closing()
    if cache.is_packed(found.hex) or not cache.check_alone(found.hex):
        return io.BytesIO(cache.read(found.hex))
    return open(cache.loose_path(found.hex), "rb")


def local_path(session: Session, argument: str, revision: str = "") -> str:
    """Returns where a file or directory stands on this machine, for reading only: in
    the workspace if it is there, else, fetched if need be, below the user's cache
    directory.
    """
    revision = revision or session.named
    path = session.project.relative(argument)
    here = session.project.absolute(path)
    if not revision and os.path.lexists(here):
        return here
    recorded = session.at(revision)
    content = _content_at(session, recorded, argument)
    if content is None:
        data = recorded.read(path)
        if data is None:
            raise _absent(argument, revision)
        return _put_aside(path, lambda place: _write(place, data), _digest(data))
    _require(Sources(session), content, argument)
    cache = session.project.cache
    return _put_aside(path, lambda place: make_copy(content, place, cache), content.hex)


def _require(sources: Sources, content: Content, argument: str) -> None:
    """Gets a content into the cache; raises MissingObjectError with the path."""
    if not sources.is_any and not sources.cache.holds(content):
        raise MissingObjectError(
            f"{argument} is not here, and the project has no remote",
            hint="mltrack remote add NAME DIRECTORY",
        )
    sources.require([content])


def _find(session: Session, argument: str, revision: str) -> str | bytes | Content:
    """A place on the disk, the bytes, or what is recorded."""
    path = session.project.relative(argument)
    here = session.project.absolute(path)
    if not revision and os.path.isfile(here):
        return here
    if not revision and os.path.isdir(here):
        raise _is_directory(argument)
    recorded = session.at(revision)
    content = _content_at(session, recorded, argument)
    if content is not None:
        if content.kind == TREE:
            raise _is_directory(argument)
        return content
    data = recorded.read(path)
    if data is None:
        raise _absent(argument, revision)
    return data


def _content_at(session: Session, recorded: Recorded, argument: str) -> Content | None:
    """What is recorded of a path; None for one that is not tracked, or a directory with
    several targets in it.
    """
    try:
        (target,) = session.select([argument], recorded.view)
    except (UsageError, ValueError):
        return None
    return target.content


def _stream(
    sources: Sources, content: Content, closing: Callable[[], object]
) -> ObjectStream | None:
    """A large object where it lies; None where no remote has it as a file of its own."""
    for remote in sources.remotes if sources.is_any else ():
        try:
            _, alone, _ = remote.locate([content.hex])
        except RemoteError:
            continue
        if alone:
            algorithm = sources.cache.algorithm
            return ObjectStream(
                remote.store, algorithm, content.hex, content.size, closing
            )
    return None


def _put_aside(path: str, make: Callable[[str], str], hex_digest: str) -> str:
    """Makes a path under its own name, once for each content."""
    home = os.path.join(config.user_cache_path(os.environ), "paths")
    directory = os.path.join(home, hex_digest[:2], hex_digest[2:])
    name = os.path.basename(path)
    place = os.path.join(directory, name)
    if os.path.lexists(place):
        return place
    make_directories(directory)
    with locked(os.path.join(home, ".lock")):
        if os.path.lexists(place):
            return place
        aside = temporary_path(directory)
        os.mkdir(aside)
        try:
            made = make(aside)
            _make_read_only(made)
            os.rename(made, place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return place


def _write(directory: str, data: bytes) -> str:
    path = os.path.join(directory, "copy")
    with open(path, "wb") as file:
        file.write(data)
    return path


def _make_read_only(path: str) -> None:
    """Whoever writes there would change it for all who read it."""
    for directory, _, names in os.walk(path):
        for name in names:
            inner = os.path.join(directory, name)
            if not os.path.islink(inner):
                os.chmod(inner, os.stat(inner).st_mode & ~_READ_ONLY)
    if os.path.isfile(path) and not os.path.islink(path):
        os.chmod(path, os.stat(path).st_mode & ~_READ_ONLY)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _is_directory(argument: str) -> UsageError:
    return UsageError(
        f"{argument!r} is a directory", hint="name one file of it, or use its path"
    )


def _absent(argument: str, revision: str) -> MissingObjectError | UsageError:
    where = f"at {revision}" if revision else "here, nor recorded"
    return UsageError(f"there is no file {argument!r} {where}", hint="mltrack ls -R")
