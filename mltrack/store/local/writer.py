"""Writing into the cache: many objects at once, durable together, visible only then.

The order is always: bytes aside, fsync, rename, fsync of the directory. Whoever writes
a reference to an object does it after ``finish`` has returned.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterable
from contextlib import suppress

from mltrack.disk.abilities import Ability, has
from mltrack.disk.durable import (
    fsync,
    fsync_directory,
    make_directories,
    opened,
    sync_file_system,
    temporary_path,
    write_all,
)
from mltrack.disk.lock import locked
from mltrack.errors import FormatError, IntegrityError, LockedError, WorkspaceError
from mltrack.objects import tree
from mltrack.objects.digest import Algorithm
from mltrack.objects.tree_walk import Load
from mltrack.store import pack
from mltrack.store.local.cache import READ_ONLY, Cache, Place
from mltrack.store.local.reader import Reader

# packs: a look-up of what is not there asks each of them
MERGE_ABOVE = 32
# bytes: a pack that has grown beyond is merged no more
SMALL_PACK_BYTES = 8 << 20
_FINE_NS, _COARSE_NS = 20_000_000, 2_000_000_000
"""Stamps of a write may be as coarse as the second where they are whole seconds, else
as the first.
"""
_SYNC_TOGETHER = 8
"""Above this many files one syncfs costs less than an fsync each."""


class CacheWriter:
    """Collects new objects and makes them durable together; nothing of it is visible
    before ``finish``.

    Use it as a context manager: leaving the block by an error discards what was not
    finished. It is for one thread.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._writers: dict[int, pack.PackWriter] = {}
        self._finished: list[pack.Finished] = []
        self._loose: list[tuple[str, str]] = []
        self._fresh: set[str] = set()
        self._modes: dict[str, int] = {}
        """What the files were allowed before they became objects, by temporary name."""
        make_directories(cache.tmp_path)

    @property
    def algorithm(self) -> Algorithm:
        return self._cache.algorithm

    @property
    def linking(self) -> str:
        """How files are linked to the cache; see :attr:`Cache.linking`."""
        return self._cache.linking

    def __enter__(self) -> "CacheWriter":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.discard()

    def put(self, data: bytes, contents: int = pack.ANY) -> str:
        """Adds bytes and returns their digest."""
        hex_digest = self._cache.algorithm.hex_of(data)
        self.put_known(hex_digest, data, contents)
        return hex_digest

    def put_known(self, hex_digest: str, data: bytes, contents: int = pack.ANY) -> None:
        """Adds bytes whose digest was just computed from them; what is there already is
        not written again.
        """
        if hex_digest in self._fresh or self._cache.is_packed(hex_digest):
            return
        # only these can be files of their own: others are worth no stat
        if (len(data) >= pack.SMALL_OBJECT or self._cache.linking) and self._has_whole(
            hex_digest
        ):
            return
        self.rewrite(hex_digest, data, contents)

    def _has_whole(self, hex_digest: str) -> bool:
        """Whether the cache has an object that need not be written again: one that was
        damaged meanwhile is set aside.
        """
        if self._cache.is_packed(hex_digest):
            return True
        try:
            return self._cache.check_alone(hex_digest)
        except IntegrityError:
            # it is set aside by now: writing it again repairs it
            return False

    def rewrite(self, hex_digest: str, data: bytes, contents: int = pack.ANY) -> None:
        """Adds bytes whether or not they are there already: for moving objects into a
        new pack.
        """
        self._fresh.add(hex_digest)
        if len(data) >= pack.SMALL_OBJECT or (
            # nobody links to a tree: it may lie in a pack
            self._cache.linking and contents != pack.TREES
        ):
            self._put_alone(hex_digest, data)
            return
        writer = self._writers.get(contents)
        if writer is None:
            writer = self._writers[contents] = pack.PackWriter(
                self._cache.tmp_path, self._cache.algorithm, contents
            )
        writer.add(hex_digest, data)
        if writer.is_full:
            self._finished.append(self._writers.pop(contents).finish_ahead())

    def put_large(self, source: int) -> tuple[str, int]:
        """Copies a large file from its descriptor, hashing what is written; returns
        digest and bytes read.
        """
        temporary = temporary_path(self._cache.tmp_path)
        try:
            with opened(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644) as target:
                hex_digest, total = self._cache.duplicate(source, target)
                os.fchmod(target, READ_ONLY)
        except BaseException:
            # here: who goes on with other files must not publish a part of this one
            with suppress(OSError):
                os.unlink(temporary)
            raise
        if hex_digest in self._fresh or self._has_whole(hex_digest):
            os.unlink(temporary)
        else:
            self._fresh.add(hex_digest)
            self._loose.append((temporary, hex_digest))
        return hex_digest, total

    def link_in(self, path: bytes, hex_digest: str, state: os.stat_result) -> bool:
        """Makes a file of the workspace the object itself, by hard link, and read-only;
        ``state`` is what it was when its bytes had that digest. Returns False, with
        nothing done, where that cannot be.
        """
        if hex_digest in self._fresh or self._has_whole(hex_digest):
            return True
        if state.st_nlink > 1:
            # another name of it may be written to: only a copy can be the object
            return False
        temporary = temporary_path(self._cache.tmp_path)
        try:
            os.link(path, temporary, follow_symlinks=False)
        except OSError as error:
            if error.errno in (
                errno.EXDEV,
                errno.EPERM,
                errno.EMLINK,
                errno.EOPNOTSUPP,
            ):
                return False
            raise
        # before the look: from here on nobody can open it for writing
        os.chmod(temporary, READ_ONLY)
        if not _is_still(temporary, hex_digest, self._cache):
            os.chmod(temporary, state.st_mode & 0o7777)
            os.unlink(temporary)
            # somebody may still write to it: only a copy can be the object
            return False
        self._modes[temporary] = state.st_mode & 0o7777
        self._loose.append((temporary, hex_digest))
        self._fresh.add(hex_digest)
        # its bytes were hashed while it could still be written to
        after = os.lstat(temporary)
        if (after.st_ino, after.st_size, after.st_mtime_ns) != (
            state.st_ino,
            state.st_size,
            state.st_mtime_ns,
        ):
            raise WorkspaceError(
                f"{os.fsdecode(path)!r} changed while it was being read",
                hint="run this again when nothing writes to it",
            )
        return True

    def unpack(self, hex_digests: Iterable[str]) -> None:
        """Adds objects that lie in packs as files of their own."""
        with Reader(self._cache) as reader:
            for hex_digest in sorted(hex_digests):
                if hex_digest not in self._fresh and not os.path.exists(
                    self._cache.loose_path(hex_digest)
                ):
                    data = reader.packed(hex_digest)
                    # None: another process has made a file of it since the look
                    if data is not None:
                        self._fresh.add(hex_digest)
                        self._put_alone(hex_digest, data)

    def adopt_pack(self, temporary: str, id_: str) -> None:
        """Takes over a whole pack whose file was just written to ``temporary``; checks
        its name and every object.
        """
        algorithm = self._cache.algorithm
        if pack.digest_of_file(temporary, algorithm) != id_:
            raise IntegrityError(
                f"the pack {id_} does not match its digest", hint="mltrack fetch"
            )
        index = pack.read_index(temporary, algorithm, id_)
        entries = list(index)
        # chunk lists and whatever is newer: what is kept here is whole
        if len(entries) != index.count:
            raise IntegrityError(
                f"the pack {id_} holds other things than whole objects"
            )
        # the pack's name says nothing of what its maker put under which digest
        for entry, data in pack.read_objects(temporary, entries):
            if algorithm.hex_of(data) != entry.raw.hex():
                raise IntegrityError(
                    f"the pack {id_} holds an object that does not match its digest "
                    f"{entry.raw.hex()}"
                )
        os.chmod(temporary, READ_ONLY)
        synced = pack.sync_ahead(os.open(temporary, os.O_RDONLY | os.O_CLOEXEC))
        self._finished.append(
            pack.Finished(
                id_, temporary, index.data, os.stat(temporary).st_size, synced
            )
        )

    def adopt_alone(self, temporary: str, hex_digest: str) -> None:
        """Takes over a large object whose file was just written to ``temporary``;
        checks its digest.
        """
        if pack.digest_of_file(temporary, self._cache.algorithm) != hex_digest:
            raise IntegrityError(
                f"{hex_digest} arrived with other bytes", hint="mltrack fetch"
            )
        os.chmod(temporary, READ_ONLY)
        self._loose.append((temporary, hex_digest))
        self._fresh.add(hex_digest)

    def owns(self, temporary: str) -> bool:
        """Returns whether a temporary file was taken over, and will be renamed or
        removed here.
        """
        return any(temporary == path for path, _ in self._loose) or any(
            temporary == done.temporary for done in self._finished
        )

    def missing(self, hex_digests: Iterable[str]) -> set[str]:
        """Returns those of the digests that are neither in the cache nor added here."""
        return self._cache.missing(hex_digests) - self._fresh

    def adds(self, hex_digest: str) -> bool:
        """Returns whether an object was added here."""
        return hex_digest in self._fresh

    def finish(self) -> None:
        """Makes all that was added durable, then visible; merges packs where too many
        small ones have gathered.
        """
        if self.publish():
            merge_small_packs(self._cache)

    def publish(self) -> set[str]:
        """Makes all that was added durable, then visible; returns the names of new
        packs and objects.
        """
        for contents in list(self._writers):
            self._finished.append(self._writers.pop(contents).finish())
        self._finish_loose()
        if self._finished:
            make_directories(self._cache.packs_path)
        # all of them before the first gets its name: an error leaves no pack behind
        for done in self._finished:
            done.synced()
        for done in self._finished:
            self._publish(done)
        if self._finished:
            fsync_directory(self._cache.packs_path)
        fresh = {done.id for done in self._finished} | {
            hex_digest for _, hex_digest in self._loose
        }
        self._finished.clear()
        self._loose.clear()
        self._modes.clear()
        self._fresh.clear()
        if fresh:
            self._cache.reload()
        return fresh

    def discard(self) -> None:
        """Removes what was not finished."""
        for writer in self._writers.values():
            writer.discard()
        self._writers.clear()
        for done in self._finished:
            # its thread has the file open: wait, whatever came of it
            with suppress(OSError):
                done.synced()
        for path in [done.temporary for done in self._finished] + [
            temporary for temporary, _ in self._loose
        ]:
            with suppress(OSError):
                # a file of the person's, which no object has come of
                if path in self._modes:
                    os.chmod(path, self._modes[path])
                os.unlink(path)
        self._finished.clear()
        self._loose.clear()
        self._modes.clear()

    def _put_alone(self, hex_digest: str, data: bytes) -> None:
        temporary = temporary_path(self._cache.tmp_path)
        self._loose.append((temporary, hex_digest))
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644) as target:
            write_all(target, data)
            os.fchmod(target, READ_ONLY)

    def _finish_loose(self) -> None:
        if not self._loose:
            return
        if len(self._loose) > _SYNC_TOGETHER:
            sync_file_system(self._cache.tmp_path)
        else:
            for temporary, _ in self._loose:
                with opened(temporary, os.O_RDONLY) as descriptor:
                    fsync(descriptor)
        directories = set()
        for temporary, hex_digest in self._loose:
            path = self._cache.loose_path(hex_digest)
            make_directories(os.path.dirname(path))
            os.rename(temporary, path)
            if self._cache.linking:
                # hashed while it was written: the first link need not read it
                self._cache.verified.add(hex_digest, os.stat(path))
            directories.add(os.path.dirname(path))
        # once each, when it has all its new names
        for directory in directories:
            fsync_directory(directory)

    def _publish(self, done: pack.Finished) -> None:
        """The index first: a reader lists packs, and finds a pack's index beside it. It
        need not be durable: a lost one is read from the pack.
        """
        index_path = os.path.join(self._cache.packs_path, done.id + ".idx")
        temporary = temporary_path(self._cache.tmp_path)
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644) as target:
            write_all(target, done.index_data)
            os.fchmod(target, READ_ONLY)
        os.rename(temporary, index_path)
        os.rename(done.temporary, self._cache.pack_path(done.id))
        # after the rename: what was noted as damaged is the file that it replaces
        self._cache.trust(done.id)


def _is_still(path: str, hex_digest: str, cache: Cache) -> bool:
    """Whether a file has these bytes and nobody holds it open for writing, by a lease of
    the kernel: False also where that cannot be had. The file is read-only by now: nobody
    opens it for writing again.
    """
    if not has(Ability.LEASES):
        return False
    with opened(path, os.O_RDONLY | os.O_NOFOLLOW) as descriptor:
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError:
            # somebody has it open, or nobody can say: no leases of this file system, or
            # another user's file
            return False
        # a write in the grain of the clock before leaves the same stamps
        state = os.fstat(descriptor)
        grain = _COARSE_NS if state.st_mtime_ns % 1_000_000_000 == 0 else _FINE_NS
        is_young = time.time_ns() - state.st_mtime_ns < grain
        return not is_young or cache.is_whole(hex_digest, Place(path, 0, state.st_size))


def merge_small_packs(cache: Cache) -> None:
    """Writes packs below 8 MiB together into new ones, once there are more than 32 of
    them.

    The new packs are published before the old ones are deleted; a reader that meets a
    missing pack looks again. Where another process is at it already, nothing is done:
    the next writer comes by. A pack that holds a damaged object is left alone. Nothing
    depends on this: it never fails its caller.
    """
    if len(cache.indexes()) <= MERGE_ABOVE:
        return
    with (
        # a full disk too: what its caller has written is durable by now
        suppress(LockedError, OSError),
        locked(os.path.join(cache.tmp_path, "merge.lock"), wait=False),
    ):
        # under the lock: who held it before has merged them perhaps
        cache.reload()
        small = [
            id_
            for id_, index in cache.indexes().items()
            # small in bytes, but merging it would win nothing
            if index.count < pack.TARGET_OBJECTS // 2
            and os.path.getsize(cache.pack_path(id_)) < SMALL_PACK_BYTES
        ]
        if len(small) <= MERGE_ABOVE:
            return
        merged: list[str] = []
        with CacheWriter(cache) as writer:
            for id_ in small:
                if _rewrite_pack(cache, writer, id_):
                    merged.append(id_)
            fresh = writer.publish()
        for id_ in merged:
            # one pack merged alone gives the same name again
            if id_ not in fresh:
                cache.remove_pack(id_)
        cache.reload()


def _rewrite_pack(cache: Cache, writer: CacheWriter, id_: str) -> bool:
    """Adds a pack's objects to the writer; returns whether all of them are whole."""
    path = cache.pack_path(id_)
    try:
        contents = pack.contents_of(path)
        objects = [
            (entry.raw.hex(), data)
            for entry, data in pack.read_objects(path, cache.indexes()[id_])
        ]
    except (IntegrityError, FormatError):
        return False
    # all before the first is added: a pack is merged as a whole or not at all
    if any(cache.algorithm.hex_of(data) != hex_digest for hex_digest, data in objects):
        return False
    for hex_digest, data in objects:
        if not writer.adds(hex_digest):
            writer.rewrite(hex_digest, data, contents)
    return True


class NewTrees:
    """Writes trees by ``writer``; ``load`` opens those that were there before."""

    def __init__(self, writer: CacheWriter, load: Load) -> None:
        self._writer = writer
        self._load = load
        self._written: dict[str, list[tree.Entry]] = {}

    def write(self, entries: list[tree.Entry]) -> str:
        """Stores a tree; returns its digest."""
        hex_digest = self._writer.put(tree.encode(entries), pack.TREES)
        # the cache shows it only when the writer has finished
        self._written[hex_digest] = entries
        return hex_digest

    def load(self, hex_digest: str) -> list[tree.Entry]:
        """Returns the entries of a tree: of one just written, or of one that was there."""
        return (
            self._written[hex_digest]
            if hex_digest in self._written
            else self._load(hex_digest)
        )
