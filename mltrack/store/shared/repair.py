"""Repairing a remote: what is damaged there is sent anew from the cache, and set aside,
never just deleted.

The order is the usual one: bytes first, then one index in the place of those that were
read, then the damaged indexes and files go. What others have pushed since the check
stays.
"""

from contextlib import suppress
from functools import partial

from mltrack.errors import IntegrityError, MissingObjectError
from mltrack.store.catalogue import Whole, alone
from mltrack.store.local.cache import Cache
from mltrack.store.shared import deleting
from mltrack.store.shared.check import RemoteFindings
from mltrack.store.shared.gc import named_now, replace_indexes, send_pack
from mltrack.store.shared.names import index_path, object_path
from mltrack.store.shared.remote import Remote

QUARANTINE = "quarantine"


def repair(remote: Remote, cache: Cache, found: RemoteFindings) -> set[str]:
    """Repairs what it can; returns the digests of objects that are damaged there and
    not whole in the cache. Raises RemoteError, with nothing changed, for a remote that
    a newer mltrack has written to.
    """
    remote.require_understood("repaired")
    entries = {id_: list(items) for id_, items in found.whole.items()}
    lost: set[str] = set()
    broken = sorted({*found.files, *found.damaged.values()})
    # read before anything is sent: a new pack may get the same name
    rescued = {
        name: _rescued(remote, name, entries.pop(_id(name), []))
        for name in broken
        if _id(name)
    }
    for name in (*broken, *map(index_path, found.indexes)):
        # first: what is sent anew may have the same name
        _set_aside(remote, cache, name)
    for name in broken:
        wanted = {
            hex_digest for hex_digest, place in found.damaged.items() if place == name
        }
        if _id(name):
            fresh, missing = _resend_packed(remote, cache, rescued[name], wanted)
            entries.update(fresh)
        else:
            resent, missing = _resend_alone(remote, cache, wanted)
            entries.setdefault("", []).extend(resent)
        lost |= missing
    written = ""
    # an empty one too: the old ones name what is damaged
    if entries or found.read:
        written = replace_indexes(remote, entries, found.read, found.indexes)
    remote.store.delete([index_path(name) for name in found.indexes if name != written])
    # last: no index names them any more, but for one that came since they were read
    deleting.delete(remote.store, broken, partial(named_now, remote))
    return lost


def _id(name: str) -> str:
    """The id of the pack that a name in a remote means; '' for an object that is a file
    of its own.
    """
    return name[len("packs/") : -len(".pack")] if name.startswith("packs/") else ""


def _rescued(remote: Remote, name: str, whole: list[Whole]) -> dict[bytes, bytes]:
    """The objects of a damaged pack that are whole."""
    pieces: dict[bytes, bytes] = {}
    for entry in whole:
        with suppress(FileNotFoundError):
            data = remote.store.get(name, entry.offset, entry.size)
            if remote.algorithm.hex_of(data) == entry.raw.hex():
                pieces[entry.raw] = data
    return pieces


def _resend_packed(
    remote: Remote, cache: Cache, pieces: dict[bytes, bytes], wanted: set[str]
) -> tuple[dict[str, list[Whole]], set[str]]:
    """Sends what was rescued of a pack, and what the cache has of the rest, as a new
    one.
    """
    lost: set[str] = set()
    for hex_digest in wanted:
        try:
            pieces[bytes.fromhex(hex_digest)] = cache.read(hex_digest)
        except (MissingObjectError, IntegrityError):
            lost.add(hex_digest)
    if not pieces:
        return {}, lost
    fresh, entries = send_pack(remote, pieces, cache.tmp_path)
    return {fresh: entries}, lost


def _resend_alone(
    remote: Remote, cache: Cache, wanted: set[str]
) -> tuple[list[Whole], set[str]]:
    resent: list[Whole] = []
    lost: set[str] = set()
    for hex_digest in wanted:
        place = cache.find(hex_digest)
        if place is None or not cache.is_whole(hex_digest, place):
            lost.add(hex_digest)
            continue
        # a file of its own there may lie in a pack here
        if place.pack_id:
            remote.store.put(
                object_path(hex_digest), cache.read(hex_digest), replace=True
            )
        else:
            remote.store.put_file(object_path(hex_digest), place.path)
        resent.append(alone(hex_digest, place.size))
    return resent, lost


def _set_aside(remote: Remote, cache: Cache, name: str) -> None:
    with suppress(FileNotFoundError), remote.fetched(name, cache.tmp_path) as path:
        remote.store.put_file(f"{QUARANTINE}/{name.rpartition('/')[2]}", path)
