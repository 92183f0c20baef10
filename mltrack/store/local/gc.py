"""Garbage collection of the cache: mark what is referred to, plan, then delete what is
old and not marked.

Only objects that no root refers to are ever deleted, and only when they are older than
the grace. New packs are written and published before old ones are deleted; on a full
disk the deletions that need no space come first.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from mltrack.disk.durable import remove_stale_temporaries
from mltrack.errors import IntegrityError, MissingObjectError, WorkspaceError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_walk import each_once
from mltrack.store import pack
from mltrack.store.catalogue import Whole
from mltrack.store.local.cache import Cache, Place
from mltrack.store.local.writer import CacheWriter

# a share: from here on rewriting would copy more than it frees
REPACK_BELOW = 0.5
"""A pack of which less than this share is still needed is written anew without the
rest.
"""


@dataclass(frozen=True, slots=True)
class GcPlan:
    """What would go: files of large objects, whole packs, packs to shrink with what
    stays of them, record files.
    """

    loose: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    shrink: dict[str, list[Whole]] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    objects: int = 0
    bytes: int = 0


FOR_DAMAGED = (
    "`mltrack fsck --repair` brings it back if a remote has it; "
    "`mltrack gc --keep-last N --force` counts only the last N versions"
)
"""The ways on, where an earlier version refers to a listing that a disk destroyed."""


def mark(
    cache: Cache,
    current: Iterable[Content],
    history: Iterable[Content],
    marked: set[str],
) -> None:
    """Adds to ``marked`` the digests of everything at and below the given contents.

    A tree that is not here keeps nothing alive: where it was never fetched, neither was
    what only it names. But if it belongs to the current state, or was here and is
    damaged, what it names cannot be told: WorkspaceError, so that nothing is deleted.
    """
    _mark(cache, current, marked, _must_exist)
    _mark(cache, history, marked, _if_here)


def _mark(
    cache: Cache,
    contents: Iterable[Content],
    marked: set[str],
    load: Callable[[Cache, str], list[tree.Entry] | None],
) -> None:
    listed = list(contents)
    marked.update(content.hex for content in listed if content.kind != TREE)
    absent: set[str] = set()
    roots = [content.hex for content in listed if content.kind == TREE]
    for hex_digest, entries in each_once(roots, partial(load, cache), marked):
        if entries is None:
            absent.add(hex_digest)
        else:
            marked.update(
                entry.hex for entry in entries if entry.kind != tree.DIRECTORY
            )
    marked -= absent  # whoever marks again looks again


def _must_exist(cache: Cache, hex_digest: str) -> list[tree.Entry]:
    try:
        return cache.read_tree(hex_digest)
    except (MissingObjectError, IntegrityError) as error:
        raise _unknown(cache, hex_digest, "mltrack fetch") from error


def _if_here(cache: Cache, hex_digest: str) -> list[tree.Entry] | None:
    try:
        return cache.read_tree(hex_digest)
    except (MissingObjectError, IntegrityError) as error:
        if _was_damaged(cache, hex_digest, error):
            raise _unknown(cache, hex_digest, FOR_DAMAGED) from error
        return None


def _unknown(cache: Cache, hex_digest: str, hint: str) -> WorkspaceError:
    return WorkspaceError(
        f"nothing was deleted: the tree {cache.algorithm.text(hex_digest)} is not in "
        "the cache, so what it refers to is "
        "not known",
        hint=hint,
    )


def _was_damaged(cache: Cache, hex_digest: str, error: Exception) -> bool:
    if isinstance(error, IntegrityError):
        return True
    # an earlier look may have set it aside: by now it is only missing
    with suppress(FileNotFoundError):
        return any(
            name.partition(".")[0] == hex_digest
            for name in os.listdir(cache.quarantine_path)
        )
    return False


def plan(
    cache: Cache, marked: set[str], records: Iterable[str], older_than: float
) -> GcPlan:
    """Returns what may go: not marked, and last written before ``older_than``, in
    seconds since 1970.
    """
    objects = size = 0
    loose: list[str] = []
    for path, hex_digest in cache.loose_files():
        state = _state(path)
        # young ones stay: what is to name them may not be in git yet
        if state and hex_digest not in marked and state.st_mtime < older_than:
            loose.append(path)
            objects, size = objects + 1, size + state.st_size
    packs: list[str] = []
    shrink: dict[str, list[Whole]] = {}
    raw_marked = {bytes.fromhex(item) for item in marked}
    for id_, index in cache.indexes().items():
        # a pack is as young as the last of its objects
        if not _is_old(cache.pack_path(id_), older_than):
            continue
        live = cache.packed_among(id_, raw_marked)
        total = sum(entry.size for entry in index)
        kept = sum(entry.size for entry in live)
        if not live:
            packs.append(id_)
        elif kept < REPACK_BELOW * total:
            shrink[id_] = live
        else:
            continue
        objects, size = objects + index.count - len(live), size + total - kept
    return GcPlan(tuple(loose), tuple(packs), shrink, tuple(records), objects, size)


def plan_drop(cache: Cache, unwanted: set[str], older_than: float) -> GcPlan:
    """Returns how to free these objects, as far as they were last written before
    ``older_than``.
    """
    loose: list[str] = []
    objects = size = 0
    for path, hex_digest in cache.loose_files():
        state = _state(path)
        if state and hex_digest in unwanted and state.st_mtime < older_than:
            loose.append(path)
            objects, size = objects + 1, size + state.st_size
    packs: list[str] = []
    shrink: dict[str, list[Whole]] = {}
    raws = {bytes.fromhex(item) for item in unwanted}
    for id_, index in cache.indexes().items():
        gone = index.digests() & raws
        if not gone or not _is_old(cache.pack_path(id_), older_than):
            continue
        live = cache.packed_among(id_, index.digests() - gone)
        objects, size = (
            objects + len(gone),
            size + sum(entry.size for entry in index.among(gone)),
        )
        if live:
            shrink[id_] = live
        else:
            packs.append(id_)
    return GcPlan(tuple(loose), tuple(packs), shrink, (), objects, size)


def _state(path: str) -> os.stat_result | None:
    """The state of a file; None if another process has merged it or set it aside."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _is_old(path: str, older_than: float) -> bool:
    state = _state(path)
    return state is not None and state.st_mtime < older_than


def execute(cache: Cache, plan: GcPlan) -> None:
    """Deletes what the plan names; the caller holds the cache's gc lock exclusively."""
    # first what needs no room. No deletion is synced: what a power cut brings back
    # is garbage for the next run
    for path in plan.loose:
        with suppress(FileNotFoundError):
            os.unlink(path)
    for id_ in plan.packs:
        cache.remove_pack(id_)
    if plan.shrink:
        with CacheWriter(cache) as writer:
            kept = {entry.raw for entries in plan.shrink.values() for entry in entries}
            elsewhere = _held_elsewhere(cache, kept, set(plan.shrink))
            for id_, entries in plan.shrink.items():
                contents = pack.contents_of(cache.pack_path(id_))
                for raw in (entry.raw for entry in entries):
                    if raw not in elsewhere:
                        # checked as it is read: damage ends this before its pack goes
                        writer.rewrite(raw.hex(), cache.read(raw.hex()), contents)
                        elsewhere.add(raw)
            writer.finish()
        # what stays of them is durable elsewhere by now
        for id_ in plan.shrink:
            cache.remove_pack(id_)
    cache.forget_indexes()
    remove_stale_temporaries(cache.tmp_path)


def _held_elsewhere(cache: Cache, raws: set[bytes], shrinking: set[str]) -> set[bytes]:
    """Those of the objects that are whole in a pack that stays. What an index says is
    not believed: the copy there may have rotted, and this be the only other one.
    """
    found: set[bytes] = set()
    for id_ in list(cache.indexes()):
        if id_ in shrinking:
            continue
        for raw, _, offset, size in cache.packed_among(id_, raws - found):
            place = Place(cache.pack_path(id_), offset, size, id_)
            if cache.is_whole(raw.hex(), place):
                found.add(raw)
            else:
                # so that it is read from where it is whole
                with suppress(IntegrityError):
                    cache.quarantine(raw.hex(), place)
    return found
