"""How what stands at a root differs from a content that is wanted there, and from the
one that was materialised there last.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import NamedTuple

from mltrack.errors import MissingObjectError
from mltrack.objects import tree
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.tree import Entry
from mltrack.objects.tree_diff import Change, diff
from mltrack.objects.tree_walk import Load, entry_at
from mltrack.store.local.cache import Cache
from mltrack.workspace.last import LastMaterialized
from mltrack.workspace.parts import absent_parts, loader
from mltrack.workspace.scan import Snapshot

LETTERS = {kind: letter for letter, kind in BY_LETTER.items()}


class Comparison(NamedTuple):
    """Compares by the trees of the cache."""

    cache: Cache
    last: LastMaterialized

    def changes(
        self,
        root: str,
        snapshot: Snapshot | None,
        wanted: Content | None,
        *,
        passes_unlisted: bool = False,
    ) -> Iterable[Change]:
        """Yields the leaves that differ, from present to wanted, by project path. With
        ``passes_unlisted`` a directory whose listing the cache lacks counts as empty.
        """
        path = os.fsencode(root)
        present = snapshot.content if snapshot is not None else None
        load = loader(self.cache, snapshot)
        if passes_unlisted:
            load = partial(_listed, load)
        old, new = leaf_of(path, present), leaf_of(path, wanted)
        if old != new:
            yield Change(path, old, new)
        old_tree = present.hex if present is not None and present.kind == TREE else None
        new_tree = wanted.hex if wanted is not None and wanted.kind == TREE else None
        yield from diff(old_tree, new_tree, load, path + b"/")

    def is_part_of(self, snapshot: Snapshot, root: str, wanted: Content) -> bool:
        """Returns whether what stands at a root is ``wanted`` but for what was never
        brought here. False where the cache lacks a listing that would tell.
        """
        try:
            absent = absent_parts(self.cache, snapshot, wanted, self.last.get(root))
            if absent is None:
                return False
            return not list(self.own_changes(root, snapshot, wanted))
        except MissingObjectError:
            return False

    def own_changes(
        self, root: str, snapshot: Snapshot, wanted: Content
    ) -> Iterator[Change]:
        """Yields the leaves that differ from present to wanted, but for those that were
        never brought here: they are no change of the person's.
        """
        absent = absent_parts(self.cache, snapshot, wanted, self.last.get(root))
        top = os.fsencode(root) + b"/"
        away = {top + path for path in absent.entries} if absent is not None else set()
        for change in self.changes(root, snapshot, wanted, passes_unlisted=True):
            if change.old is not None or away.isdisjoint(
                (change.path, *tree.parents(change.path))
            ):
                yield change

    def materialised(
        self, root: str, before: Content, paths: list[bytes]
    ) -> dict[bytes, Entry] | None:
        """Returns the entries of the last materialised content at these paths, or None
        if its trees are gone.
        """
        path = os.fsencode(root)
        leaf = leaf_of(path, before)
        if leaf is not None:
            return {path: leaf}
        found: dict[bytes, Entry] = {}
        # the paths share the trees on the way to them
        load = cache(self.cache.read_tree)
        try:
            for item in paths:
                entry = entry_at(before.hex, item[len(path) + 1 :], load)
                if entry is not None:
                    found[item] = entry
        except MissingObjectError:
            return None
        return found


def leaf_of(path: bytes, content: Content | None) -> Entry | None:
    if content is None or content.kind == TREE:
        return None
    return Entry(
        path.rpartition(b"/")[2], LETTERS[content.kind], content.hex, content.size
    )


def _listed(load: Load, hex_digest: str) -> list[Entry]:
    try:
        return load(hex_digest)
    except MissingObjectError:
        return []
