"""Repairing a remote: what is damaged there is sent anew from the cache, and set aside, never just deleted.

The order is the usual one: bytes first, then one index in the place of all others, then the damaged files go.
"""

import os
from contextlib import suppress

from mltrack.disk.durable import temporary_path
from mltrack.errors import FormatError, IntegrityError, MissingObjectError
from mltrack.store import pack
from mltrack.store.cache import Cache
from mltrack.store.fsck import RemoteFindings
from mltrack.store.index import WHOLE, Row
from mltrack.store.remote import Remote, index_path, object_path, pack_path
from mltrack.store.remote_gc import replace_indexes, send_pack

QUARANTINE = "quarantine"


def repair(remote: Remote, cache: Cache, found: RemoteFindings) -> set[str]:
    """Repairs what it can; returns the digests of objects that are damaged there and not whole in the cache."""
    rows = {id_: list(items) for id_, items in found.whole.items()}
    lost: set[str] = set()
    broken = {*found.files, *found.damaged.values()}
    for name in sorted(broken):
        wanted = {hex_digest for hex_digest, place in found.damaged.items() if place == name}
        if name.startswith("packs/"):
            id_ = name[len("packs/") : -len(".pack")]
            whole = rows.pop(id_, [])
            fresh, missing = _rescue_pack(remote, cache, id_, whole, wanted)
            rows.update(fresh)
            lost |= missing
        else:
            alone, missing = _resend(remote, cache, wanted)
            rows.setdefault("", []).extend(alone)
            lost |= missing
    if found.indexes:
        _add_unindexed(remote, cache, rows)
    gone = [name for name in broken if name.startswith("packs/") or _holds_only_lost(name, found, lost)]
    for name in (*gone, *map(index_path, found.indexes)):
        _set_aside(remote, cache, name)
    remote.store.delete([index_path(name) for name in found.indexes])
    remote.forget()
    if rows:
        replace_indexes(remote, rows)
    remote.store.delete(gone)
    return lost


def _holds_only_lost(name: str, found: RemoteFindings, lost: set[str]) -> bool:
    """Returns whether a file holds only what could not be sent anew."""
    return all(hex_digest in lost for hex_digest, place in found.damaged.items() if place == name)


def _rescue_pack(
    remote: Remote, cache: Cache, id_: str, whole: list[Row], wanted: set[str]
) -> tuple[dict[str, list[Row]], set[str]]:
    """Sends what is whole of a damaged pack, and what the cache has of the rest, as a new one."""
    pieces: dict[bytes, bytes] = {}
    for row in whole:
        with suppress(FileNotFoundError):
            data = remote.store.get(pack_path(id_), row.offset, row.stored)
            if cache.algorithm.hex_of(data) == row.raw.hex():
                pieces[row.raw] = data
    lost: set[str] = set()
    for hex_digest in wanted:
        try:
            pieces[bytes.fromhex(hex_digest)] = cache.read(hex_digest)
        except (MissingObjectError, IntegrityError):
            lost.add(hex_digest)
    if not pieces:
        return {}, lost
    fresh, rows = send_pack(remote, pieces, cache.tmp_path)
    return {fresh: rows}, lost


def _resend(remote: Remote, cache: Cache, wanted: set[str]) -> tuple[list[Row], set[str]]:
    rows: list[Row] = []
    lost: set[str] = set()
    for hex_digest in wanted:
        place = cache.find(hex_digest)
        if place is None or not cache.is_whole(hex_digest, place):
            lost.add(hex_digest)
            continue
        if place.pack_id:
            remote.store.put(object_path(hex_digest), cache.read(hex_digest), replace=True)
        else:
            remote.store.put_file(object_path(hex_digest), place.path)
        rows.append(Row(bytes.fromhex(hex_digest), WHOLE, 0, 0, place.size, place.size))
    return rows, lost


def _add_unindexed(remote: Remote, cache: Cache, rows: dict[str, list[Row]]) -> None:
    """Finds again what only a damaged index named: packs carry their own, other files are named by their digest."""
    known = {row.raw for items in rows.values() for row in items}
    for item in list(remote.store.list("packs")):
        id_ = item.name[len("packs/") : -len(".pack")]
        if id_ in rows or not remote.algorithm.is_hex(id_):
            continue
        temporary = temporary_path(cache.tmp_path)
        try:
            remote.store.fetch(item.name, temporary)
            with suppress(IntegrityError, FormatError):
                if pack.digest_of_file(temporary, cache.algorithm) == id_:
                    rows[id_] = [row for row in pack.read_index(temporary, cache.algorithm) if row.raw not in known]
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
    for item in list(remote.store.list("objects")):
        hex_digest = item.name[len("objects/") :].replace("/", "", 1)
        if remote.algorithm.is_hex(hex_digest) and bytes.fromhex(hex_digest) not in known:
            rows.setdefault("", []).append(Row(bytes.fromhex(hex_digest), WHOLE, 0, 0, item.size, item.size))


def _set_aside(remote: Remote, cache: Cache, name: str) -> None:
    temporary = temporary_path(cache.tmp_path)
    try:
        with suppress(FileNotFoundError):
            remote.store.fetch(name, temporary)
            remote.store.put_file(f"{QUARANTINE}/{name.rpartition('/')[2]}", temporary)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
