"""Objects on their way to a host and back, over one connection.

Small ones travel many to a frame, large ones in pieces, with several frames under way.
What arrives is checked against its digest before it counts, on whichever side it
arrives.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from mltrack.disk.durable import opened, temporary_path, write_all
from mltrack.errors import (
    FormatError,
    IntegrityError,
    MissingObjectError,
    WorkspaceError,
)
from mltrack.objects import tree
from mltrack.objects.content import BY_LETTER, EXEC, SYMLINK, TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.runners.connection import Connection, pipelined
from mltrack.runners.job import Origin
from mltrack.runners.worker.messages import (
    ListRaw,
    Part,
    Put,
    Read,
    ReadPart,
    ReadRaw,
    Request,
    Settle,
)
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import SMALL_OBJECT, TREES

# in bytes; four are under way, so that a transfer takes some 16 MiB of memory
FRAME = 4 << 20
_WINDOW = 4
# rows in one message: of empty files there would be no end to them
_MAX_FILES = 4096


class File(NamedTuple):
    """One file or link of an output, and where it is to lie."""

    path: str
    kind: str
    hex: str
    size: int


def send_objects(
    connection: Connection,
    origin: Origin,
    algorithm: Algorithm,
    hex_digests: Iterable[str],
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Sends objects, and for each tree all trees below it; returns the bytes sent.
    Raises MissingObjectError for what is not to be had, WorkspaceError for a file that
    changed since it was looked at, or once nobody wants it any more.
    """
    wanted: dict[str, None] = {}
    for hex_digest in hex_digests:
        # subtrees go along at once: else each level would cost another try to start
        wanted.update(dict.fromkeys(origin.trees_below(hex_digest) or [hex_digest]))
    window = _Window(connection, is_over)
    small: list[tuple[str, bytes]] = []
    size = total = 0
    for hex_digest in wanted:
        found = origin.find(hex_digest)
        if found is None:
            raise MissingObjectError(
                f"the object {algorithm.text(hex_digest)} is neither here nor on "
                f"{connection.address.shown}",
                hint="`mltrack fetch` brings what a remote or another host has",
            )
        if isinstance(found, str) and os.stat(found).st_size >= SMALL_OBJECT:
            total += _send_large(connection, window, hex_digest, found, algorithm)
            continue
        data = found if isinstance(found, bytes) else _read_small(found)
        # only here can it be said which file changed; a host may not even notice
        if algorithm.hex_of(data) != hex_digest:
            raise _changed(found)
        small.append((hex_digest, data))
        size += len(data)
        if size >= FRAME or len(small) >= _MAX_FILES:
            window.send(_put(small))
            total, size, small = total + size, 0, []
    if small:
        window.send(_put(small))
    # durable over there before a job refers to it
    window.send((Settle(), b""))
    window.finish()
    return total + size


class _Window:
    """Requests under way: at most a few, so that neither side waits for the other."""

    def __init__(self, connection: Connection, is_over: Callable[[], bool]) -> None:
        self._connection, self._is_over = connection, is_over
        self._under_way = 0

    def send(self, request: tuple[Request, bytes]) -> None:
        if self._is_over():
            raise WorkspaceError("it was cancelled while its inputs were being sent")
        # an answer is read for each request: else both pipes fill, and both sides wait
        if self._under_way >= _WINDOW:
            self._connection.receive()
            self._under_way -= 1
        self._connection.send(*request)
        self._under_way += 1

    def finish(self) -> None:
        while self._under_way:
            # counted first: a refusal is an answer, too
            self._under_way -= 1
            self._connection.receive()


def _put(objects: list[tuple[str, bytes]]) -> tuple[Request, bytes]:
    rows = [[hex_digest, len(data)] for hex_digest, data in objects]
    return Put(rows), b"".join(data for _, data in objects)


def _send_large(
    connection: Connection,
    window: _Window,
    hex_digest: str,
    path: str,
    algorithm: Algorithm,
) -> int:
    """Sends a large file from where an earlier connection left off. Its digest is
    computed on the way.
    """
    # answers come in order: none may be outstanding before the next question
    window.finish()
    whole = os.stat(path).st_size
    offset = int(connection.request(Part(hex_digest, whole))[0]["offset"])
    hasher = algorithm.new()
    with opened(path, os.O_RDONLY) as descriptor:
        size = os.fstat(descriptor).st_size
        if size != whole:
            raise _changed(path)
        at = 0
        while at < size:
            # up to the offset it is hashed only: the host has it
            piece = os.read(
                descriptor, min(FRAME, offset - at) if at < offset else FRAME
            )
            if not piece:
                raise _changed(path)
            hasher.update(piece)
            # before the last piece goes out: a host that cannot hash would take it
            if at + len(piece) >= size and hasher.hexdigest() != hex_digest:
                raise _changed(path)
            if at >= offset:
                window.send((Part(hex_digest, size, at), piece))
            at += len(piece)
    return size - offset


def _read_small(path: str) -> bytes:
    with opened(path, os.O_RDONLY) as descriptor:
        # one byte more than a small object has: one that grew does not pass for it
        return os.read(descriptor, SMALL_OBJECT + 1)


def _changed(found: bytes | str) -> Exception:
    if isinstance(found, bytes):
        return IntegrityError(
            "an object of the cache does not match its digest", hint="mltrack fsck"
        )
    return WorkspaceError(
        f"{found} changed while it was being sent",
        hint="run this again when nothing writes to it",
    )


class _Source(NamedTuple):
    """A host that objects come from. It is believed nothing but bytes that have their
    digest, and names that may be written.
    """

    connection: Connection
    algorithm: Algorithm

    def files(self, hex_digest: str, path: str) -> Iterator[File]:
        """Makes the directories of a tree, and yields its files and links."""
        level = [(hex_digest, path)]
        while level:
            following = []
            arriving = self.each([one for one, _ in level])
            for (_, directory), (_, data) in zip(level, arriving, strict=True):
                os.mkdir(directory)
                for entry in tree.decode(data, self.algorithm.hex_size):
                    inner = os.path.join(directory, os.fsdecode(entry.name))
                    if entry.kind == tree.DIRECTORY:
                        following.append((entry.hex, inner))
                    else:
                        yield File(inner, BY_LETTER[entry.kind], entry.hex, entry.size)
            level = following

    def each(self, hex_digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yields objects whose size nobody knows: one to a request, many requests under
        way.
        """
        # a window of 64: listings are small, and the way to the host is what takes time
        return self.read([[hex_digest] for hex_digest in hex_digests], 64)

    def read(
        self, batches: list[list[str]], window: int = _WINDOW
    ) -> Iterator[tuple[str, bytes]]:
        """Yields objects with their digests, a batch to a request; raises
        IntegrityError for other bytes than theirs.
        """
        requests = [Read(batch) for batch in batches]
        for batch, (reply, data) in zip(
            batches, pipelined(self.connection, requests, window), strict=True
        ):
            for hex_digest, piece in zip(batch, _split(reply, data), strict=True):
                if self.algorithm.hex_of(piece) != hex_digest:
                    raise self.wrong(hex_digest)
                yield hex_digest, piece

    def pieces(self, hex_digest: str, size: int) -> Iterator[bytes]:
        """Yields a large object in pieces; raises IntegrityError at the end if it has
        other bytes.
        """
        hasher = self.algorithm.new()
        requests = (ReadPart(hex_digest, offset) for offset in range(0, size, FRAME))
        for data in _of_size(self.connection, requests, size, hex_digest):
            hasher.update(data)
            yield data
        # known at the end only: until then the file has no name outside of scratch
        if hasher.hexdigest() != hex_digest:
            raise self.wrong(hex_digest)

    def wrong(self, hex_digest: str) -> IntegrityError:
        return _wrong(self.connection, hex_digest)


def _of_size(
    connection: Connection, requests: Iterable[Request], size: int, what: str
) -> Iterator[bytes]:
    """Yields the pieces of a file of ``size`` bytes, a frame to a request; raises
    IntegrityError at the first that is longer or shorter. The size is a host's word:
    what it does not have is not waited for.
    """
    left = size
    for _, data in pipelined(connection, requests):
        if len(data) != min(FRAME, left):
            raise _wrong(connection, what)
        left -= len(data)
        yield data


def _wrong(connection: Connection, what: str) -> IntegrityError:
    return IntegrityError(
        f"{connection.address.shown} sent other bytes than those of {what}",
        hint="run this again; if that does not help, `mltrack runner check NAME`",
    )


def _split(reply: dict[str, Any], data: bytes) -> Iterator[bytes]:
    at = 0
    for size in reply["sizes"]:
        yield data[at : at + size]
        at += size


def receive_output(
    connection: Connection,
    algorithm: Algorithm,
    cache: Cache,
    content: Content,
    path: str,
) -> None:
    """Puts an output of a job at a path where nothing stands. Raises IntegrityError
    where bytes do not match their digest, FormatError for a tree that may not be
    written.
    """
    source = _Source(connection, algorithm)
    files = [File(path, content.kind, content.hex, content.size)]
    if content.kind == TREE:
        files = list(source.files(content.hex, path))
    small: list[File] = []
    batches: list[list[File]] = []
    size = 0
    for file in files:
        # what an earlier run made, and is here, does not travel
        if cache.has(file.hex):
            _write(file, [cache.read(file.hex)]) if file.size < SMALL_OBJECT else _copy(
                cache, file
            )
        elif file.size >= SMALL_OBJECT:
            _write(file, source.pieces(file.hex, file.size))
        else:
            small.append(file)
            size += file.size
            if size >= FRAME or len(small) >= _MAX_FILES:
                batches.append(small)
                small, size = [], 0
    if small:
        batches.append(small)
    hexes = [[file.hex for file in batch] for batch in batches]
    arriving = (file for batch in batches for file in batch)
    for file, (_, data) in zip(arriving, source.read(hexes), strict=True):
        _write(file, [data])


def fetch_listings(
    connection: Connection, cache: Cache, contents: Iterable[Content]
) -> None:
    """Gets the listings of directories that stay on a host into the cache, without
    their files: what they hold is known.
    """
    source = _Source(connection, cache.algorithm)
    with CacheWriter(cache) as writer:
        level = [content.hex for content in contents if content.kind == TREE]
        while level:
            below: list[str] = []
            for hex_digest, data in source.each(level):
                entries = tree.decode(data, cache.algorithm.hex_size)
                below += [
                    entry.hex for entry in entries if entry.kind == tree.DIRECTORY
                ]
                writer.put_known(hex_digest, data, TREES)
            level = below
        writer.finish()


def fetch_objects(
    connection: Connection, cache: Cache, contents: Iterable[Content]
) -> None:
    """Gets contents that a host holds, with all that lies below them, into the cache.
    Raises what receiving raises.
    """
    source = _Source(connection, cache.algorithm)
    with CacheWriter(cache) as writer:
        for content in contents:
            rows = [(content.hex, content.size, content.kind == TREE)]
            while rows:
                batch, rows = rows[:_MAX_FILES], rows[_MAX_FILES:]
                rows += _fetch_batch(source, cache, writer, batch)
        writer.finish()


def _fetch_batch(
    source: _Source,
    cache: Cache,
    writer: CacheWriter,
    batch: list[tuple[str, int, bool]],
) -> list[tuple[str, int, bool]]:
    """Adds objects to the writer; returns what lies in those of them that are trees."""
    below: list[tuple[str, int, bool]] = []
    small: list[tuple[str, bool]] = []
    for hex_digest, size, is_tree in batch:
        # a tree's size is that of its files: its own bytes are few
        if is_tree or size < SMALL_OBJECT:
            small.append((hex_digest, is_tree))
        elif writer.missing([hex_digest]):
            _fetch_large(source, cache, writer, hex_digest, size)
    arriving = source.each([hex_digest for hex_digest, _ in small])
    for (_, is_tree), (hex_digest, data) in zip(small, arriving, strict=True):
        if is_tree:
            entries = tree.decode(data, cache.algorithm.hex_size)
            below += [
                (entry.hex, entry.size, entry.kind == tree.DIRECTORY)
                for entry in entries
            ]
        writer.put_known(hex_digest, data, TREES if is_tree else 0)
    return below


def _fetch_large(
    source: _Source, cache: Cache, writer: CacheWriter, hex_digest: str, size: int
) -> None:
    """Adds a large object to the writer, as the file that it arrives in."""
    # in the cache's own directory: it becomes the object by rename
    temporary = temporary_path(cache.tmp_path)
    try:
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) as aside:
            for piece in source.pieces(hex_digest, size):
                write_all(aside, piece)
        writer.adopt_alone(temporary, hex_digest)
    except BaseException:
        if not writer.owns(temporary):
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        raise


def _write(file: File, pieces: Iterable[bytes]) -> None:
    if file.kind == SYMLINK:
        os.symlink(b"".join(pieces), os.fsencode(file.path))
        return
    with opened(
        file.path,
        # only ever created: never through a link that came before
        os.O_WRONLY | os.O_CREAT | os.O_EXCL,
        0o777 if file.kind == EXEC else 0o666,
    ) as descriptor:
        for piece in pieces:
            write_all(descriptor, piece)


def _copy(cache: Cache, file: File) -> None:
    with opened(
        file.path,
        os.O_RDWR | os.O_CREAT | os.O_EXCL,
        0o777 if file.kind == EXEC else 0o666,
    ) as descriptor:
        cache.copy_to(file.hex, descriptor, file.size)


def receive_raw(
    connection: Connection, key: str, number: int, output: str, path: str
) -> None:
    """Puts an output of a job at a path from a host that could not hash it: as the
    files themselves.
    """
    rows = connection.request(ListRaw(key, number, output))[0]["rows"]
    made = {path}
    for inner, kind, size, link in rows:
        parts = [os.fsencode(part) for part in str(inner).split("/")] if inner else []
        for part in parts:
            tree.check_name(part)
        target = os.path.join(path, *map(os.fsdecode, parts))
        # a link that came before it must not be walked through
        if inner and os.path.dirname(target) not in made:
            raise FormatError(
                f"{connection.address.shown} names {inner!r} in no directory of the "
                "output"
            )
        if kind == TREE:
            os.mkdir(target)
            made.add(target)
        elif kind == SYMLINK:
            os.symlink(link, target)
        else:
            _write(
                File(target, str(kind), "", size),
                _raw_pieces(connection, (key, number, output, inner), size),
            )


def _raw_pieces(
    connection: Connection, name: tuple[str, int, str, str], size: int
) -> Iterator[bytes]:
    requests = (ReadRaw(*name, at) for at in range(0, size, FRAME))
    return _of_size(connection, requests, size, "/".join(filter(None, name[2:])))


def discard(path: str) -> None:
    """Removes what was received and is not wanted any more."""
    if os.path.isdir(path) and not os.path.islink(path):
        # what cannot be removed costs disk only, and `recover` tries again
        shutil.rmtree(path, ignore_errors=True)
