"""Directories of which only a part was ever brought here: what they hold besides, and
what of them was materialised.

What was never brought is not what the person deleted. So a recorded directory keeps the
entries that neither stand in the workspace nor ever did, and what was last materialised
is noted as the part that it was.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from mltrack.errors import MissingObjectError
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree import Entry
from mltrack.objects.tree_edit import NeverHere, edited, never_here
from mltrack.objects.tree_walk import Load
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter, NewTrees
from mltrack.workspace.scan import Snapshot


def loader(cache: Cache, snapshot: Snapshot | None) -> Load:
    """Returns what opens trees: those of a snapshot, and those of the cache."""

    def load(hex_digest: str) -> list[Entry]:
        if snapshot is not None:
            # a tree that was there before: the cache has it
            with suppress(KeyError):
                return snapshot.load(hex_digest)
        return cache.read_tree(hex_digest)

    return load


def absent_parts(
    cache: Cache,
    snapshot: Snapshot | None,
    recorded: Content | None,
    last: Content | None,
) -> NeverHere | None:
    """Returns what of a recorded directory was never brought here; None where that is
    nothing.

    Raises MissingObjectError where a listing that would tell is not in the cache. A
    last version whose listings are gone counts as none: then nothing that is not here
    counts as deleted.
    """
    present = snapshot.content if snapshot is not None else None
    if (
        recorded is None
        or recorded.kind != TREE
        or (present is not None and present.kind != TREE)
    ):
        return None
    # all of it was here once, or is
    if recorded.same_bytes(last) or recorded.same_bytes(present):
        return None
    load = loader(cache, snapshot)
    before = last.hex if last is not None and last.kind == TREE else None
    try:
        found = never_here(present and present.hex, recorded.hex, before, load)
    except MissingObjectError:
        if before is None:
            raise
        found = never_here(present and present.hex, recorded.hex, None, load)
    return found if found.entries else None


def completed(
    cache: Cache,
    new_writer: Callable[[], CacheWriter],
    snapshot: Snapshot,
    recorded: Content | None,
    last: Content | None,
) -> Content:
    """Returns what stands at a root together with what was recorded there and never
    brought here; its new listings are durable in the cache then.
    """
    absent = absent_parts(cache, snapshot, recorded, last)
    if absent is None or recorded is None:
        return snapshot.content
    whole = edit(cache, new_writer, snapshot.content, absent.entries, snapshot)
    assert whole is not None
    return whole._replace(files=snapshot.content.files + recorded.files - absent.known)


def edit(
    cache: Cache,
    new_writer: Callable[[], CacheWriter],
    before: Content | None,
    changes: Mapping[bytes, Entry | None],
    snapshot: Snapshot | None = None,
) -> Content | None:
    """Returns a directory with changed entries, whose new listings are durable in the
    cache then; its number of files is not counted. ``before`` is none or a directory.
    """
    with new_writer() as writer:
        trees = NewTrees(writer, loader(cache, snapshot))
        done = edited(
            before.hex if before is not None else None, changes, trees.load, trees.write
        )
        writer.finish()
    return Content(TREE, done.hex, done.size, 0) if done is not None else None
