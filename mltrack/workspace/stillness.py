"""Whether files stood still while a command read them: by their stamps, since equal bytes before and after say nothing of what
stood there in between.

The change time is left out: a new hard link to the same object moves it, and no byte with it.
"""

import os
from typing import NamedTuple

from mltrack.workspace.scan import Snapshot
from mltrack.workspace.stat_index import NEVER, STAMPS, Block, stamps

_WIDTH = STAMPS.size
_UNSTAMPED = NEVER[8:]
"""What follows the size in the row of a file that was too young for its stamps to be trusted."""


class Moment(NamedTuple):
    """The names and stamps of all files at and below a path, by directory."""

    columns: dict[bytes, tuple[tuple[bytes, ...], bytes]]


def moment(full_path: str, snapshot: Snapshot) -> Moment:
    """Returns the stamps of what a snapshot saw; of files whose stamps it did not keep, as they are now."""
    top = os.fsencode(full_path)
    columns = {}
    for directory, block in snapshot.blocks.items():
        here = os.path.join(top, directory) if directory else top
        columns[directory] = tuple(block.names), _stamped(here, block)
    return Moment(columns)


def _stamped(here: bytes, block: Block) -> bytes:
    column = block.stamps
    if _UNSTAMPED not in column:
        return column
    rows = [column[at : at + _WIDTH] for at in range(0, len(column), _WIDTH)]
    for number, name in enumerate(block.names):
        if rows[number][8:] == _UNSTAMPED:
            try:
                rows[number] = stamps(os.lstat(os.path.join(here, name) if name else here))
            except FileNotFoundError:
                continue  # gone since: the look after the run finds it so
    return b"".join(rows)


def stood_still(before: Moment, after: Moment) -> bool:
    """Returns whether each file is the one that it was, and was not written to in between."""
    if before.columns.keys() != after.columns.keys():
        return False
    for directory, (names, column) in before.columns.items():
        now_names, now = after.columns[directory]
        if names != now_names or (column != now and _essence(column) != _essence(now)):
            return False
    return True


def _essence(column: bytes) -> list[tuple[int, int, int, int]]:
    return [(size, mtime, inode, kind) for size, mtime, _, inode, kind in STAMPS.iter_unpack(column)]
