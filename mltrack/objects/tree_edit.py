"""Changes to trees, path by path: only the directories on the way to a change are
opened and written again.

``load`` maps a tree's digest to its entries, ``write`` stores a tree and returns its
digest. Walks are iterative, since directories may be deep.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from mltrack.objects.tree import DIRECTORY, Entry, parents
from mltrack.objects.tree_walk import Load, extent

Write = Callable[[list[Entry]], str]


class Edited(NamedTuple):
    """A tree and the sum of sizes below it."""

    hex: str
    size: int


def edited(
    root: str | None, changes: Mapping[bytes, Entry | None], load: Load, write: Write
) -> Edited | None:
    """Returns the tree with these entries at these paths, or without what stands there
    for None.

    An entry may be a whole directory. A directory that holds nothing afterwards, and
    did before, goes. None for ``root`` is a tree that is not there yet, and as the
    result one in which nothing is left. No path may lie below another. A file makes way
    for a directory that is needed in its place, and stays where only something below it
    was to go.
    """
    levels: dict[bytes, dict[bytes, Entry]] = {}
    touched: set[bytes] = set()
    for path in changes:
        touched.update((b"", *parents(path)))
    # by depth: a directory's entry is found in its parent's, which is opened before
    for directory in sorted(
        touched, key=lambda path: (path.count(b"/") + bool(path), path)
    ):
        levels[directory] = {
            entry.name: entry for entry in _entries(directory, root, levels, load)
        }
    for path, entry in changes.items():
        above, _, name = path.rpartition(b"/")
        levels[above].pop(name, None)
        if entry is not None:
            levels[above][name] = entry._replace(name=name)
    result: Edited | None = None
    # deepest first
    for directory in sorted(
        touched, key=lambda path: path.count(b"/") + bool(path), reverse=True
    ):
        entries = list(levels[directory].values())
        result = (
            Edited(write(entries), sum(entry.size for entry in entries))
            if entries
            else None
        )
        if not directory:
            break
        above, _, name = directory.rpartition(b"/")
        before = levels[above].get(name)
        if result is not None:
            levels[above][name] = Entry(name, DIRECTORY, result.hex, result.size)
        elif before is not None and before.kind == DIRECTORY:
            # not a file in its place: only something below it was to go
            del levels[above][name]
    return result


def _entries(
    directory: bytes,
    root: str | None,
    levels: Mapping[bytes, dict[bytes, Entry]],
    load: Load,
) -> list[Entry]:
    """The entries of a directory whose parent was opened already; none where no
    directory stands there.
    """
    if not directory:
        return load(root) if root is not None else []
    above, _, name = directory.rpartition(b"/")
    entry = levels[above].get(name)
    return load(entry.hex) if entry is not None and entry.kind == DIRECTORY else []


class NeverHere(NamedTuple):
    """What a recorded directory holds besides what stands there and what was ever put
    there: entries by path, whole directories as one. ``known`` counts the files of the
    recorded directory that are not among these.
    """

    entries: dict[bytes, Entry]
    known: int


def never_here(
    present: str | None, recorded: str, last: str | None, load: Load
) -> NeverHere:
    """Returns the entries of ``recorded`` that neither stand in ``present`` nor stood
    in ``last``, which is what was materialised: what was never brought is not what
    someone deleted.
    """
    entries: dict[bytes, Entry] = {}
    known = 0
    pending: list[tuple[bytes, str | None, str, str | None]] = [
        (b"", present, recorded, last)
    ]
    while pending:
        at, present_hex, recorded_hex, last_hex = pending.pop()
        here = dict(_by_name(present_hex, load))
        before = dict(_by_name(last_hex, load))
        for name, entry in _by_name(recorded_hex, load):
            now, then = here.get(name), before.get(name)
            if now is None and then is None:
                entries[at + name] = entry
            elif entry.kind != DIRECTORY:
                known += 1
            elif now is not None and now.kind != DIRECTORY:
                # someone put a file in its place: all that it held was here
                known += extent(entry.hex, load)
            else:
                pending.append(
                    (at + name + b"/", now and now.hex, entry.hex, _tree_of(then))
                )
    return NeverHere(entries, known)


def _by_name(hex_digest: str | None, load: Load) -> Iterator[tuple[bytes, Entry]]:
    return (
        ((entry.name, entry) for entry in load(hex_digest))
        if hex_digest is not None
        else iter(())
    )


def _tree_of(entry: Entry | None) -> str | None:
    return entry.hex if entry is not None and entry.kind == DIRECTORY else None
