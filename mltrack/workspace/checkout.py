"""Checkout of one target: the wanted content against what stands there and what was materialised there before."""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from mltrack.errors import MissingObjectError
from mltrack.objects import tree
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.tree import Entry
from mltrack.objects.tree_diff import Change, diff, extent, leaves
from mltrack.store.cache import Cache
from mltrack.store.cache_writer import CacheWriter
from mltrack.workspace import checkout_plan, fresh
from mltrack.workspace.checkout_plan import CheckoutPlan, Operation, Whole
from mltrack.workspace.ingest import Saving
from mltrack.workspace.last import LastMaterialized
from mltrack.workspace.materialize import Report, apply
from mltrack.workspace.observe import Observer
from mltrack.workspace.scan import Snapshot

LETTERS = {kind: letter for letter, kind in BY_LETTER.items()}


class Checkout(NamedTuple):
    """The parts that a checkout needs, wired once per command."""

    project_path: str
    tmp_path: str
    cache: Cache
    observer: Observer
    last: LastMaterialized

    def plan(self, root: str, wanted: Content | None, *, force: bool = False) -> CheckoutPlan:
        """Returns what would be done to make ``root`` be ``wanted``; None wants nothing there.

        Raises MissingObjectError if the cache lacks something that would be written.
        """
        snapshot = self.observer.tracked(root)
        present = snapshot.content if snapshot is not None else None
        if wanted is not None and wanted.same_bytes(present):
            return CheckoutPlan([], [], [], [])
        try:
            if wanted is not None and wanted.kind == TREE and snapshot is None:
                return CheckoutPlan([], [], [], [], fresh.survey(wanted, self.cache))
            if wanted is not None and wanted.kind == TREE:
                extent(wanted.hex, self.cache.read_tree)
            changes = list(self.changes(root, snapshot, wanted))
        except MissingObjectError as error:
            raise MissingObjectError(
                f"{root}: {error.message}", hint=f"mltrack pull {root}", context=error.context
            ) from None
        before = self.last.get(root)
        entries = self.last_entries(root, before, [change.path for change in changes]) if before is not None else None
        plan = checkout_plan.decide(changes, entries, self.saved, force=force)
        self.require([op.entry for op in plan.operations if op.entry is not None], root)
        return plan

    def changes(self, root: str, snapshot: Snapshot | None, wanted: Content | None) -> Iterable[Change]:
        """Yields the leaves that differ, from present to wanted, by project path."""
        path = os.fsencode(root)
        present = snapshot.content if snapshot is not None else None

        def load(hex_digest: str) -> list[Entry]:
            if snapshot is not None:
                with suppress(KeyError):
                    return snapshot.load(hex_digest)
            return self.cache.read_tree(hex_digest)

        old, new = _leaf(path, present), _leaf(path, wanted)
        if old != new:
            yield Change(path, old, new)
        old_tree = present.hex if present is not None and present.kind == TREE else None
        new_tree = wanted.hex if wanted is not None and wanted.kind == TREE else None
        yield from diff(old_tree, new_tree, load, path + b"/")

    def is_part_of(self, snapshot: Snapshot, root: str, wanted: Content) -> bool:
        """Returns whether what stands at a root is some of ``wanted`` and nothing else, without ever having been all of it:
        someone brought a part. False where the cache lacks a listing that would tell."""
        if self.last.get(root) == wanted:
            return False
        try:
            return all(change.old is None for change in self.changes(root, snapshot, wanted))
        except MissingObjectError:
            return False

    def last_entries(self, root: str, before: Content, paths: list[bytes]) -> dict[bytes, Entry] | None:
        """Returns the entries of the last materialised content at these paths, or None if its trees are gone."""
        path = os.fsencode(root)
        leaf = _leaf(path, before)
        if leaf is not None:
            return {path: leaf}
        found: dict[bytes, Entry] = {}
        trees: dict[bytes, dict[bytes, Entry]] = {}
        try:
            for item in paths:
                entry = self._entry_below(before.hex, item[len(path) + 1 :], trees)
                if entry is not None:
                    found[item] = entry
        except MissingObjectError:
            return None
        return found

    def _entry_below(self, top: str, path: bytes, trees: dict[bytes, dict[bytes, Entry]]) -> Entry | None:
        at, hex_digest = b"", top
        *directories, name = path.split(b"/")
        for part in [*directories, None]:
            if at not in trees:
                trees[at] = {entry.name: entry for entry in self.cache.read_tree(hex_digest)}
            if part is None:
                break
            entry = trees[at].get(part)
            if entry is None or entry.kind != tree.DIRECTORY:
                return None
            at, hex_digest = at + part + b"/", entry.hex
        return trees[at].get(name)

    def saved(self, hexes: set[str]) -> set[str]:
        return hexes - self.cache.missing(hexes)

    def require(self, entries: list[Entry], root: str) -> None:
        lacking = self.cache.missing({entry.hex for entry in entries if entry.kind != tree.DIRECTORY})
        if lacking:
            first = next(entry for entry in entries if entry.hex in lacking)
            name = os.fsdecode(first.name)
            what = "it is" if name == os.path.basename(root) else f"{name!r} and {len(lacking) - 1} more objects are"
            raise MissingObjectError(
                f"{root}: {what} not in the cache ({self.cache.algorithm.text(first.hex)})",
                hint=f"mltrack pull {root}",
                context=first.hex,
            )

    def carry_out(self, root: str, wanted: Content | None, plan: CheckoutPlan, report: Report) -> None:
        """Does what the plan says. The caller has dealt with its conflicts, and saved what is unsaved."""
        self.put(root, plan, report)
        self.last.set(root, wanted)

    def put(self, root: str, plan: CheckoutPlan, report: Report) -> None:
        """Does what the plan says, without noting it as what the pointer or lock wanted: it stays a change of one's own."""
        if plan.whole is not None:
            self.create(root, plan.whole, report)
        elif plan.operations:
            apply(self.project_path, self.tmp_path, os.fsencode(root), plan.operations, self.cache, report)
            self.observer.forget([root])

    def create(self, root: str, whole: Whole, report: Report) -> None:
        """Makes a directory where nothing stands, in one piece where its file system allows that."""
        path = os.fsencode(root)
        try:
            snapshot = fresh.create(self.project_path, self.tmp_path, path, whole, self.cache, report)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            snapshot = None
            operations = [
                Operation(change.path, change.new, None) for change in self.changes(root, None, whole.content)
            ]
            apply(self.project_path, self.tmp_path, path, operations, self.cache, report)
        self.observer.forget([root])
        if snapshot is not None:
            self.observer.learn(root, snapshot)

    def relink(self, root: str, wanted: Content, report: Report) -> int:
        """Makes each file at ``root`` that is as wanted anew, in the way that the cache's links ask for; returns how
        many. Where that is a link, objects that lie in packs become files of their own first."""
        snapshot = self.observer.tracked(root)
        if snapshot is None or not snapshot.content.same_bytes(wanted) or not self.cache.holds(wanted):
            return 0
        path = os.fsencode(root)
        leaf = _leaf(path, wanted)
        found = [(path, leaf)] if leaf else leaves(wanted.hex, self.cache.read_tree, path + b"/")
        operations = [Operation(at, entry, entry) for at, entry in found if entry.kind in (tree.FILE, tree.EXEC)]
        if self.cache.linking:
            with CacheWriter(self.cache) as writer:
                writer.unpack({op.replaced.hex for op in operations if op.replaced and op.replaced.kind == tree.FILE})
                writer.publish()
        apply(self.project_path, self.tmp_path, path, operations, self.cache, report)
        self.observer.forget([root])
        return len(operations)

    def clear(self, root: str) -> None:
        """Removes what stands at ``root``, saved or not; what ``.mltrackignore`` names stays, and so do its directories."""
        self.put(root, self.plan(root, None, force=True), no_progress)

    def save(self, root: str) -> Content | None:
        """Saves what stands at ``root`` to the cache, durably, and returns it."""
        with CacheWriter(self.cache) as writer:
            snapshot = self.observer.tracked(root, Saving(writer, self.cache.algorithm))
            writer.finish()
        return snapshot.content if snapshot is not None else None


def _leaf(path: bytes, content: Content | None) -> Entry | None:
    if content is None or content.kind == TREE:
        return None
    return Entry(path.rpartition(b"/")[2], LETTERS[content.kind], content.hex, content.size)


def no_progress(done: int, total: int) -> None:
    """The reader of progress that nobody listens to."""
