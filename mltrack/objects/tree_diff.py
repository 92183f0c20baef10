"""Differences and merges of trees, read branch by branch: subtrees with equal digests
are never opened.

``load`` maps a tree's digest to its entries; these functions touch nothing else. Walks
are iterative and bounded, since a forged tree may be deep.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mltrack.errors import FormatError
from mltrack.objects.tree import DIRECTORY, MAX_DEPTH, Entry
from mltrack.objects.tree_walk import Load, leaves

# of directories that both sides changed; the one recursive walk here
# two frames a level, of the 1,000 that Python allows
MAX_MERGE_DEPTH = 400


class Change(NamedTuple):
    """A path whose leaf differs; ``old`` or ``new`` is None where there is none. An
    empty directory is a leaf.
    """

    path: bytes
    old: Entry | None
    new: Entry | None


class Conflict(NamedTuple):
    """A path that both sides changed differently."""

    path: bytes


LoadBoth = Callable[[str, str], tuple[list[Entry], list[Entry]]]
"""Takes two trees' digests; returns their entries, where those that are equal in both
may be left out. Neither is empty unless its tree is.
"""


def diff(
    old: str | None,
    new: str | None,
    load: Load,
    prefix: bytes = b"",
    load_both: LoadBoth | None = None,
) -> Iterator[Change]:
    """Yields the leaves that differ between two trees; None stands for no tree at all.
    With ``load_both`` a large directory costs what differs in it.
    """
    pending: list[tuple[bytes, str | None, str | None, int]] = [(prefix, old, new, 0)]
    while pending:
        at, old_hex, new_hex, depth = pending.pop()
        # what makes a comparison cost what changed, not what there is
        if old_hex == new_hex:
            continue
        if depth > MAX_DEPTH:
            raise FormatError(f"tree is deeper than {MAX_DEPTH} levels at {at[:120]!r}")
        before, after = (
            {entry.name: entry for entry in entries}
            for entries in _entries(old_hex, new_hex, load, load_both)
        )
        yield from _directory_change(
            at, old_hex, new_hex, empty_before=not before, empty_after=not after
        )
        for name in sorted(before.keys() | after.keys()):
            a, b = before.get(name), after.get(name)
            # the size follows from the digest, and of a forged entry says nothing
            if a is not None and b is not None and (a.kind, a.hex) == (b.kind, b.hex):
                continue
            a_tree = a.hex if a is not None and a.kind == DIRECTORY else None
            b_tree = b.hex if b is not None and b.kind == DIRECTORY else None
            if a_tree or b_tree:
                pending.append((at + name + b"/", a_tree, b_tree, depth + 1))
            a_leaf = None if a_tree else a
            b_leaf = None if b_tree else b
            if a_leaf is not None or b_leaf is not None:
                yield Change(at + name, a_leaf, b_leaf)


def _entries(
    old: str | None, new: str | None, load: Load, load_both: LoadBoth | None
) -> tuple[list[Entry], list[Entry]]:
    if old and new and load_both is not None:
        return load_both(old, new)
    return load(old) if old else [], load(new) if new else []


def _directory_change(
    at: bytes,
    old_hex: str | None,
    new_hex: str | None,
    *,
    empty_before: bool,
    empty_after: bool,
) -> Iterator[Change]:
    """An empty directory is a leaf of its own: it appears, or stops being one."""
    # without a prefix the root has no name under which it could be told
    if not at:
        return
    name = at[:-1].rsplit(b"/", 1)[-1]
    was = Entry(name, DIRECTORY, old_hex, 0) if old_hex and empty_before else None
    now = Entry(name, DIRECTORY, new_hex, 0) if new_hex and empty_after else None
    if was or now:
        yield Change(at[:-1], was, now)


class Merged(NamedTuple):
    """The merged leaves of changed directories as trees, and the paths on which both
    sides disagree.
    """

    hex: str
    size: int
    files: int
    conflicts: list[Conflict]


Write = Callable[[list[Entry]], str]


def merge(base: str | None, ours: str, theirs: str, load: Load, write: Write) -> Merged:
    """Returns the three-way merge of two trees; ``write`` stores a tree and returns its
    digest.

    A path changed on one side takes that side; changed equally on both, either; changed
    differently, it is a conflict and keeps ours in the result. ``files`` is counted
    over the whole merged tree.
    """
    merging = _Merging(load, write)
    if base is not None and base == theirs:
        return _merged(ours, [], load)
    if base is not None and base == ours:
        return _merged(theirs, [], load)
    root = merging.merge(b"", base, ours, theirs, 0)
    return _merged(root, merging.conflicts, load)


class _Merging:
    """One merge under way, and the conflicts that it met."""

    def __init__(self, load: Load, write: Write) -> None:
        self._load = load
        self._write = write
        self.conflicts: list[Conflict] = []

    def merge(
        self,
        at: bytes,
        base: str | None,
        ours: str | None,
        theirs: str | None,
        depth: int,
    ) -> str:
        """Merges one directory; None is one that is not there, and holds nothing.
        Returns the digest of the result.
        """
        if depth > MAX_MERGE_DEPTH:
            raise FormatError(
                f"both sides changed a tree below {MAX_MERGE_DEPTH} levels, at "
                f"{at[:120]!r}"
            )
        if ours is not None and ours == theirs:
            return ours
        before, mine, other = (self._by_name(item) for item in (base, ours, theirs))
        result: list[Entry] = []
        for name in sorted(mine.keys() | other.keys()):
            b, o, t = before.get(name), mine.get(name), other.get(name)
            chosen = _choose(b, o, t)
            if chosen is _DISAGREE:
                chosen = self._reconcile(at + name, b, o, t, depth)
            if chosen is not None:
                result.append(chosen)
        return self._write([self._sized(entry) for entry in result])

    def _reconcile(
        self,
        path: bytes,
        base: Entry | None,
        ours: Entry | None,
        theirs: Entry | None,
        depth: int,
    ) -> Entry | None:
        """What becomes of a path that both sides changed differently: of directories a
        merge, of anything else ours.
        """
        if {entry.kind for entry in (ours, theirs) if entry is not None} != {DIRECTORY}:
            self.conflicts.append(Conflict(path))
            return ours
        # they disagree about what is in it; one that a side took away holds nothing
        # there any more
        merged = self.merge(
            path + b"/", _tree_hex(base), _tree_hex(ours), _tree_hex(theirs), depth + 1
        )
        # where a side has no such directory, one in which nothing is left goes
        is_left = (ours is not None and theirs is not None) or bool(self._load(merged))
        return (
            Entry(path.rpartition(b"/")[2], DIRECTORY, merged, 0) if is_left else None
        )

    def _by_name(self, hex_digest: str | None) -> dict[bytes, Entry]:
        return (
            {entry.name: entry for entry in self._load(hex_digest)}
            if hex_digest is not None
            else {}
        )

    def _sized(self, entry: Entry) -> Entry:
        """An entry with its size, which of a directory is the sum below it."""
        if entry.kind != DIRECTORY:
            return entry
        return entry._replace(size=sum(below.size for below in self._load(entry.hex)))


def _merged(root: str, conflicts: list[Conflict], load: Load) -> Merged:
    files = size = 0
    for _, entry in leaves(root, load):
        if entry.kind != DIRECTORY:
            files += 1
            size += entry.size
    return Merged(root, size, files, conflicts)


def _tree_hex(entry: Entry | None) -> str | None:
    return entry.hex if entry is not None and entry.kind == DIRECTORY else None


# compared by identity: None says already that nothing is to stand there
_DISAGREE = Entry(b"", "", "", -1)


def _choose(
    base: Entry | None, ours: Entry | None, theirs: Entry | None
) -> Entry | None:
    key_base, key_ours, key_theirs = _key(base), _key(ours), _key(theirs)
    # by kind and digest: sizes of directories that were merged are summed anew later
    if key_ours == key_theirs or key_theirs == key_base:
        return ours
    if key_ours == key_base:
        return theirs
    return _DISAGREE


def _key(entry: Entry | None) -> tuple[str, str] | None:
    return (entry.kind, entry.hex) if entry is not None else None
