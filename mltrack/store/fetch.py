"""Bringing objects from remotes into the cache: whole packs, ranges of packs, and files of their own.

Requests run in a few threads; everything that arrives is checked in one, and becomes durable and visible as it comes,
so that a fetch that was cut off goes on where it was. Of a large file, finished parts are kept too.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from mltrack.disk.durable import opened, temporary_path, write_all
from mltrack.disk.lock import locked
from mltrack.errors import IntegrityError, MissingObjectError
from mltrack.events import Progress
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.store import pack, workers
from mltrack.store.cache import Cache
from mltrack.store.cache_writer import CacheWriter
from mltrack.store.index import Row
from mltrack.store.remote import Remote, coalesce
from mltrack.store.remote_names import object_path, pack_path
from mltrack.store.transfer import WHOLE_PACK_SHARE, Moved, Report

PART_BYTES = 4 << 20
_WORTH_A_PACK = 256 << 10
"""Less than this is taken by ranges: asking how much else its pack holds means reading whole indexes."""
_PUBLISH_BYTES = 128 << 20
"""What has arrived becomes durable at least this often."""


class Arrived(NamedTuple):
    """What a request brought: a pack or an object in a temporary file, or a range of a pack."""

    name: str
    rows: list[Row]
    pack_id: str = ""
    temporary: str = ""
    data: bytes = b""
    offset: int = 0


def fetch(cache: Cache, remotes: list[Remote], contents: Iterable[Content], report: Report) -> Moved:
    """Brings contents into the cache: trees level by level, then everything below them.

    Objects that no remote holds raise MissingObjectError, after all that can be had is there.
    """
    listed = fetch_trees(cache, remotes, contents, report)
    moved, lost = fetch_objects(cache, remotes, cache.missing(listed.files), report)
    lacking = listed.lost | lost
    if lacking:
        names = ", ".join(remote.name for remote in remotes) or "none"
        raise MissingObjectError(
            f"{len(lacking)} objects are in no remote (asked: {names}), first {cache.algorithm.text(min(lacking))}",
            hint="`mltrack push` from the clone that has them",
            context=min(lacking),
        )
    return Moved(listed.moved.objects + moved.objects, listed.moved.bytes + moved.bytes)


class Listing(NamedTuple):
    """The trees of some contents, brought into the cache: what moved, the files that they name with their sizes, and
    the digests of trees that nobody has."""

    moved: Moved
    files: dict[str, int]
    lost: set[str]


def fetch_trees(cache: Cache, remotes: list[Remote], contents: Iterable[Content], report: Report) -> Listing:
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
    count = size = 0
    while level:
        seen |= level
        moved, lacking = fetch_objects(cache, remotes, cache.missing(level), report)
        count, size = count + moved.objects, size + moved.bytes
        lost |= lacking
        below: set[str] = set()
        for hex_digest in level - lacking:
            for entry in cache.read_tree(hex_digest):
                if entry.kind == tree.DIRECTORY:
                    below.add(entry.hex)
                else:
                    files[entry.hex] = entry.size
        level = below - seen
    return Listing(Moved(count, size), files, lost)


def fetch_objects(cache: Cache, remotes: list[Remote], wanted: set[str], report: Report) -> tuple[Moved, set[str]]:
    """Brings single objects, whatever they are; returns what moved and the digests that no remote has.

    A remote that holds damaged bytes is passed over where another has them whole; else its error is raised.
    """
    rest = set(wanted)
    count = size = 0
    damage: IntegrityError | None = None
    for remote in remotes:
        if not rest:
            break
        try:
            for arrived, length in _from_one(cache, remote, rest):
                count, size = count + arrived, size + length
                report(Progress("fetch", count, len(wanted)))
        except IntegrityError as error:
            damage = damage or error
        rest = cache.missing(rest)
    if rest and damage is not None:
        raise damage
    return Moved(count, size), rest


def _from_one(cache: Cache, remote: Remote, wanted: set[str]) -> Iterator[tuple[int, int]]:
    packed, alone, _ = remote.locate(wanted)
    waiting = 0
    with CacheWriter(cache) as writer:
        for row in alone:
            # one after the other, each in as many parts at once as there are workers
            _adopt(cache, writer, remote, _fetch_alone(cache, remote, row))
            writer.publish()
            yield 1, row.size
        calls = _requests(cache, remote, packed)
        for arrived in workers.run(calls, remote.jobs):
            length = _adopt(cache, writer, remote, arrived)
            waiting += length
            if waiting >= _PUBLISH_BYTES:
                writer.publish()
                waiting = 0
            yield len(arrived.rows), length
        writer.finish()


def _requests(cache: Cache, remote: Remote, packed: dict[str, list[Row]]) -> Iterator[Callable[[], Arrived]]:
    for id_, rows in packed.items():
        is_new = id_ not in cache.indexes() and not cache.linking
        wanted = sum(row.stored for row in rows)
        if is_new and wanted >= _WORTH_A_PACK and wanted >= WHOLE_PACK_SHARE * remote.stored_in(id_):
            yield partial(_fetch_pack, cache, remote, id_, rows)
        else:
            for offset, length, group in coalesce(rows, longest=PART_BYTES):
                yield partial(_fetch_range, remote, id_, offset, length, group)


def _fetch_pack(cache: Cache, remote: Remote, id_: str, rows: list[Row]) -> Arrived:
    temporary = temporary_path(cache.tmp_path)
    try:
        remote.store.fetch(pack_path(id_), temporary)
    except FileNotFoundError:
        raise _damaged(remote, pack_path(id_), "is not there, though an index names it") from None
    except BaseException:
        _discard(temporary)
        raise
    return Arrived(pack_path(id_), rows, pack_id=id_, temporary=temporary)


def _fetch_range(remote: Remote, id_: str, offset: int, length: int, rows: list[Row]) -> Arrived:
    try:
        return Arrived(pack_path(id_), rows, data=remote.store.get(pack_path(id_), offset, length), offset=offset)
    except FileNotFoundError:
        raise _damaged(remote, pack_path(id_), "is not there, though an index names it") from None


def _fetch_alone(cache: Cache, remote: Remote, row: Row) -> Arrived:
    """Fetches a large object in parts, into a file that a later fetch goes on with if this one is cut off."""
    hex_digest = row.raw.hex()
    name = object_path(hex_digest)
    temporary = temporary_path(cache.tmp_path)
    try:
        if remote.store.abilities.local or row.size <= PART_BYTES:
            remote.store.fetch(name, temporary)
        else:
            _fetch_parts(cache, remote, row, temporary)
    except FileNotFoundError:
        raise _damaged(remote, name, "is not there, though an index names it") from None
    except BaseException:
        _discard(temporary)
        raise
    return Arrived(name, [row], temporary=temporary)


def _fetch_parts(cache: Cache, remote: Remote, row: Row, temporary: str) -> None:
    hex_digest = row.raw.hex()
    partial_path = os.path.join(cache.tmp_path, f"{hex_digest}.partial")
    with locked(partial_path + ".lock"), opened(partial_path, os.O_RDWR | os.O_CREAT, 0o644) as target:
        at = os.fstat(target).st_size // PART_BYTES * PART_BYTES
        if at >= row.size:
            at = 0
        window = PART_BYTES * remote.jobs
        while at < row.size:
            offsets = range(at, min(row.size, at + window), PART_BYTES)
            calls = (partial(_part, remote, hex_digest, offset, row.size) for offset in offsets)
            for offset, piece in sorted(workers.run(calls, remote.jobs)):
                os.lseek(target, offset, os.SEEK_SET)
                write_all(target, piece)  # in order: what a cut leaves is the whole beginning of the file
                at += len(piece)
        os.rename(partial_path, temporary)
    with suppress(FileNotFoundError):
        os.unlink(partial_path + ".lock")


def _part(remote: Remote, hex_digest: str, offset: int, size: int) -> tuple[int, bytes]:
    length = min(PART_BYTES, size - offset)
    data = remote.store.get(object_path(hex_digest), offset, length)
    if len(data) != length:
        raise _damaged(remote, object_path(hex_digest), "is shorter than the index says")
    return offset, data


def _adopt(cache: Cache, writer: CacheWriter, remote: Remote, arrived: Arrived) -> int:
    """Takes over what has arrived, checked; returns its bytes."""
    algorithm = cache.algorithm
    total = sum(row.stored for row in arrived.rows)
    if not arrived.temporary:
        for row in arrived.rows:
            piece = arrived.data[row.offset - arrived.offset : row.offset - arrived.offset + row.stored]
            if len(piece) != row.size or algorithm.hex_of(piece) != row.raw.hex():
                raise _damaged(remote, arrived.name)
            writer.put_known(row.raw.hex(), piece, pack.ANY)
        return total
    try:
        if arrived.pack_id:
            writer.adopt_pack(arrived.temporary, arrived.pack_id)
        elif os.stat(arrived.temporary).st_size != total:
            raise _damaged(remote, arrived.name)
        else:
            writer.adopt_alone(arrived.temporary, arrived.rows[0].raw.hex())
    except IntegrityError as error:
        raise _damaged(remote, arrived.name) from error
    finally:
        if not writer.owns(arrived.temporary):
            _discard(arrived.temporary)
    return total


def _discard(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _damaged(remote: Remote, name: str, why: str = "does not match its digest") -> IntegrityError:
    return IntegrityError(
        f"{remote.url}/{name} {why}; nothing of it entered the cache",
        hint=f"`mltrack fsck --remote {remote.name}` looks at all of it; `mltrack push` from a clone that has the data repairs it",
    )
