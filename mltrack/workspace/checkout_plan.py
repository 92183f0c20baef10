"""Deciding a checkout: three trees in, the smallest set of operations out. Nothing here
touches the disk.

Last is what was materialised here before, wanted is what should stand here, present is
what does. What changed only by the wanted version is replaced; what changed only here
is left; what both changed is a conflict, and then nothing of the target is touched.
Files that are simply gone are put back: that loses nothing.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from mltrack.objects.content import Content
from mltrack.objects.tree import DIRECTORY, Entry, parents
from mltrack.objects.tree_diff import Change


class Operation(NamedTuple):
    """Makes ``path`` be ``entry``, or nothing if that is None. ``replaced`` is what
    stands there now.
    """

    path: bytes
    entry: Entry | None
    replaced: Entry | None


class Whole(NamedTuple):
    """A directory that is to be created where nothing stands: its trees by digest, each
    read once, and how many files are below each.
    """

    content: Content
    trees: dict[str, list[Entry]]
    files: dict[str, int]


class CheckoutPlan(NamedTuple):
    """What to do, what is left because only the workspace changed it, and where both
    sides changed.

    With ``whole`` there are no operations: the directory is made in one piece.

    ``unsaved`` are the entries that go by ``force`` alone: changes of the person's own,
    or bytes that the cache lacks. They are saved, and noted for ``undo``, first.
    ``absent`` are paths that are left as they are since the cache lacks what should
    stand there. ``unkept`` are entries that match what was recorded and whose bytes the
    cache lacks, after `drop` for one: no work is lost with them, but their bytes must
    be somewhere.
    """

    operations: list[Operation]
    kept: list[bytes]
    conflicts: list[bytes]
    unsaved: list[tuple[bytes, Entry]]
    whole: Whole | None = None
    absent: tuple[bytes, ...] = ()
    unkept: tuple[Entry, ...] = ()

    @property
    def written(self) -> int:
        """How many files are created or replaced."""
        if self.whole is not None:
            return self.whole.content.files
        return sum(1 for operation in self.operations if operation.entry is not None)

    @property
    def removed(self) -> int:
        return sum(1 for operation in self.operations if operation.entry is None)


class Approved(NamedTuple):
    """A plan that may be carried out, since nothing that only the workspace has is lost by it. Made by
    :meth:`mltrack.workspace.checkout.Checkout.approve` alone, which refuses every other.
    """

    plan: CheckoutPlan


def decide(
    changes: Iterable[Change],
    last: dict[bytes, Entry] | None,
    is_saved: Callable[[set[str]], set[str]],
    *,
    force: bool,
) -> CheckoutPlan:
    """Returns the plan for one target.

    ``changes`` lead from present to wanted. ``last`` holds the entries that were
    materialised at the changed paths; None if that is not known: then whatever the
    cache lacks counts as unsaved. ``is_saved`` returns which of some digests the cache
    holds.
    """
    ordered = list(changes)
    saved = is_saved(
        {
            change.old.hex
            for change in ordered
            if change.old is not None and change.old.kind != DIRECTORY
        }
    )
    operations: list[Operation] = []
    kept: list[bytes] = []
    conflicts: list[bytes] = []
    unsaved: list[tuple[bytes, Entry]] = []
    unkept: list[Entry] = []
    for path, old, new in ordered:
        # nothing there, or an empty directory: no bytes to lose
        if old is None or old.kind == DIRECTORY:
            operations.append(Operation(path, new, old))
            continue
        is_safe = old.hex in saved
        changed_here, wanted_moved = _who_changed(path, old, new, last, is_safe=is_safe)
        if force:
            operations.append(Operation(path, new, old))
            unsaved += [(path, old)] if changed_here or not is_safe else []
        elif changed_here and not wanted_moved:
            kept.append(path)
        elif changed_here:
            conflicts.append(path)
        else:
            operations.append(Operation(path, new, old))
            unkept += [] if is_safe else [old]
    return _without_collisions(
        CheckoutPlan(operations, kept, conflicts, unsaved, unkept=tuple(unkept))
    )


def _who_changed(
    path: bytes,
    old: Entry,
    new: Entry | None,
    last: dict[bytes, Entry] | None,
    *,
    is_safe: bool,
) -> tuple[bool, bool]:
    """Whether the person changed what stands at a path, and whether another version is
    wanted there than before.
    """
    if last is None:
        # nobody knows what was put here: where nothing is wanted it is the person's,
        # wherever else its bytes are
        return not is_safe or new is None, new is not None
    before = last.get(path)
    if before is not None and before.kind == DIRECTORY:
        before = None  # of what was in it its own paths tell: this file is new here
    return not _same(old, before), not _same(new, before)


def _without_collisions(plan: CheckoutPlan) -> CheckoutPlan:
    """A file that is left cannot stand where a directory is wanted, nor inside what
    becomes a file.
    """
    if not plan.kept:
        return plan
    written = {
        operation.path for operation in plan.operations if operation.entry is not None
    }
    needed = {parent for path in written for parent in parents(path)}
    colliding = [
        path
        for path in plan.kept
        if path in needed or any(parent in written for parent in parents(path))
    ]
    return plan._replace(
        conflicts=plan.conflicts + colliding,
        kept=[path for path in plan.kept if path not in colliding],
    )


def _same(a: Entry | None, b: Entry | None) -> bool:
    return (a and (a.kind, a.hex)) == (b and (b.kind, b.hex))
