"""Whether files stood still while a command read them: by their stamps, since equal
bytes before and after say nothing of what stood there in between.

The change time tells of a file that was put back with its old modification time. Of a
file with several links it is left out: a new hard link to the same object moves it, and
no byte with it.
"""

import os
from typing import NamedTuple

from mltrack.workspace.scan import Snapshot
from mltrack.workspace.stat_index import NEVER, STAMPS, Block, stamps

_WIDTH = STAMPS.size
_UNSTAMPED = NEVER[8:]
"""What follows the size in the row of a file that was too young for its stamps to be
trusted.
"""


class Moment(NamedTuple):
    """The names and stamps of all files at and below a path, by directory."""

    top: bytes
    columns: dict[bytes, tuple[tuple[bytes, ...], bytes]]


def moment(full_path: str, snapshot: Snapshot) -> Moment:
    """Returns the stamps of what a snapshot saw; of files whose stamps it did not keep,
    as they are now.
    """
    top = os.fsencode(full_path)
    columns = {}
    for directory, block in snapshot.blocks.items():
        here = os.path.join(top, directory) if directory else top
        columns[directory] = tuple(block.names), _stamped(here, block)
    return Moment(top, columns)


def _stamped(here: bytes, block: Block) -> bytes:
    column = block.stamps
    # nearly always: only files of the last moment have none
    if _UNSTAMPED not in column:
        return column
    rows = [column[at : at + _WIDTH] for at in range(0, len(column), _WIDTH)]
    for number, name in enumerate(block.names):
        if rows[number][8:] == _UNSTAMPED:
            try:
                rows[number] = stamps(
                    os.lstat(os.path.join(here, name) if name else here)
                )
            except FileNotFoundError:
                continue  # gone since: the look after the run finds it so
    return b"".join(rows)


def stood_still(before: Moment, after: Moment) -> bool:
    """Returns whether each file is the one that it was, and was not written to in
    between.
    """
    if before.columns.keys() != after.columns.keys():
        return False
    for directory, (names, column) in before.columns.items():
        now_names, now = after.columns[directory]
        if names != now_names:
            return False
        # as bytes: rows are looked at only where something differs
        if column != now:
            here = os.path.join(after.top, directory) if directory else after.top
            rows = zip(
                names, STAMPS.iter_unpack(column), STAMPS.iter_unpack(now), strict=True
            )
            if any(
                was != is_now and not _was_only_linked(here, name, was, is_now)
                for name, was, is_now in rows
            ):
                return False
    return True


def _was_only_linked(
    here: bytes, name: bytes, was: tuple[int, ...], is_now: tuple[int, ...]
) -> bool:
    """Whether a file differs by its change time alone, and has other links that may
    have moved it.
    """
    size, mtime, _, inode, kind = was
    if (size, mtime, inode, kind) != (is_now[0], is_now[1], *is_now[3:]):
        return False
    try:
        return os.lstat(os.path.join(here, name) if name else here).st_nlink > 1
    except FileNotFoundError:
        return False
