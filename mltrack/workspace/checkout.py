"""Checkout of one target: the wanted content against what stands there and what was
materialised there before.
"""

import errno
import os
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import partial
from typing import NamedTuple, NoReturn

from mltrack.errors import MissingObjectError, UnsavedDataError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree import Entry
from mltrack.objects.tree_diff import Change
from mltrack.objects.tree_walk import extent, leaves
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.workspace import checkout_plan, fresh
from mltrack.workspace.checkout_plan import Approved, CheckoutPlan, Operation, Whole
from mltrack.workspace.comparison import LETTERS, Comparison, leaf_of
from mltrack.workspace.ingest import Saving
from mltrack.workspace.last import LastMaterialized
from mltrack.workspace.materialize import Report, Seen, Workspace, apply
from mltrack.workspace.observe import Observer
from mltrack.workspace.parts import edit
from mltrack.workspace.scan import Snapshot
from mltrack.workspace.twins import refuse_twins

# paths that an error names: a longer list hides what to do
MAX_NAMED = 10


class Absent(Enum):
    """What becomes of a target of which the cache lacks something that would be
    written.
    """

    REFUSE = "refuse"
    """Nothing in it changes."""
    LEAVE_NEVER_HERE = "leave what was never here"
    """As far as what lacks was never brought here, it stays away; else nothing changes.
    """
    LEAVE = "leave"
    """What can be had is put in place, the rest is left as it is."""


class Checkout(NamedTuple):
    """The parts that a checkout needs, wired once per command."""

    project_path: str
    tmp_path: str
    cache: Cache
    observer: Observer
    last: LastMaterialized

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.project_path, self.tmp_path, self.cache)

    @property
    def comparison(self) -> Comparison:
        return Comparison(self.cache, self.last)

    def plan(
        self,
        root: str,
        wanted: Content | None,
        *,
        force: bool = False,
        absent: Absent = Absent.REFUSE,
        recorded: Content | None = None,
    ) -> CheckoutPlan:
        """Returns what would be done to make ``root`` be ``wanted``; None wants nothing
        there. ``recorded`` is what was recorded before, and counts as materialised
        where nobody noted what was.

        Raises MissingObjectError if the cache lacks something that would be written,
        and ``absent`` does not let it be left.
        """
        snapshot = self.observer.tracked(root)
        present = snapshot.content if snapshot is not None else None
        # the usual case: no tree is opened for it
        if wanted is not None and wanted.same_bytes(present):
            return CheckoutPlan([], [], [], [])
        wanted_tree = wanted if wanted is not None and wanted.kind == TREE else None
        if wanted_tree is not None:
            path = os.path.join(self.project_path, root)
            refuse_twins(path, root, wanted_tree, self.cache)
        unlisted: list[bytes] = []
        try:
            if wanted_tree is not None and snapshot is None:
                whole = self._whole(wanted_tree, absent)
                if whole is not None:
                    return CheckoutPlan([], [], [], [], whole)
            if wanted_tree is not None:
                unlisted = self._unlisted(root, wanted_tree, absent)
            changes = self._changes(root, snapshot, wanted, unlisted)
        except MissingObjectError as error:
            raise MissingObjectError(
                f"{root}: {error.message}",
                hint=f"mltrack pull {root}",
                context=error.context,
            ) from None
        before = self.last.get(root) or recorded
        entries = None
        if before is not None:
            paths = [change.path for change in changes]
            entries = self.comparison.materialised(root, before, paths)
        plan = checkout_plan.decide(changes, entries, self.saved, force=force)
        plan = self._without_absent(root, plan, entries, absent)
        return plan._replace(absent=(*plan.absent, *unlisted))

    def _changes(
        self,
        root: str,
        snapshot: Snapshot | None,
        wanted: Content | None,
        unlisted: list[bytes],
    ) -> list[Change]:
        """What differs, but for what stands below directories whose listings the cache
        lacks: nobody knows what is wanted there.
        """
        passes = bool(unlisted)
        compare = self.comparison.changes
        changes = compare(root, snapshot, wanted, passes_unlisted=passes)
        left = set(unlisted)
        return [
            one
            for one in changes
            if left.isdisjoint((one.path, *tree.parents(one.path)))
        ]

    def _whole(self, wanted: Content, absent: Absent) -> Whole | None:
        """All of a directory that stands nowhere yet; None where a part of it may be
        left, and has to be.
        """
        try:
            return fresh.survey(wanted, self.cache)
        except MissingObjectError:
            if absent is not Absent.LEAVE:
                raise
            return None

    def _unlisted(self, root: str, wanted: Content, absent: Absent) -> list[bytes]:
        """The directories of a tree whose listings the cache lacks; raises
        MissingObjectError for one of them unless they may be left.
        """
        # each tree is opened: the first that lacks ends this
        if absent is Absent.REFUSE:
            extent(wanted.hex, self.cache.read_tree)
            return []
        found: list[bytes] = []
        pending = [(os.fsencode(root), wanted.hex)]
        while pending:
            path, hex_digest = pending.pop()
            try:
                entries = self.cache.read_tree(hex_digest)
            except MissingObjectError:
                found.append(path)
                continue
            pending += [
                (path + b"/" + entry.name, entry.hex)
                for entry in entries
                if entry.kind == tree.DIRECTORY
            ]
        if (
            found
            and absent is Absent.LEAVE_NEVER_HERE
            and not self._were_never_here(root, found)
        ):
            extent(wanted.hex, self.cache.read_tree)
        return found

    def _were_never_here(self, root: str, paths: list[bytes]) -> bool:
        """Whether nothing stands, or was materialised, at any of the paths, while other
        parts of the root were.
        """
        before = self.last.get(root)
        entries = (
            self.comparison.materialised(root, before, paths)
            if before is not None
            else None
        )
        top = os.fsencode(self.project_path)
        return entries == {} and not any(
            os.path.lexists(os.path.join(top, path)) for path in paths
        )

    def _without_absent(
        self,
        root: str,
        plan: CheckoutPlan,
        last: dict[bytes, Entry] | None,
        absent: Absent,
    ) -> CheckoutPlan:
        """The plan without what the cache lacks, as far as that may be left."""
        lacking = self.cache.missing(
            {
                op.entry.hex
                for op in plan.operations
                if op.entry is not None and op.entry.kind != tree.DIRECTORY
            }
        )
        if not lacking:
            return plan
        left = [
            op
            for op in plan.operations
            if op.entry is not None and op.entry.hex in lacking
        ]
        # what stands here, or once did, would be left as an older version
        # beside new ones
        if absent is Absent.REFUSE or (
            absent is Absent.LEAVE_NEVER_HERE
            and (
                last is None
                or any(op.replaced is not None or op.path in last for op in left)
            )
        ):
            self._refuse_absent(root, left)
        gone = {op.path for op in left}
        return plan._replace(
            operations=[op for op in plan.operations if op.path not in gone],
            absent=tuple(op.path for op in left),
        )

    def saved(self, hexes: set[str]) -> set[str]:
        return hexes - self.cache.missing(hexes)

    def _refuse_absent(self, root: str, lacking: list[Operation]) -> NoReturn:
        first = lacking[0].entry
        assert first is not None
        name = os.fsdecode(first.name)
        more = (
            f" and {len(lacking) - 1} more objects are" if len(lacking) > 1 else " is"
        )
        what = "it is" if name == os.path.basename(root) else f"{name!r}{more}"
        raise MissingObjectError(
            f"{root}: {what} not in the cache ({self.cache.algorithm.text(first.hex)})",
            hint=f"mltrack pull {root}",
            context=first.hex,
        )

    def approve(self, root: str, plan: CheckoutPlan) -> Approved:
        """Returns the plan as one that may be carried out.

        Raises UnsavedDataError where both sides changed something, or where bytes would
        go that are not saved: a plan made with ``force`` is approved once they are, see
        :meth:`save`.
        """
        self.refuse_conflicts(root, plan)
        # asked again: whoever forces has saved them since the plan was made
        unsaved = self.cache.missing({entry.hex for _, entry in plan.unsaved})
        if unsaved:
            lost = [path for path, entry in plan.unsaved if entry.hex in unsaved]
            raise UnsavedDataError(
                f"{root}: left as it is, since these bytes are nowhere else: {_named(lost)}"
            )
        return Approved(plan)

    def refuse_conflicts(self, root: str, plan: CheckoutPlan) -> None:
        """Raises UnsavedDataError where both sides changed something."""
        if plan.conflicts:
            raise UnsavedDataError(
                f"{root}: left as it is, since unsaved changes would be lost: {_named(plan.conflicts)}",
                hint=f"`mltrack add {root}` records them; "
                f"`mltrack checkout --force {root}` replaces them (and keeps a copy "
                "in the cache)",
            )

    def carry_out(
        self,
        root: str,
        wanted: Content | None,
        approved: Approved,
        report: Report,
        owner: str = "",
    ) -> list[bytes]:
        """Does what the plan says; returns the paths of files that were edited since it
        was made, and left.

        ``owner`` is the target that ``root`` is a part of, if it is. What was
        materialised is noted as the part that it is.
        """
        # of a root that was deleted as a whole nothing is here as noted
        was_there = os.path.lexists(os.path.join(self.project_path, owner or root))
        before = self.last.get(owner or root) if was_there else None
        kept = self.put(root, approved, report)
        content = self._without(
            root,
            wanted,
            (*approved.plan.absent, *kept),
            self.last.get(root) if was_there else None,
        )
        if not owner:
            # after the files: noted first, a kill would make the old ones look like
            # changes of the person's own
            self.last.set(root, content)
            return kept
        inner = os.fsencode(root[len(owner) + 1 :])
        entry = content and Entry(
            inner.rpartition(b"/")[2],
            LETTERS.get(content.kind, tree.DIRECTORY),
            content.hex,
            content.size,
        )
        self._note_parts(owner, before, {inner: entry})
        return kept

    def _without(
        self,
        root: str,
        wanted: Content | None,
        absent: Iterable[bytes],
        before: Content | None,
    ) -> Content | None:
        """What stands at a root where some paths of what was wanted were left as they
        were.
        """
        left = list(absent)
        if not left or wanted is None:
            return wanted
        if wanted.kind != TREE or os.fsencode(root) in left:
            return before
        start = len(os.fsencode(root)) + 1
        former = (
            (self.comparison.materialised(root, before, left) or {})
            if before is not None
            else {}
        )
        return self._edited(wanted, {path[start:]: former.get(path) for path in left})

    def note_parts(self, owner: str, changes: Mapping[bytes, Entry | None]) -> None:
        """Notes what of a target was put there, or no longer counts as put there."""
        self._note_parts(owner, self.last.get(owner), changes)

    def _note_parts(
        self,
        owner: str,
        before: Content | None,
        changes: Mapping[bytes, Entry | None],
    ) -> None:
        self.last.set(owner, self._edited(before, changes))

    def _edited(
        self, before: Content | None, changes: Mapping[bytes, Entry | None]
    ) -> Content | None:
        """A directory with changed entries; one whose listings are gone counts as none."""
        new_writer = partial(CacheWriter, self.cache)
        base = before if before is not None and before.kind == TREE else None
        try:
            return edit(self.cache, new_writer, base, changes)
        except MissingObjectError:
            return edit(self.cache, new_writer, None, changes)

    def bring(self, root: str, wanted: Content) -> None:
        """Plans, approves and carries out, for what replaces nothing that only the
        workspace has. Raises UnsavedDataError if it would.
        """
        self.carry_out(
            root, wanted, self.approve(root, self.plan(root, wanted)), no_progress
        )

    def put(self, root: str, approved: Approved, report: Report) -> list[bytes]:
        """Does what the plan says, without noting it as what the pointer or lock
        wanted: it stays a change of one's own. Returns the paths of files that were
        edited since the plan was made, and left.
        """
        return self._put(root, approved.plan, report)

    def _put(self, root: str, plan: CheckoutPlan, report: Report) -> list[bytes]:
        kept: list[bytes] = []
        if plan.whole is not None:
            self.create(root, plan.whole, report)
        elif plan.operations:
            kept = self._apply(root, plan.operations, report)
            self.observer.forget([root])
        return kept

    def _apply(
        self, root: str, operations: list[Operation], report: Report
    ) -> list[bytes]:
        seen = self._stamps_seen(root)
        return apply(self.workspace, os.fsencode(root), operations, report, seen)

    def _stamps_seen(self, root: str) -> Seen:
        """What tells the stamps that the plan's files had: those of the last look at
        the root.
        """
        snapshot = self.observer.seen(root)
        start = len(os.fsencode(root)) + 1
        rows: dict[bytes, dict[bytes, bytes]] = {}

        def seen(path: bytes) -> bytes | None:
            if snapshot is None:
                return None
            directory, _, name = path[start:].rpartition(b"/")
            if directory not in rows:
                block = snapshot.blocks.get(directory)
                rows[directory] = (
                    {one: row[0] for one, row in block.rows().items()}
                    if block is not None
                    else {}
                )
            return rows[directory].get(name)

        return seen

    def create(self, root: str, whole: Whole, report: Report) -> None:
        """Makes a directory where nothing stands, in one piece where its file system
        allows that.
        """
        path = os.fsencode(root)
        try:
            snapshot = fresh.create(self.workspace, path, whole, report)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            snapshot = None
            # the directory lies on another file system than what is built aside
            operations = [
                Operation(change.path, change.new, None)
                for change in self.comparison.changes(root, None, whole.content)
            ]
            self._apply(root, operations, report)
        # in this order: forgetting would take what is learned with it
        self.observer.forget([root])
        if snapshot is not None:
            self.observer.learn(root, snapshot)

    def relink(self, root: str, wanted: Content, report: Report) -> int:
        """Makes each file at ``root`` that is as wanted anew, in the way that the
        cache's links ask for; returns how many. Where that is a link, objects that lie
        in packs become files of their own first.
        """
        snapshot = self.observer.tracked(root)
        # a file is made anew only from its object: it may be the only copy
        if (
            snapshot is None
            or not snapshot.content.same_bytes(wanted)
            or not self.cache.holds(wanted)
        ):
            return 0
        path = os.fsencode(root)
        leaf = leaf_of(path, wanted)
        found = (
            [(path, leaf)]
            if leaf
            else leaves(wanted.hex, self.cache.read_tree, path + b"/")
        )
        operations = [
            Operation(at, entry, entry)
            for at, entry in found
            if entry.kind in (tree.FILE, tree.EXEC)
        ]
        if self.cache.linking:
            with CacheWriter(self.cache) as writer:
                # no executables: the links of one object share its mode
                writer.unpack(
                    {
                        op.replaced.hex
                        for op in operations
                        if op.replaced and op.replaced.kind == tree.FILE
                    }
                )
                writer.publish()
        kept = self._apply(root, operations, report)
        self.observer.forget([root])
        return len(operations) - len(kept)

    def clear(self, root: str) -> None:
        """Removes what stands at ``root``, saved or not; what ``.mltrackignore`` names
        stays, and so do its directories.
        """
        self._put(root, self.plan(root, None, force=True), no_progress)

    def save(self, root: str) -> Content | None:
        """Saves what stands at ``root`` to the cache, durably, and returns it."""
        with CacheWriter(self.cache) as writer:
            snapshot = self.observer.tracked(root, Saving(writer, self.cache.algorithm))
            writer.finish()
        return snapshot.content if snapshot is not None else None


def _named(paths: list[bytes]) -> str:
    """The first few of some paths, and how many more there are."""
    more = f" and {len(paths) - MAX_NAMED} more" if len(paths) > MAX_NAMED else ""
    return (
        ", ".join(path.decode("utf-8", "surrogateescape") for path in paths[:MAX_NAMED])
        + more
    )


def no_progress(done: int, total: int) -> None:
    """The reader of progress that nobody listens to."""
