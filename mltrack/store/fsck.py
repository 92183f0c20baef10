"""Looking at every byte: of the cache, and of a remote. Nothing is changed here; ``verbs/fsck`` repairs."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from mltrack.errors import FormatError, IntegrityError
from mltrack.store import pack
from mltrack.store.cache import Cache, Place
from mltrack.store.index import ALONE, CHUNKS, WHOLE, Index, Row
from mltrack.store.remote import Remote
from mltrack.store.remote_names import object_path, pack_path

Report = Callable[[int, int], None]


@dataclass(slots=True)
class Findings:
    """What is wrong: damaged objects by digest and the file they lie in, and damaged files as a whole.

    ``checked`` counts objects. ``lost`` are digests that something refers to and that are nowhere.
    """

    checked: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    leftovers: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.damaged or self.files or self.lost)


def check_cache(cache: Cache, report: Report) -> tuple[Findings, list[tuple[str, Place]]]:
    """Reads all objects of the cache; returns what is wrong, and where each damaged object lies."""
    found = Findings()
    places: list[tuple[str, Place]] = []
    for path, hex_digest in cache.loose_files():
        place = Place(path, 0, os.stat(path).st_size)
        found.checked += 1
        if not cache.is_whole(hex_digest, place):
            found.damaged[hex_digest] = path
            places.append((hex_digest, place))
        report(found.checked, 0)
    for id_, index in cache.indexes().items():
        path = cache.pack_path(id_)
        for row, data in _rows(path, index):
            found.checked += 1
            hex_digest = row.raw.hex()
            if cache.is_quarantined(hex_digest, id_):
                continue
            if len(data) != row.stored or cache.algorithm.hex_of(data) != hex_digest:
                found.damaged[hex_digest] = path
                places.append((hex_digest, Place(path, row.offset, row.stored, id_)))
        report(found.checked, 0)
        with suppress(OSError, IntegrityError, FormatError):
            if pack.read_index(path, cache.algorithm).data == index.data:
                continue
        found.files[path] = "its index does not match the one beside it"
    for id_ in cache.unreadable:
        found.files[cache.pack_path(id_)] = "its index is damaged, and there is none beside it"
    return found, places


def _rows(path: str, index: Index) -> Iterator[tuple[Row, bytes]]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for row in sorted(index, key=lambda row: row.offset):
            yield row, os.pread(descriptor, row.stored, row.offset)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class RemoteFindings(Findings):
    """Of a remote: ``whole`` are the rows that are right, by pack id ('' for files of their own)."""

    whole: dict[str, list[Row]] = field(default_factory=dict)
    indexes: dict[str, str] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)
    """Packs that no index names, though they are whole: a lost index, or a push that was cut off."""


def check_remote(remote: Remote, cache: Cache, report: Report) -> RemoteFindings:
    """Reads all that a remote's indexes name, one file after the other."""
    found = RemoteFindings()
    rows = _all_rows(remote, cache, found)
    total = sum(len(items) for items in rows.values())
    for id_, items in rows.items():
        if not id_:
            for row in items:
                _check_alone(remote, cache, row, found)
                report(found.checked, total)
            continue
        _check_pack(remote, cache, id_, items, found)
        report(found.checked, total)
    return found


def _all_rows(remote: Remote, cache: Cache, found: RemoteFindings) -> dict[str, list[Row]]:
    rows: dict[str, dict[bytes, Row]] = {}
    for name, index in remote.readable_indexes(found.indexes).items():
        for row in index:
            if row.kind == CHUNKS or (row.pack != ALONE and row.pack >= len(index.packs)):
                found.indexes[name] = "it names a pack that it does not list"
                continue
            rows.setdefault("" if row.pack == ALONE else index.packs[row.pack], {})[row.raw] = row
    known = set(rows)
    listed = {item.name[len("packs/") : -len(".pack")] for item in remote.store.list("packs")}
    if found.indexes or not listed <= known:
        _add_unindexed(remote, cache, rows)
        found.unnamed = sorted(set(rows) - known)
    return {id_: list(items.values()) for id_, items in rows.items()}


def _add_unindexed(remote: Remote, cache: Cache, rows: dict[str, dict[bytes, Row]]) -> None:
    """Finds again what only a damaged index named: packs carry their own, other files are named by their digest."""
    for item in list(remote.store.list("packs")):
        id_ = item.name[len("packs/") : -len(".pack")]
        if id_ in rows or not remote.algorithm.is_hex(id_):
            continue
        with remote.fetched(item.name, cache.tmp_path) as path, suppress(IntegrityError, FormatError):
            rows[id_] = {row.raw: row for row in pack.read_index(path, cache.algorithm)}
    for item in list(remote.store.list("objects")):
        hex_digest = item.name[len("objects/") :].replace("/", "", 1)
        if remote.algorithm.is_hex(hex_digest):
            row = Row(bytes.fromhex(hex_digest), WHOLE, 0, 0, item.size, item.size)
            rows.setdefault("", {}).setdefault(row.raw, row)


def _check_alone(remote: Remote, cache: Cache, row: Row, found: RemoteFindings) -> None:
    found.checked += 1
    name = object_path(row.raw.hex())
    if _digest(remote, cache, name) == row.raw.hex():
        found.whole.setdefault("", []).append(row)
    else:
        found.damaged[row.raw.hex()] = name


def _check_pack(remote: Remote, cache: Cache, id_: str, rows: list[Row], found: RemoteFindings) -> None:
    found.checked += len(rows)
    name = pack_path(id_)
    try:
        with remote.fetched(name, cache.tmp_path) as path, open(path, "rb") as file:
            for row in rows:
                file.seek(row.offset)
                data = file.read(row.stored)
                if len(data) == row.stored and cache.algorithm.hex_of(data) == row.raw.hex():
                    found.whole.setdefault(id_, []).append(row)
                else:
                    found.damaged[row.raw.hex()] = name
            if pack.digest_of_file(path, cache.algorithm) != id_:
                found.files[name] = "its bytes do not match its name"
    except FileNotFoundError:
        found.files[name] = "it is not there, though an index names it"
        found.damaged.update({row.raw.hex(): name for row in rows})


def _digest(remote: Remote, cache: Cache, name: str) -> str:
    try:
        with remote.fetched(name, cache.tmp_path) as path:
            return pack.digest_of_file(path, cache.algorithm)
    except FileNotFoundError:
        return ""
