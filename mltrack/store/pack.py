"""Packs: one file holding many small objects, followed by its index; named by the
digest of its bytes, never changed.

The same format serves cache and remote. The layout is settled in
docs/reference/formats.md.
"""

import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from mltrack.disk.durable import fsync, opened, temporary_path, write_all
from mltrack.errors import IntegrityError, NewerFormatError
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.store.catalogue import Catalogue, Whole, encode_own

MAGIC, END_MAGIC = b"MLTPACK\n", b"MLTPEND\n"
VERSION = 1
ANY, TREES = 0, 1
"""What a pack holds: trees have packs of their own, so that a directory can be read
without its files.
"""

# bytes: a request moves thousands of small objects, and a cut push has to send
# little again
TARGET_BYTES = 48 << 20
# objects: without this bound a million small files took half as much memory again
TARGET_OBJECTS = 1 << 16
"""A pack ends at either: the index of one that is being written is in memory."""
# bytes: creating a file costs as much as appending a dozen objects to a pack
SMALL_OBJECT = 1 << 20
"""Objects below this size go into packs; larger ones are files of their own."""

_HEADER = struct.Struct(">8sIHH")
# bytes: small objects cost no system call each
_BUFFER = 1 << 20


def is_small(content: Content) -> bool:
    """Returns whether an output that is left to git is kept in the cache too: without
    its metrics file, a result could not be restored.
    """
    return content.kind != TREE and content.size < SMALL_OBJECT


def already() -> None:
    """What there is to wait for when something is durable."""


def sync_ahead(descriptor: int) -> Callable[[], None]:
    """Makes a file durable while the caller goes on, then closes its descriptor.
    Returns what waits for that, and raises if it failed.
    """
    failures: list[OSError] = []

    def sync() -> None:
        try:
            fsync(descriptor)
        except OSError as error:
            # told by whoever waits: an error in a thread would be lost
            failures.append(error)
        finally:
            os.close(descriptor)

    # daemon: nothing names the file yet, so an interrupt need not wait
    thread = threading.Thread(target=sync, daemon=True)
    thread.start()

    def synced() -> None:
        thread.join()
        if failures:
            raise failures[0]

    return synced


class Finished(NamedTuple):
    """A written pack under a temporary name; durable once ``synced`` has returned,
    which raises if that failed.
    """

    id: str
    temporary: str
    index_data: bytes
    size: int
    synced: Callable[[], None] = already


class PackWriter:
    """Writes one pack aside. ``finish`` makes it durable; until it is renamed into
    place it does not exist.
    """

    def __init__(
        self, directory: str, algorithm: Algorithm, contents: int = ANY
    ) -> None:
        self._algorithm = algorithm
        self._temporary = temporary_path(directory)
        self._descriptor = os.open(
            self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644
        )
        self._hasher = algorithm.new()
        self._pieces: list[bytes] = [
            _HEADER.pack(MAGIC, VERSION, algorithm.code, contents)
        ]
        self._buffered = self.size = _HEADER.size
        self._objects: list[tuple[bytes, int, int]] = []
        """Digest, offset and size of each."""

    @property
    def is_full(self) -> bool:
        return self.size >= TARGET_BYTES or len(self._objects) >= TARGET_OBJECTS

    def add(self, hex_digest: str, data: bytes) -> None:
        """Appends an object; its digest must be that of ``data``, and it must not be in
        the pack yet.
        """
        length = len(data)
        self._objects.append((bytes.fromhex(hex_digest), self.size, length))
        self._pieces.append(data)
        self.size += length
        self._buffered += length
        if self._buffered >= _BUFFER:
            self._flush()

    def finish(self) -> Finished:
        """Writes index and trailer, and makes the file durable."""
        done, descriptor = self._close()
        try:
            fsync(descriptor)
        finally:
            os.close(descriptor)
        return done

    def finish_ahead(self) -> Finished:
        """Like ``finish``, but the disk works on it while the caller goes on; the
        result's ``synced`` waits for that.
        """
        done, descriptor = self._close()
        return done._replace(synced=sync_ahead(descriptor))

    def _close(self) -> tuple[Finished, int]:
        index = encode_own(self._objects, self._algorithm)
        digest = index[-self._algorithm.raw_size :]
        self._pieces += [
            index,
            struct.pack(">QQ", self.size, len(self._objects)),
            digest,
            END_MAGIC,
        ]
        self._flush()
        descriptor, self._descriptor = self._descriptor, -1
        try:
            os.fchmod(descriptor, 0o444)
            size = os.fstat(descriptor).st_size
        except BaseException:
            os.close(descriptor)
            raise
        return Finished(
            self._hasher.hexdigest(), self._temporary, index, size
        ), descriptor

    def discard(self) -> None:
        """Removes what was written; safe after ``finish`` too, as long as the file was
        not renamed.
        """
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if os.path.exists(self._temporary):
            os.unlink(self._temporary)

    def _flush(self) -> None:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._buffered = 0
        self._hasher.update(data)
        write_all(self._descriptor, data)


def contents_of(path: str) -> int:
    """Returns whether a pack holds ANY objects or TREES."""
    with opened(path, os.O_RDONLY) as descriptor:
        return _check_header(os.read(descriptor, _HEADER.size), path)


def read_index(path: str, algorithm: Algorithm, id_: str) -> Catalogue:
    """Returns the index that the pack of this id carries; raises IntegrityError if it
    is truncated or damaged there.
    """
    with opened(path, os.O_RDONLY) as descriptor:
        size = os.fstat(descriptor).st_size

        def read(offset: int, length: int) -> bytes:
            return os.pread(descriptor, length, offset)

        return index_at_end(read, size, algorithm, path, id_)


def index_at_end(
    read: Callable[[int, int], bytes],
    size: int,
    algorithm: Algorithm,
    name: str,
    id_: str,
) -> Catalogue:
    """Returns the index that a pack of ``size`` bytes carries; ``read`` takes offset
    and length.
    """
    trailer = struct.Struct(f">QQ{algorithm.raw_size}s8s")
    at = size - trailer.size
    if at < _HEADER.size:
        raise IntegrityError(f"{name}: the pack is truncated")
    head, end = read(0, _HEADER.size), read(at, trailer.size)
    if len(head) != _HEADER.size or len(end) != trailer.size:
        raise IntegrityError(f"{name}: the pack is truncated")
    _check_header(head, name, algorithm)
    offset, count, digest, magic = trailer.unpack(end)
    # before the read: a forged offset must not say how much is allocated
    if magic != END_MAGIC or not _HEADER.size <= offset <= at:
        raise IntegrityError(
            f"{name}: the pack is truncated, or its trailer is damaged"
        )
    data = read(offset, at - offset)
    index = Catalogue(data, algorithm, name, pack_id=id_)
    if index.count != count or data[-algorithm.raw_size :] != digest:
        raise IntegrityError(f"{name}: the pack's trailer does not fit its index")
    return index


def read_objects(path: str, entries: Iterable[Whole]) -> Iterator[tuple[Whole, bytes]]:
    """Yields the bytes of objects in a pack, in order of offset; the caller checks
    their digests.
    """
    with opened(path, os.O_RDONLY) as descriptor:
        # one pass over the file, in the order of the disk
        for entry in sorted(entries, key=lambda entry: entry.offset):
            data = os.pread(descriptor, entry.size, entry.offset)
            if len(data) != entry.size:
                raise IntegrityError(f"{path}: the pack is shorter than its index says")
            yield entry, data


def digest_of_file(path: str, algorithm: Algorithm) -> str:
    """Returns the digest of a file's bytes, read in pieces."""
    hasher = algorithm.new()
    with opened(path, os.O_RDONLY) as descriptor:
        # 256 KiB: with 4 MiB reading and hashing were a third slower
        while piece := os.read(descriptor, 1 << 18):
            hasher.update(piece)
    return hasher.hexdigest()


def _check_header(header: bytes, path: str, algorithm: Algorithm | None = None) -> int:
    """Returns what a pack says it holds; raises for what cannot be the head of one, of
    this ``algorithm`` if given.
    """
    if len(header) < _HEADER.size or header[:8] != MAGIC:
        raise IntegrityError(f"{path}: not a pack, or truncated")
    _, version, code, contents = _HEADER.unpack(header)
    if version > VERSION:
        raise NewerFormatError(
            f"{path}: a pack of a newer mltrack (format {version})",
            hint="upgrade mltrack",
        )
    # no object's digest covers the head: nothing else would see a flipped bit
    if (
        version != VERSION
        or contents not in (ANY, TREES)
        or (algorithm is not None and code != algorithm.code)
    ):
        raise IntegrityError(f"{path}: the head of the pack is damaged")
    return int(contents)
