"""Garbage collection of a remote, in two phases, so that pushes under way lose nothing.

The first run forgets: an index that leaves out what is not referred to takes the place
of all others, and a note says what may be deleted. From then on a push that needs such
an object sends it again. A run at least a delay later deletes what its note names and
still no index does. Times are the store's own, so clocks here do not matter.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mltrack.errors import FormatError, IntegrityError
from mltrack.formats import json_text
from mltrack.objects.digest import Algorithm
from mltrack.store import pack
from mltrack.store.catalogue import UNLISTED, Whole, encode
from mltrack.store.kinds.store import Listed
from mltrack.store.shared import deleting
from mltrack.store.shared.deleting import NOTES
from mltrack.store.shared.names import index_path, object_path, pack_path
from mltrack.store.shared.ranges import coalesce
from mltrack.store.shared.remote import Remote

# a share: from here on more would be sent again than is freed
REPACK_BELOW = 0.5
_NOTE_FORMAT = 1


@dataclass(frozen=True, slots=True)
class RemoteGcPlan:
    """``kept`` are the objects that stay by pack id ('' for files of their own);
    ``shrink`` the packs of which less than half stays; ``forgotten`` the names that
    nothing needs any more; ``due`` those whose delay has passed, with their sizes;
    ``indexes`` the indexes that all this was read from.
    """

    kept: dict[str, list[Whole]] = field(default_factory=dict)
    shrink: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    due: dict[str, int] = field(default_factory=dict)
    indexes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    objects: int = 0
    bytes: int = 0


def plan(
    remote: Remote, marked: set[str], older_than: float, notes_before: float
) -> RemoteGcPlan:
    """Returns what may be forgotten (not marked, and written before ``older_than``) and
    what may be deleted now (noted before ``notes_before``, and named by no index).
    Raises RemoteError for a remote that a newer mltrack has written to.
    """
    remote.require_understood("collected")
    files = {
        item.name: item
        for place in ("packs", "objects")
        for item in remote.store.list(place)
        # what others have put there is neither needed nor deleted
        if _is_ours(item.name, remote.algorithm)
    }
    found = _sort(remote, files, marked, older_than)
    needed = {pack_path(id_) for id_ in found.kept if id_} | {
        object_path(raw.hex()) for raw in found.kept.get("", {})
    }
    needed |= _kept_by_lost_indexes(remote, files, found, needed, marked)
    old = {name: item for name, item in files.items() if item.modified < older_than}
    due, notes = _due(remote, needed | named(remote), notes_before)
    return RemoteGcPlan(
        kept={id_: list(kept.values()) for id_, kept in found.kept.items()},
        shrink=tuple(
            id_
            for id_ in sorted(found.kept)
            if pack_path(id_) in old and found.is_mostly_gone(id_)
        ),
        forgotten=tuple(sorted(name for name in old if name not in needed)),
        superseded=_superseded(remote),
        due={
            name: files[name].size if name in files else 0
            for name in due
            if name in files or name.startswith("index/")
        },
        indexes=tuple(remote.indexes()),
        notes=notes,
        objects=len(found.gone),
        bytes=sum(found.gone.values()),
    )


@dataclass(slots=True)
class _Sorted:
    """What all indexes name: the objects that stay by pack id and digest, the digests
    and bytes of all by pack id, and the bytes of those that go by digest.
    """

    kept: dict[str, dict[bytes, Whole]] = field(default_factory=dict)
    seen: dict[str, set[bytes]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    gone: dict[bytes, int] = field(default_factory=dict)

    @property
    def digests(self) -> set[bytes]:
        return {raw for entries in self.kept.values() for raw in entries}

    def is_mostly_gone(self, id_: str) -> bool:
        """Whether so little of a pack stays that it is rewritten; a file of its own is
        no pack.
        """
        left = sum(entry.size for entry in self.kept[id_].values())
        return bool(id_) and left < REPACK_BELOW * self.totals[id_]


def _sort(
    remote: Remote, files: dict[str, Listed], marked: set[str], older_than: float
) -> _Sorted:
    found = _Sorted()
    for index in remote.indexes().values():
        # which pack it means nobody knows: by such an index nothing is judged
        if UNLISTED in index.pack_ends():
            raise IntegrityError(
                f"the index {index.name} names a pack that it does not list"
            )
        for entry in index:
            raw, id_ = entry.raw, entry.pack_id
            file = files.get(pack_path(id_) if id_ else object_path(raw.hex()))
            seen = found.seen.setdefault(id_, set())
            if raw not in seen:  # several indexes may name it
                seen.add(raw)
                found.totals[id_] = found.totals.get(id_, 0) + entry.size
            # What is young may belong to a push whose pointers nobody has seen yet.
            is_young = file is not None and file.modified >= older_than
            if is_young or raw.hex() in marked:
                found.kept.setdefault(id_, {})[raw] = entry
            else:
                found.gone[raw] = entry.size
    # An object may lie in several packs: it is gone only if none of them keeps it.
    stay = found.digests
    found.gone = {raw: size for raw, size in found.gone.items() if raw not in stay}
    return found


def _kept_by_lost_indexes(
    remote: Remote,
    files: dict[str, Listed],
    found: _Sorted,
    needed: set[str],
    marked: set[str],
) -> set[str]:
    """The files that no index names and that hold what is referred to: `fsck --repair`
    brings them back to light. They are looked into only where something is referred to
    that no index has.
    """
    unreached = marked - {raw.hex() for raw in found.digests}
    if not unreached:
        return set()
    unnamed = [
        name
        for name in files
        if name not in needed and _id_of(name) not in found.totals
    ]
    return {
        name
        for name in unnamed
        if _names_any(remote, name, files[name].size, unreached)
    }


def has_unnamed_packs(remote: Remote) -> bool:
    """Returns whether there are packs that no index names, superseded ones included: an
    index that named them was lost, or a push was cut off.
    """
    named: set[str] = set()
    for item in remote.store.list("index"):
        name = item.name.removeprefix("index/").removesuffix(".idx")
        if remote.algorithm.is_hex(name):
            with suppress(IntegrityError, FileNotFoundError):
                named.update(remote.read_index(name, item.size).packs)
    return any(
        _id_of(item.name) not in named
        for item in remote.store.list("packs")
        if _is_ours(item.name, remote.algorithm)
    )


def _id_of(name: str) -> str:
    """The id of the pack that a name in a remote means; the name itself for an object
    that is a file of its own.
    """
    return (
        name.removeprefix("packs/").removesuffix(".pack")
        if name.startswith("packs/")
        else name
    )


def _names_any(remote: Remote, name: str, size: int, marked: set[str]) -> bool:
    """Whether a file that no index names holds what is referred to: an index was lost,
    and `fsck --repair` finds it again. Packs carry an index of their own; one that
    cannot be read may hold anything.
    """
    if not name.startswith("packs/"):
        return name.removeprefix("objects/").replace("/", "", 1) in marked
    try:
        read = partial(remote.store.get, name)
        index = pack.index_at_end(read, size, remote.algorithm, name, _id_of(name))
        return any(entry.raw.hex() in marked for entry in index)
    except (IntegrityError, FormatError):
        return True


def execute(remote: Remote, plan: RemoteGcPlan, tmp_path: str) -> dict[str, int]:
    """Deletes what is due and was not sent again meanwhile, then forgets what the plan
    says, and writes the note for the next run; returns what was deleted, with its sizes.
    """
    gone = deleting.delete(remote.store, plan.due, partial(named_now, remote))
    deleting.forget_old(remote.store)
    # what they name is gone, or needed again
    remote.store.delete(plan.notes)
    noted = {
        name for name in (*plan.forgotten, *plan.superseded) if name not in plan.due
    }
    if plan.objects or plan.shrink:
        entries = {
            id_: kept for id_, kept in plan.kept.items() if id_ not in plan.shrink
        }
        for id_ in plan.shrink:
            # sent before the index that names it
            fresh, repacked = _repack(remote, id_, plan.kept[id_], tmp_path)
            entries[fresh] = repacked
            noted.add(pack_path(id_))
        noted |= {index_path(name) for name in plan.indexes}
        replace_indexes(remote, entries, plan.indexes)
    if noted:
        text = json.dumps({"mltrack": _NOTE_FORMAT, "names": sorted(noted)}, indent=1)
        remote.store.put(f"{NOTES}/{os.urandom(8).hex()}.json", text.encode())
    return {name: plan.due[name] for name in gone}


def named(remote: Remote) -> set[str]:
    """Returns the names of all files that count: indexes, and what they name."""
    found: set[str] = set()
    for name, index in remote.indexes().items():
        found.add(index_path(name))
        ends = index.pack_ends()
        found.update(pack_path(id_) for id_ in ends if id_)
        if "" in ends:
            found.update(
                object_path(entry.raw.hex()) for entry in index if not entry.pack_id
            )
    return found


def named_now(remote: Remote) -> set[str]:
    """Returns what ``named`` does, by a fresh reading of the indexes."""
    remote.forget()
    return named(remote)


def replace_indexes(
    remote: Remote,
    entries: dict[str, list[Whole]],
    read: Iterable[str],
    damaged: Iterable[str] = (),
) -> str:
    """Writes one index with these objects by pack id ('' for files of their own) in the
    place of those that they were ``read`` from: one that came later stays. Returns its
    name, which may be that of a ``damaged`` one.
    """
    flat = {entry.raw: entry for items in entries.values() for entry in items}
    data = encode(flat.values(), remote.algorithm, supersedes=read)
    name = remote.algorithm.hex_of(data)
    remote.store.put(index_path(name), data, replace=name in damaged)
    remote.forget()
    return name


def _repack(
    remote: Remote, id_: str, entries: list[Whole], tmp_path: str
) -> tuple[str, list[Whole]]:
    """Writes the objects that stay of a pack into a new one, checked; returns its id
    and entries.
    """
    pieces: dict[bytes, bytes] = {}
    for offset, length, group in coalesce(entries):
        data = remote.store.get(pack_path(id_), offset, length)
        for entry in group:
            at = entry.offset - offset
            piece = data[at : at + entry.size]
            # else damage would get a new pack, and with it a name that fits
            if remote.algorithm.hex_of(piece) != entry.raw.hex():
                raise IntegrityError(
                    f"{remote.url}/{pack_path(id_)} does not match its digest: "
                    "nothing was deleted",
                    hint=f"mltrack fsck --remote {remote.name} --repair",
                )
            pieces[entry.raw] = piece
    return send_pack(remote, pieces, tmp_path)


def send_pack(
    remote: Remote, objects: dict[bytes, bytes], tmp_path: str
) -> tuple[str, list[Whole]]:
    """Sends objects as a new pack, without publishing it; returns its id and entries."""
    writer = pack.PackWriter(tmp_path, remote.algorithm)
    try:
        # sorted: after a cut the same objects give the same pack
        for raw, data in sorted(objects.items()):
            writer.add(raw.hex(), data)
        done = writer.finish()
        remote.store.put_file(pack_path(done.id), done.temporary)
        return done.id, list(pack.read_index(done.temporary, remote.algorithm, done.id))
    finally:
        writer.discard()


def _superseded(remote: Remote) -> tuple[str, ...]:
    current = {index_path(name) for name in remote.indexes()}
    return tuple(
        sorted(
            item.name
            for item in remote.store.list("index")
            if item.name not in current and _is_ours(item.name, remote.algorithm)
        )
    )


def _due(
    remote: Remote, needed: set[str], notes_before: float
) -> tuple[list[str], tuple[str, ...]]:
    """The names in notes that are old enough, as far as no index needs them, and those
    notes.
    """
    names: set[str] = set()
    notes: list[Listed] = []
    for item in remote.store.list(NOTES):
        if item.name.endswith(".json") and item.modified < notes_before:
            with suppress(FileNotFoundError):  # another run deals with it
                names |= _noted(
                    remote.store.get(item.name),
                    f"{remote.url}/{item.name}",
                    remote.algorithm,
                )
                notes.append(item)
    return sorted(names - needed), tuple(item.name for item in notes)


def _noted(data: bytes, where: str, algorithm: Algorithm) -> set[str]:
    value: Any = json_text.load(data, where)
    if not isinstance(value, dict) or value.get("mltrack") != _NOTE_FORMAT:
        raise FormatError(
            f"{where}: a note of a newer mltrack, or damaged", hint="upgrade mltrack"
        )
    names = value.get("names", [])
    # it says what is deleted, and others can write there
    if not all(isinstance(name, str) and _is_ours(name, algorithm) for name in names):
        raise FormatError(
            f"{where}: it names what is not mltrack's own: nothing was deleted",
            hint="look at that file, and remove it",
        )
    return set(names)


def _is_ours(name: str, algorithm: Algorithm) -> bool:
    kind, _, rest = name.partition("/")
    if kind == "objects":
        return algorithm.is_hex(rest.replace("/", "", 1))
    return kind in ("packs", "index") and algorithm.is_hex(rest.rpartition(".")[0])
