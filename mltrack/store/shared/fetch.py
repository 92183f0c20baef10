"""Bringing objects from remotes into the cache: whole packs, ranges of packs, and files
of their own.

Requests run in a few threads, which are given the store alone; everything that arrives
is checked in one, and becomes durable and visible as it comes, so that a fetch that was
cut off goes on where it was. Of a large file, finished parts are kept too.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple

from mltrack.disk.durable import names_in, opened, temporary_path, write_all
from mltrack.disk.lock import NameLocks
from mltrack.errors import IntegrityError, MissingObjectError
from mltrack.events import Progress, meter
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.store import pack
from mltrack.store.catalogue import Whole
from mltrack.store.kinds.store import Store
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared import workers
from mltrack.store.shared.names import object_path, pack_path
from mltrack.store.shared.ranges import coalesce
from mltrack.store.shared.remote import FOR_NEWER, Remote
from mltrack.store.shared.transfer import WHOLE_PACK_SHARE, Moved, Report

# bytes: so much a cut connection loses, and so much each worker holds
PART_BYTES = 4 << 20
_WORTH_A_PACK = 256 << 10
"""Less than this is taken by ranges: asking how much else its pack holds means reading
whole indexes.
"""
# bytes: each time is a wait for the disk, and what a kill loses comes again
_PUBLISH_BYTES = 128 << 20
"""What has arrived becomes durable at least this often."""


class Arrived(NamedTuple):
    """What a request brought: a pack or an object in a temporary file, or a range of a
    pack. ``why`` says of one that brought nothing what is wrong at the remote.
    """

    name: str
    entries: list[Whole]
    pack_id: str = ""
    temporary: str = ""
    data: bytes = b""
    offset: int = 0
    why: str = ""


class Brought(NamedTuple):
    """What came, the digests that nobody has, and those errors of damaged bytes that
    kept one of them from coming.
    """

    moved: Moved
    lost: set[str]
    damage: list[IntegrityError]


def fetch(
    cache: Cache, remotes: list[Remote], contents: Iterable[Content], report: Report
) -> Moved:
    """Brings contents into the cache: trees level by level, then everything below them.

    After all that can be had is there, raises IntegrityError for what is damaged at the
    remotes, and MissingObjectError for what none of them has.
    """
    brought = bring(cache, remotes, contents, report)
    if brought.damage:
        raise brought.damage[0]
    if brought.lost:
        names = ", ".join(remote.name for remote in remotes) or "none"
        is_newer = any(not remote.is_understood for remote in remotes)
        raise MissingObjectError(
            f"{len(brought.lost)} objects are in no remote (asked: {names}), first "
            f"{cache.algorithm.text(min(brought.lost))}",
            hint=FOR_NEWER
            if is_newer
            else "`mltrack push` from the clone that has them",
            context=min(brought.lost),
        )
    return brought.moved


def bring(
    cache: Cache, remotes: list[Remote], contents: Iterable[Content], report: Report
) -> Brought:
    """Brings what can be had of some contents into the cache."""
    listed = fetch_trees(cache, remotes, contents, report)
    lacking = cache.missing(listed.files)
    total_bytes = sum(listed.files[hex_digest] for hex_digest in lacking)
    rest = fetch_objects(cache, remotes, lacking, report, total_bytes)
    moved = Moved(
        listed.moved.objects + rest.moved.objects, listed.moved.bytes + rest.moved.bytes
    )
    return Brought(moved, listed.lost | rest.lost, listed.damage + rest.damage)


class Listing(NamedTuple):
    """The trees of some contents, brought into the cache: what moved, the trees, the
    files that they name with their sizes, the digests of trees that nobody has, and
    what kept them from coming.
    """

    moved: Moved
    trees: set[str]
    files: dict[str, int]
    lost: set[str]
    damage: list[IntegrityError]


def fetch_trees(
    cache: Cache, remotes: list[Remote], contents: Iterable[Content], report: Report
) -> Listing:
    """Brings all trees at and below some contents into the cache, level by level."""
    files: dict[str, int] = {}
    level: set[str] = set()
    for content in contents:
        if content.kind == TREE:
            level.add(content.hex)
        else:
            files[content.hex] = content.size
    seen: set[str] = set()
    lost: set[str] = set()
    damage: list[IntegrityError] = []
    count = size = 0
    while level:
        seen |= level
        brought = fetch_objects(cache, remotes, cache.missing(level), report)
        count, size = count + brought.moved.objects, size + brought.moved.bytes
        lost |= brought.lost
        damage += brought.damage
        below: set[str] = set()
        for hex_digest in level - brought.lost:
            for entry in cache.read_tree(hex_digest):
                if entry.kind == tree.DIRECTORY:
                    below.add(entry.hex)
                else:
                    files[entry.hex] = entry.size
        # shared ones once; forged ones might lead back to themselves
        level = below - seen
    return Listing(Moved(count, size), seen, files, lost, damage)


def fetch_objects(
    cache: Cache,
    remotes: list[Remote],
    wanted: set[str],
    report: Report,
    total_bytes: int = 0,
) -> Brought:
    """Brings single objects, whatever they are. What one place of a remote does not
    hold whole is sought in its other places, then in the other remotes.
    ``total_bytes`` is what they hold, where that is known: only for the report.
    """
    rest = set(wanted)
    report(Progress("fetching", 0, len(wanted), total_bytes))
    count = size = 0
    damage: list[IntegrityError] = []
    for remote in remotes:
        one = _FromOne(cache, remote, set(), damage)
        while rest:
            known = len(one.bad)
            for arrived, length in one.fetch(rest):
                count, size = count + arrived, size + length
                report(Progress("fetching", count, len(wanted), total_bytes))
            rest = cache.missing(rest)
            # no new damage: another pass would ask for the same places
            if len(one.bad) == known:
                break
    # what was damaged at one place came from another
    return Brought(Moved(count, size), rest, damage if rest else [])


class _FromOne(NamedTuple):
    """Fetching from one remote. Places that turn out to be damaged are added to
    ``bad``, by pack id and raw digest, with the error to ``damage``.
    """

    cache: Cache
    remote: Remote
    bad: set[tuple[str, bytes]]
    damage: list[IntegrityError]

    def fetch(self, wanted: set[str]) -> Iterator[tuple[int, int]]:
        """Yields how many objects came, and their bytes, as they come."""
        cache, remote = self.cache, self.remote
        packed, alone, _ = remote.locate(wanted, self.bad)
        waiting = 0
        with CacheWriter(cache) as writer:
            for entry in alone:
                # one after the other, each in as many parts at once as there are
                # workers
                with _alone_at_it(cache, entry.raw.hex()) as is_here:
                    # another process has fetched it while this one waited
                    if is_here:
                        came = 1, entry.size
                    else:
                        came = self._adopt(writer, _fetch_alone(cache, remote, entry))
                        # each by itself: a cut loses at most the last one
                        writer.publish()
                yield came
            calls = _requests(cache, remote, packed)
            for arrived in workers.run(calls, remote.jobs):
                came = self._adopt(writer, arrived)
                waiting += came[1]
                if waiting >= _PUBLISH_BYTES:
                    writer.publish()
                    waiting = 0
                yield came
            writer.finish()

    def _adopt(self, writer: CacheWriter, arrived: Arrived) -> tuple[int, int]:
        """Takes over what has arrived, checked; returns how many objects that were, and
        their bytes.
        """
        why, whole = arrived.why, list[Whole]()
        if arrived.temporary:
            try:
                whole, why = _adopt_file(self.cache, writer, arrived)
            finally:
                # else the writer renames or removes it
                if not writer.owns(arrived.temporary):
                    _discard(arrived.temporary)
        elif not why:
            whole, why = _adopt_pieces(self.cache, writer, _cut(arrived))
        if len(whole) < len(arrived.entries):
            lacking = set(arrived.entries).difference(whole)
            self.bad.update((arrived.pack_id, entry.raw) for entry in lacking)
            self.damage.append(_damaged(self.remote, arrived.name, why))
        return len(whole), sum(entry.size for entry in whole)


def _requests(
    cache: Cache, remote: Remote, packed: dict[str, list[Whole]]
) -> Iterator[Callable[[], Arrived]]:
    for id_, entries in packed.items():
        # where files are links, each needs an object that is a file of its own
        is_new = id_ not in cache.indexes() and not cache.linking
        wanted = sum(entry.size for entry in entries)
        if (
            is_new
            and wanted >= _WORTH_A_PACK
            and wanted >= WHOLE_PACK_SHARE * remote.stored_in(id_)
        ):
            yield partial(_fetch_pack, remote.store, cache.tmp_path, id_, entries)
        else:
            for offset, length, group in coalesce(entries, longest=PART_BYTES):
                yield partial(_fetch_range, remote.store, id_, offset, length, group)


def _fetch_pack(
    store: Store, directory: str, id_: str, entries: list[Whole]
) -> Arrived:
    temporary = temporary_path(directory)
    try:
        store.fetch(pack_path(id_), temporary)
    except FileNotFoundError:
        return Arrived(pack_path(id_), entries, pack_id=id_, why=_GONE)
    except BaseException:
        _discard(temporary)
        raise
    return Arrived(pack_path(id_), entries, pack_id=id_, temporary=temporary)


def _fetch_range(
    store: Store, id_: str, offset: int, length: int, entries: list[Whole]
) -> Arrived:
    try:
        data = store.get(pack_path(id_), offset, length)
    except FileNotFoundError:
        return Arrived(pack_path(id_), entries, pack_id=id_, why=_GONE)
    meter.moved += len(data)
    return Arrived(pack_path(id_), entries, pack_id=id_, data=data, offset=offset)


def _fetch_alone(cache: Cache, remote: Remote, entry: Whole) -> Arrived:
    """Fetches a large object in parts, into a file that a later fetch goes on with if
    this one is cut off.
    """
    hex_digest = entry.raw.hex()
    name = object_path(hex_digest)
    temporary = temporary_path(cache.tmp_path)
    try:
        # a directory copies inside the kernel, and one part is one request
        if remote.store.abilities.local or entry.size <= PART_BYTES:
            remote.store.fetch(name, temporary)
        else:
            _fetch_parts(cache, remote, entry, temporary)
    except FileNotFoundError:
        return Arrived(name, [entry], why=_GONE)
    except IntegrityError as error:
        return Arrived(name, [entry], why=error.message)
    except BaseException:
        _discard(temporary)
        raise
    return Arrived(name, [entry], temporary=temporary)


@contextmanager
def _alone_at_it(cache: Cache, hex_digest: str) -> Iterator[bool]:
    """Keeps others from fetching a large object until it is published; says whether it
    is there by now.
    """
    # a byte of one file: a lock file for each could not be removed, since who waits
    # for it and who makes it anew would hold two locks
    locks = NameLocks(os.path.join(cache.tmp_path, "fetch.lock"))
    try:
        locks.wait_for(hex_digest)
        yield os.path.exists(cache.loose_path(hex_digest))
    finally:
        locks.close()


def _fetch_parts(cache: Cache, remote: Remote, entry: Whole, temporary: str) -> None:
    hex_digest = entry.raw.hex()
    partial_path = os.path.join(cache.tmp_path, f"{hex_digest}.partial")
    with opened(partial_path, os.O_RDWR | os.O_CREAT, 0o644) as target:
        # whole parts: a kill may have cut the last one
        at = os.fstat(target).st_size // PART_BYTES * PART_BYTES
        if at >= entry.size:
            at = 0
        # no more: all of it is in memory before it is written in order
        window = PART_BYTES * remote.jobs
        while at < entry.size:
            offsets = range(at, min(entry.size, at + window), PART_BYTES)
            calls = (
                partial(_part, remote.store, hex_digest, offset, entry.size)
                for offset in offsets
            )
            for offset, piece in sorted(workers.run(calls, remote.jobs)):
                os.lseek(target, offset, os.SEEK_SET)
                # in order: what a cut leaves is the whole beginning of the file
                write_all(target, piece)
                at += len(piece)
        # the next one must not open what is complete
        os.rename(partial_path, temporary)


def _part(store: Store, hex_digest: str, offset: int, size: int) -> tuple[int, bytes]:
    length = min(PART_BYTES, size - offset)
    data = store.get(object_path(hex_digest), offset, length)
    if len(data) != length:
        raise IntegrityError("is shorter than the index says")
    meter.moved += length
    return offset, data


def _cut(arrived: Arrived) -> Iterator[tuple[Whole, bytes]]:
    """The objects of a range of a pack."""
    for entry in arrived.entries:
        at = entry.offset - arrived.offset
        yield entry, arrived.data[at : at + entry.size]


def _adopt_file(
    cache: Cache, writer: CacheWriter, arrived: Arrived
) -> tuple[list[Whole], str]:
    """Takes over a pack, or what is whole in it, or an object; returns those that were
    whole, and else why.
    """
    try:
        if arrived.pack_id:
            writer.adopt_pack(arrived.temporary, arrived.pack_id)
        elif os.stat(arrived.temporary).st_size != arrived.entries[0].size:
            return [], _WRONG
        else:
            writer.adopt_alone(arrived.temporary, arrived.entries[0].raw.hex())
    except IntegrityError:
        if not arrived.pack_id:
            return [], _WRONG
        # one flipped byte spoils one object, not its neighbours in the pack
        with opened(arrived.temporary, os.O_RDONLY) as descriptor:
            pieces = (
                (entry, os.pread(descriptor, entry.size, entry.offset))
                for entry in arrived.entries
            )
            return _adopt_pieces(cache, writer, pieces)
    return arrived.entries, ""


def _adopt_pieces(
    cache: Cache, writer: CacheWriter, pieces: Iterable[tuple[Whole, bytes]]
) -> tuple[list[Whole], str]:
    whole = []
    for entry, piece in pieces:
        hex_digest = entry.raw.hex()
        if len(piece) == entry.size and cache.algorithm.hex_of(piece) == hex_digest:
            writer.put_known(hex_digest, piece, pack.ANY)
            whole.append(entry)
    return whole, _WRONG


def remove_old_partials(directory: str, before: float) -> None:
    """Removes beginnings of large files that no fetch went on with since a moment, in
    seconds since 1970.
    """
    for name in names_in(directory):
        path = os.path.join(directory, name)
        if name.endswith((".partial", ".partial.lock")):
            with suppress(FileNotFoundError):
                if os.stat(path).st_mtime < before:
                    os.unlink(path)


def _discard(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


_WRONG = "does not match its digest"
_GONE = "is not there, though an index names it"


def _damaged(remote: Remote, name: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"{remote.url}/{name} {why}; none of it entered the cache",
        hint=(
            f"`mltrack fsck --remote {remote.name} --repair` in a clone that has the "
            "data repairs it"
        ),
    )
