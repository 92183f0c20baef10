"""Looking at every byte of a remote. Nothing is changed here; ``verbs/fsck`` repairs."""

from contextlib import suppress
from dataclasses import dataclass, field

from mltrack.errors import FormatError, IntegrityError
from mltrack.store import pack
from mltrack.store.catalogue import UNLISTED, Whole, alone
from mltrack.store.local.cache import Cache
from mltrack.store.local.check import Findings, Report
from mltrack.store.shared.names import object_path, pack_path
from mltrack.store.shared.remote import Remote


@dataclass(slots=True)
class RemoteFindings(Findings):
    """Of a remote: ``whole`` are the objects that are right, by pack id ('' for files
    of their own); ``read`` the indexes that all this was read from.
    """

    whole: dict[str, list[Whole]] = field(default_factory=dict)
    indexes: dict[str, str] = field(default_factory=dict)
    read: tuple[str, ...] = ()
    unnamed: list[str] = field(default_factory=list)
    """Packs that no index names, though they are whole: a lost index, or a push that
    was cut off.
    """


def check_remote(remote: Remote, cache: Cache, report: Report) -> RemoteFindings:
    """Reads all that a remote's indexes name, one file after the other."""
    found = RemoteFindings()
    entries = _all_entries(remote, cache, found)
    total = sum(len(items) for items in entries.values())
    for id_, items in entries.items():
        if not id_:
            for entry in items:
                _check_alone(remote, cache, entry, found)
                report(found.checked, total)
            continue
        _check_pack(remote, cache, id_, items, found)
        report(found.checked, total)
    return found


def _all_entries(
    remote: Remote, cache: Cache, found: RemoteFindings
) -> dict[str, list[Whole]]:
    entries: dict[str, dict[bytes, Whole]] = {}
    readable = remote.readable_indexes(found.indexes)
    found.read = tuple(readable)
    for name, index in readable.items():
        if UNLISTED in index.pack_ends():
            found.indexes[name] = "it names a pack that it does not list"
        for entry in index:
            entries.setdefault(entry.pack_id, {})[entry.raw] = entry
    known = set(entries)
    listed = {
        item.name[len("packs/") : -len(".pack")] for item in remote.store.list("packs")
    }
    # the index of a newer version may name what no index seems to name
    if remote.is_understood and (found.indexes or not listed <= known):
        _add_unindexed(remote, cache, entries)
        found.unnamed = sorted(set(entries) - known)
    return {id_: list(items.values()) for id_, items in entries.items()}


def _add_unindexed(
    remote: Remote, cache: Cache, entries: dict[str, dict[bytes, Whole]]
) -> None:
    """Finds again what only a damaged index named: packs carry their own, other files
    are named by their digest.
    """
    for item in list(remote.store.list("packs")):
        id_ = item.name[len("packs/") : -len(".pack")]
        if id_ in entries or not remote.algorithm.is_hex(id_):
            continue
        with (
            remote.fetched(item.name, cache.tmp_path) as path,
            suppress(IntegrityError, FormatError),
        ):
            entries[id_] = {
                entry.raw: entry
                for entry in pack.read_index(path, cache.algorithm, id_)
            }
    for item in list(remote.store.list("objects")):
        hex_digest = item.name[len("objects/") :].replace("/", "", 1)
        if remote.algorithm.is_hex(hex_digest):
            entry = alone(hex_digest, item.size)
            entries.setdefault("", {}).setdefault(entry.raw, entry)


def _check_alone(
    remote: Remote, cache: Cache, entry: Whole, found: RemoteFindings
) -> None:
    found.checked += 1
    hex_digest = entry.raw.hex()
    name = object_path(hex_digest)
    if _digest(remote, cache, name) == hex_digest:
        found.whole.setdefault("", []).append(entry)
    else:
        found.damaged[hex_digest] = name


def _check_pack(
    remote: Remote, cache: Cache, id_: str, entries: list[Whole], found: RemoteFindings
) -> None:
    found.checked += len(entries)
    name = pack_path(id_)
    try:
        with remote.fetched(name, cache.tmp_path) as path, open(path, "rb") as file:
            for entry in entries:
                file.seek(entry.offset)
                data = file.read(entry.size)
                if (
                    len(data) == entry.size
                    and cache.algorithm.hex_of(data) == entry.raw.hex()
                ):
                    found.whole.setdefault(id_, []).append(entry)
                else:
                    found.damaged[entry.raw.hex()] = name
            # all its objects may be whole, and its head or its own index not
            if pack.digest_of_file(path, cache.algorithm) != id_:
                found.files[name] = "its bytes do not match its name"
    except FileNotFoundError:
        found.files[name] = "it is not there, though an index names it"
        found.damaged.update({entry.raw.hex(): name for entry in entries})


def _digest(remote: Remote, cache: Cache, name: str) -> str:
    try:
        with remote.fetched(name, cache.tmp_path) as path:
            return pack.digest_of_file(path, cache.algorithm)
    except FileNotFoundError:
        return ""
