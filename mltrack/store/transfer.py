"""Moving objects between cache and remote: what is missing there, in few large requests, each object checked.

Both directions are resumable by construction: packs are named by their bytes, a finished pack is found and not sent
again, and the index that makes things exist comes last.
"""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from mltrack.disk.durable import temporary_path
from mltrack.errors import IntegrityError, MissingObjectError
from mltrack.events import Progress
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.store import pack
from mltrack.store.cache import Cache, rows_by_pack
from mltrack.store.cache_writer import CacheWriter
from mltrack.store.index import WHOLE, Row
from mltrack.store.remote import Remote, coalesce, object_path, pack_path

Report = Callable[[Progress], None]
WHOLE_PACK_SHARE = 0.5
"""A pack of which at least this share is wanted moves as it is: sending it beats reading and writing it anew."""


class Moved(NamedTuple):
    """What a transfer moved, or would move: objects and their bytes."""

    objects: int
    bytes: int


class Need(NamedTuple):
    """Digests to move: trees in the order children first, and other objects with their sizes."""

    trees: list[str]
    objects: dict[str, int]


def needed(cache: Cache, contents: Iterable[Content], present: set[bytes]) -> Need:
    """Returns what of these contents is not ``present`` elsewhere.

    A tree that is present is not opened: it was written after its children. Raises MissingObjectError if the cache
    lacks a tree.
    """
    trees: dict[str, None] = {}
    objects: dict[str, int] = {}
    seen: set[str] = set()
    pending = [(content.kind == TREE, content.hex, content.size) for content in contents]
    while pending:
        is_tree, hex_digest, size = pending.pop()
        if hex_digest in seen or bytes.fromhex(hex_digest) in present:
            continue
        seen.add(hex_digest)
        if not is_tree:
            objects[hex_digest] = size
            continue
        trees[hex_digest] = None
        for entry in cache.read_tree(hex_digest):
            pending.append((entry.kind == tree.DIRECTORY, entry.hex, entry.size))
    return Need(list(reversed(trees)), objects)


def push(cache: Cache, remote: Remote, need: Need, report: Report) -> Moved:
    """Sends what is needed: objects, then trees, then the index. Raises MissingObjectError before sending anything."""
    try:
        return _push(cache, remote, need, report)
    except FileNotFoundError:  # a pack was merged into another while its objects were being sent
        cache.reload()
        return _push(cache, remote, need, report)


def _push(cache: Cache, remote: Remote, need: Need, report: Report) -> Moved:
    lacking = cache.missing([*need.objects, *need.trees])
    if lacking:
        raise MissingObjectError(
            f"{len(lacking)} objects to push are not in the cache, first {cache.algorithm.text(min(lacking))}",
            hint="`mltrack status` shows what is missing; `mltrack fetch` gets it from another remote",
            context=min(lacking),
        )
    sent = _Sent(cache, remote, report, len(need.objects) + len(need.trees))
    packed, alone = rows_by_pack(cache, need.objects)
    for hex_digest in sorted(alone):
        sent.alone(hex_digest)
    sent.packs(packed, pack.ANY)
    tree_packs, _ = rows_by_pack(cache, need.trees)
    sent.packs(tree_packs, pack.TREES)
    remote.publish(sent.pack_rows, sent.alone_rows)
    return Moved(sent.count, sent.bytes)


class _Sent:
    """One push under way: what was put so far, for the index that is written last."""

    def __init__(self, cache: Cache, remote: Remote, report: Report, total: int) -> None:
        self.cache, self.remote, self.report, self.total = cache, remote, report, total
        self.pack_rows: dict[str, list[Row]] = {}
        self.alone_rows: list[Row] = []
        self.count = self.bytes = 0

    def alone(self, hex_digest: str) -> None:
        place = self.cache.find(hex_digest)
        if place is None:
            raise MissingObjectError(f"the object {hex_digest} vanished from the cache", context=hex_digest)
        if pack.digest_of_file(place.path, self.cache.algorithm) != hex_digest:
            self.cache.quarantine(hex_digest, place)
        if self.remote.store.missing([object_path(hex_digest)]):
            self.remote.store.put_file(object_path(hex_digest), place.path)
            self.bytes += place.size
        self.alone_rows.append(Row(bytes.fromhex(hex_digest), WHOLE, 0, 0, place.size, place.size))
        self.progress(1)

    def packs(self, packed: dict[str, list[Row]], contents: int) -> None:
        rest: dict[str, list[Row]] = {}
        for id_, rows in packed.items():
            index = self.cache.indexes()[id_]
            wanted = sum(row.stored for row in rows)
            if wanted >= WHOLE_PACK_SHARE * sum(row.stored for row in index):
                self.whole_pack(id_, self.cache.pack_path(id_), rows)
            else:
                rest[id_] = rows
        self.repacked(rest, contents)

    def whole_pack(self, id_: str, path: str, rows: list[Row]) -> None:
        """Sends a pack as it is. Only ``rows`` are published: a tree that happens to lie in it too may not exist for
        others before all that is below it does."""
        if self.remote.store.missing([pack_path(id_)]):
            if pack.digest_of_file(path, self.cache.algorithm) != id_:
                self.find_damage(id_, path, rows)
            self.remote.store.put_file(pack_path(id_), path)
            self.bytes += os.stat(path).st_size
        self.pack_rows[id_] = rows
        self.progress(len(rows))

    def find_damage(self, id_: str, path: str, rows: list[Row]) -> None:
        for row in rows:
            self.cache.read(row.raw.hex())
        raise IntegrityError(
            f"the pack {path} does not match its name", hint="move it away; `mltrack fetch` gets its objects again"
        )

    def repacked(self, packed: dict[str, list[Row]], contents: int) -> None:
        """Gathers objects from packs that are mostly not wanted into new ones; sorted, so that a push that was cut
        off makes the same packs again and finds them there."""
        chosen = sorted((row.raw.hex(), row.stored) for rows in packed.values() for row in rows)
        while chosen:
            writer = pack.PackWriter(self.cache.tmp_path, self.cache.algorithm, contents)
            try:
                count = 0
                while count < len(chosen) and writer.size < pack.TARGET_BYTES:
                    writer.add(chosen[count][0], self.cache.read(chosen[count][0]))
                    count += 1
                done = writer.finish()
                rows = list(pack.read_index(done.temporary, self.cache.algorithm))
                self.whole_pack(done.id, done.temporary, rows)
            finally:
                writer.discard()
            del chosen[:count]

    def progress(self, count: int) -> None:
        self.count += count
        self.report(Progress("push", self.count, self.total))


def fetch(cache: Cache, remotes: list[Remote], contents: Iterable[Content], report: Report) -> Moved:
    """Brings contents into the cache: trees level by level, then everything below them.

    Objects that no remote holds raise MissingObjectError, after all that can be had is there.
    """
    roots = list(contents)
    lacking: set[str] = set()
    moved = Moved(0, 0)
    files: set[str] = {content.hex for content in roots if content.kind != TREE}
    level = {content.hex for content in roots if content.kind == TREE}
    seen: set[str] = set()
    while level:
        seen |= level
        moved, lost = _add(moved, _fetch_objects(cache, remotes, cache.missing(level), report))
        lacking |= lost
        below: set[str] = set()
        for hex_digest in level - lost:
            for entry in cache.read_tree(hex_digest):
                (below if entry.kind == tree.DIRECTORY else files).add(entry.hex)
        level = below - seen
    moved, lost = _add(moved, _fetch_objects(cache, remotes, cache.missing(files), report))
    lacking |= lost
    if lacking:
        names = ", ".join(remote.name for remote in remotes) or "none"
        raise MissingObjectError(
            f"{len(lacking)} objects are in no remote (asked: {names}), first {cache.algorithm.text(min(lacking))}",
            hint="`mltrack push` from the clone that has them",
            context=min(lacking),
        )
    return moved


def _add(moved: Moved, result: tuple[Moved, set[str]]) -> tuple[Moved, set[str]]:
    return Moved(moved.objects + result[0].objects, moved.bytes + result[0].bytes), result[1]


def _fetch_objects(cache: Cache, remotes: list[Remote], wanted: set[str], report: Report) -> tuple[Moved, set[str]]:
    rest = set(wanted)
    count = size = 0
    for remote in remotes:
        if not rest:
            break
        packed, alone, _ = remote.locate(rest)
        with CacheWriter(cache) as writer:
            for row in alone:
                size += _fetch_alone(cache, writer, remote, row)
                count += 1
                report(Progress("fetch", count, len(wanted)))
            for id_, rows in packed.items():
                size += _fetch_packed(cache, writer, remote, id_, rows)
                count += len(rows)
                report(Progress("fetch", count, len(wanted)))
            writer.finish()
        rest = cache.missing(rest)
    return Moved(count, size), rest


def _fetch_alone(cache: Cache, writer: CacheWriter, remote: Remote, row: Row) -> int:
    hex_digest = row.raw.hex()
    temporary = temporary_path(cache.tmp_path)
    try:
        remote.store.fetch(object_path(hex_digest), temporary)
        if os.stat(temporary).st_size != row.size:
            raise _damaged(remote, object_path(hex_digest))
        writer.adopt_alone(temporary, hex_digest)
    except FileNotFoundError:
        raise _damaged(remote, object_path(hex_digest), "is not there, though an index names it") from None
    finally:
        if os.path.exists(temporary) and not writer.owns(temporary):
            os.unlink(temporary)
    return row.size


def _fetch_packed(cache: Cache, writer: CacheWriter, remote: Remote, id_: str, rows: list[Row]) -> int:
    total = sum(row.stored for row in rows)
    name = pack_path(id_)
    try:
        listed = sum(1 for index in remote.indexes().values() if id_ in index.packs)
        if listed and total >= WHOLE_PACK_SHARE * _pack_bytes(remote, id_) and id_ not in cache.indexes():
            temporary = temporary_path(cache.tmp_path)
            try:
                remote.store.fetch(name, temporary)
                writer.adopt_pack(temporary, id_)
            finally:
                if os.path.exists(temporary) and not writer.owns(temporary):
                    os.unlink(temporary)
            return total
        for offset, length, group in coalesce(rows):
            data = remote.store.get(name, offset, length)
            for row in group:
                piece = data[row.offset - offset : row.offset - offset + row.stored]
                if len(piece) != row.size or cache.algorithm.hex_of(piece) != row.raw.hex():
                    raise _damaged(remote, name)
                writer.put_known(row.raw.hex(), piece, pack.ANY)
    except FileNotFoundError:
        raise _damaged(remote, name, "is not there, though an index names it") from None
    return total


def _pack_bytes(remote: Remote, id_: str) -> int:
    """The bytes of the objects that the remote's indexes place in a pack."""
    total = 0
    for index in remote.indexes().values():
        if id_ in index.packs:
            number = index.packs.index(id_)
            total += sum(row.stored for row in index if row.pack == number)
    return total


def _damaged(remote: Remote, name: str, why: str = "does not match its digest") -> IntegrityError:
    return IntegrityError(
        f"{remote.url}/{name} {why}; nothing of it entered the cache",
        hint="another remote may hold it; else delete that file there, and `mltrack push` from a clone that has the data",
    )
