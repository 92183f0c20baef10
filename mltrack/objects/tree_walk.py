"""Walks through trees: the entry at a path, every tree once, everything below, the
leaves with their paths, how many.

``load`` maps a tree's digest to its entries in order of name; these functions touch
nothing else. Walks are iterative and bounded, since a forged tree may be deep, or name
the same one many times.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

from mltrack.errors import FormatError
from mltrack.objects.tree import DIRECTORY, MAX_DEPTH, Entry

# files, links and directories: far above any data set
MAX_ENTRIES = 50_000_000

Load = Callable[[str], list[Entry]]
_name = attrgetter("name")


def entry_at(root: str, path: bytes, load: Load) -> Entry | None:
    """Returns what a tree has at a path, or None; opens only the trees on the way."""
    hex_digest, found = root, None
    for name in path.split(b"/"):
        if found is not None and found.kind != DIRECTORY:
            return None
        entries = load(hex_digest)
        at = bisect_left(entries, name, key=_name)
        if at == len(entries) or entries[at].name != name:
            return None
        found = entries[at]
        hex_digest = found.hex
    return found


def each_once(
    roots: Iterable[str],
    load: Callable[[str], list[Entry] | None],
    seen: set[str] | None = None,
) -> Iterator[tuple[str, list[Entry] | None]]:
    """Yields every tree at and below some roots with its entries, each one once, and
    after a tree that names it.

    Where ``load`` has none for a tree it is yielded with None, and nothing below it is
    known. Trees in ``seen`` are passed over with all below them; those that are yielded
    are added to it.
    """
    known = set() if seen is None else seen
    # a list, not recursion: a forged tree may be deeper than Python calls
    pending = list(dict.fromkeys(roots))
    while pending:
        hex_digest = pending.pop()
        # equal directories are one object: a hundred copies are walked once
        if hex_digest in known:
            continue
        known.add(hex_digest)
        entries = load(hex_digest)
        yield hex_digest, entries
        for entry in entries or ():
            if entry.kind == DIRECTORY and entry.hex not in known:
                pending.append(entry.hex)


class Below(NamedTuple):
    """Everything at and below some roots: the trees that could be opened, each after
    one that names it; the files and links that they name, with their sizes; and the
    trees that could not, below which there may be more.
    """

    trees: list[str]
    files: dict[str, int]
    unopened: set[str]


def below(roots: Iterable[str], load: Callable[[str], list[Entry] | None]) -> Below:
    """Returns what lies at and below some roots; ``load`` has None for a tree that
    cannot be opened.
    """
    found = Below([], {}, set())
    for hex_digest, entries in each_once(roots, load):
        if entries is None:
            found.unopened.add(hex_digest)
            continue
        found.trees.append(hex_digest)
        found.files.update(
            (entry.hex, entry.size) for entry in entries if entry.kind != DIRECTORY
        )
    return found


def leaves(
    hex_digest: str, load: Load, prefix: bytes = b""
) -> Iterator[tuple[bytes, Entry]]:
    """Yields ``(path, entry)`` of each file, link and empty directory below a tree, in
    sorted order per directory.

    Raises FormatError once it has met more than ``MAX_ENTRIES``.
    """
    met = 0
    pending: list[tuple[bytes, str, int]] = [(prefix, hex_digest, 0)]
    while pending:
        at, digest, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise FormatError(f"tree is deeper than {MAX_DEPTH} levels at {at[:120]!r}")
        entries = load(digest)
        met += len(entries)
        _check_number(met)
        if not entries and at:
            # an empty directory has to be made too, and no file below it says so
            yield at[:-1], Entry(at[:-1].rsplit(b"/", 1)[-1], DIRECTORY, digest, 0)
        for entry in entries:
            if entry.kind == DIRECTORY:
                pending.append((at + entry.name + b"/", entry.hex, depth + 1))
            else:
                yield at + entry.name, entry


def extent(hex_digest: str, load: Load) -> int:
    """Returns how many files and links are below a tree; see :func:`extents`."""
    return extents(hex_digest, load)[hex_digest]


def extents(hex_digest: str, load: Load) -> dict[str, int]:
    """Returns how many files and links are below a tree and below each tree in it,
    opening each distinct one once.

    Raises FormatError for more than ``MAX_ENTRIES``: a few forged trees can name each
    other's children to any number.
    """
    counts: dict[str, int] = {}
    # with directories: empty ones have to be made, too, and no file is below them
    entries_below: dict[str, int] = {}
    pending: list[tuple[str, int]] = [(hex_digest, 0)]
    while pending:
        # left on the list until what is below it is counted
        digest, depth = pending[-1]
        if digest in counts:
            pending.pop()
            continue
        if depth > MAX_DEPTH:
            raise FormatError(f"tree is deeper than {MAX_DEPTH} levels")
        entries = load(digest)
        below = [entry.hex for entry in entries if entry.kind == DIRECTORY]
        # no cycle ends here but by depth: with XXH3 one can be forged
        unknown = [item for item in dict.fromkeys(below) if item not in counts]
        if unknown:
            pending += [(item, depth + 1) for item in unknown]
            continue
        counts[digest] = len(entries) - len(below) + sum(counts[item] for item in below)
        entries_below[digest] = len(entries) + sum(
            entries_below[item] for item in below
        )
        _check_number(entries_below[digest])
        pending.pop()
    return counts


def _check_number(entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise FormatError(
            f"tree holds more than {MAX_ENTRIES:,} files and directories: it was forged"
        )
