"""The stat index: what each file's digest was when its stamps were so. Columns per
directory, one file per root.

A directory in which nothing changed is recognised by comparing bytes; only where they
differ are rows looked at. The index is always safe to delete. A row whose stamps are
too young to be trusted is kept with empty stamps: it never matches, so the file is
hashed again.
"""

import os
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.objects.digest import XXH3, Algorithm
from mltrack.objects.tree import DIRECTORY, Entry

MAGIC = b"MLTSTAT1"
# bytes: some sixty million files
MAX_BYTES = 4 << 30
STAMPS = struct.Struct("<qqqQH")
"""size, mtime_ns, ctime_ns, inode, kind and exec bit"""
# no file is of kind 0, so this matches none
NEVER = bytes(STAMPS.size)
_BLOCK = struct.Struct("<IIIIqq")
# nanoseconds: more than a tick of the kernel's clock; FAT keeps even seconds
_FINE_NS, _COARSE_NS = 20_000_000, 2_000_000_000


def stamps(state: os.stat_result) -> bytes:
    """Returns what must match for a file to count as unchanged."""
    return STAMPS.pack(
        state.st_size,
        state.st_mtime_ns,
        state.st_ctime_ns,
        state.st_ino,
        _kind_of(state),
    )


def stamps_of(states: Sequence[os.stat_result]) -> bytes:
    """Returns the column of many files' stamps: those of :func:`stamps`, packed at
    once.
    """
    flat: list[int] = []
    extend = flat.extend
    for state in states:
        mode = state.st_mode
        extend(
            (
                state.st_size,
                state.st_mtime_ns,
                state.st_ctime_ns,
                state.st_ino,
                mode & 0o170000 | mode & 0o100,
            )
        )
    # at once: a call for each file showed in the time of a status
    return struct.pack("<" + "qqqQH" * len(states), *flat)


def _kind_of(state: os.stat_result) -> int:
    # the owner's x bit is all of the mode that a tree keeps
    return (state.st_mode & 0o170000) | (state.st_mode & 0o100)


def is_trustworthy(state: os.stat_result, opened_ns: int) -> bool:
    """Returns whether stamps taken when the file was opened at ``opened_ns`` will tell
    a later change.

    Both times must be older than the clock's grain: a write in the same grain leaves
    the same stamps.
    """
    limit = opened_ns - (_COARSE_NS if has_coarse_stamps(state) else _FINE_NS)
    return state.st_mtime_ns < limit and state.st_ctime_ns < limit


def without_ctime(state: os.stat_result) -> bytes:
    """Returns stamps that never match as they are: only by the rule for files that are
    links to the cache.
    """
    return STAMPS.pack(
        state.st_size, state.st_mtime_ns, 0, state.st_ino, _kind_of(state)
    )


def differs_in_ctime_only(column: bytes, state: os.stat_result) -> bool:
    """Returns whether a row's stamps are those of a file but for the change time, which
    every new hard link moves.
    """
    size, mtime, _, inode, kind = STAMPS.unpack(column)
    return (size, mtime, inode, kind) == (
        state.st_size,
        state.st_mtime_ns,
        state.st_ino,
        _kind_of(state),
    )


def has_coarse_stamps(state: os.stat_result) -> bool:
    """Returns whether the file system seems to keep whole seconds only."""
    return (
        state.st_mtime_ns % 1_000_000_000 == 0
        and state.st_ctime_ns % 1_000_000_000 == 0
    )


def settle(youngest_ns: int) -> None:
    """Waits until the clock has left the grain of the youngest change: whoever writes
    later leaves other stamps.
    """
    rest = youngest_ns + _FINE_NS - time.time_ns()
    # never longer: a stamp from the future must not hold this up
    if 0 < rest <= _FINE_NS:
        time.sleep(rest / 1e9)


@dataclass(slots=True)
class Block:
    """One directory: columns of its files and links, sorted by name, and the names of
    its subdirectories.
    """

    names: list[bytes] = field(default_factory=list)
    stamps: bytes = b""
    kinds: str = ""
    hexes: list[str] = field(default_factory=list)
    directories: list[bytes] = field(default_factory=list)
    tree_hex: str = ""
    size: int = 0
    files: int = 0

    def rows(self) -> dict[bytes, tuple[bytes, str, str]]:
        """Returns ``(stamps, kind, hex)`` by name."""
        width = STAMPS.size
        return {
            name: (
                self.stamps[at * width : (at + 1) * width],
                self.kinds[at],
                self.hexes[at],
            )
            for at, name in enumerate(self.names)
        }

    def entries(self) -> Iterator[Entry]:
        for name, kind, hex_digest, (size, *_) in zip(
            self.names,
            self.kinds,
            self.hexes,
            STAMPS.iter_unpack(self.stamps),
            strict=True,
        ):
            yield Entry(name, kind, hex_digest, size)


class Blocks(dict[bytes, Block]):
    """The blocks of one root by directory path; the root's own is at the empty path."""

    def tree_entries(self, path: bytes) -> list[Entry]:
        """Returns the tree entries of a directory, in order of name."""
        block = self[path]
        entries = list(block.entries())
        for name in block.directories:
            below = self[path + b"/" + name if path else name]
            entries.append(Entry(name, DIRECTORY, below.tree_hex, below.size))
        entries.sort()
        return entries


def read(path: str, algorithm: Algorithm) -> Blocks:
    """Returns the blocks in an index file; none if it is missing, damaged, or of
    another version.
    """
    with suppress(OSError, FormatError, struct.error, ValueError, IndexError):
        data = read_bounded(path, MAX_BYTES)
        if (
            data is not None
            and data[:8] == MAGIC
            # it was not synced: a power cut may have taken a part
            and XXH3.hex_of(data[:-16]) == data[-16:].hex()
            and data[8] == algorithm.code
        ):
            return _decode(data, algorithm)
    return Blocks()


def write(path: str, blocks: Blocks, algorithm: Algorithm) -> None:
    """Replaces an index file. It is not made durable: what a power cut takes is
    computed again.
    """
    pieces = [MAGIC, bytes((algorithm.code,))]
    for directory, block in blocks.items():
        names, directories = b"\0".join(block.names), b"\0".join(block.directories)
        pieces += [
            _BLOCK.pack(
                len(directory),
                len(block.names),
                len(names),
                len(directories),
                block.size,
                block.files,
            ),
            directory,
            names,
            directories,
            block.stamps,
            block.kinds.encode(),
            bytes.fromhex("".join(block.hexes)),
            bytes.fromhex(block.tree_hex or "00" * algorithm.raw_size),
        ]
    body = b"".join(pieces)
    make_directories(os.path.dirname(path))
    write_atomic(path, body + bytes.fromhex(XXH3.hex_of(body)), durable=False)


def _decode(data: bytes, algorithm: Algorithm) -> Blocks:
    blocks = Blocks()
    at, end, raw = 9, len(data) - 16, algorithm.raw_size
    while at < end:
        path_size, count, names_size, directories_size, size, files = (
            _BLOCK.unpack_from(data, at)
        )
        at += _BLOCK.size
        sizes = (
            path_size,
            names_size,
            directories_size,
            count * STAMPS.size,
            count,
            count * raw,
            raw,
        )
        path, names, directories, column, kinds, digests, tree_raw = _slices(
            data, at, sizes
        )
        at += sum(sizes)
        text, width = digests.hex(), raw * 2
        blocks[path] = Block(
            names.split(b"\0") if count else [],
            column,
            kinds.decode("ascii"),
            [text[n : n + width] for n in range(0, len(text), width)],
            directories.split(b"\0") if directories_size else [],
            tree_raw.hex(),
            size,
            files,
        )
    return blocks


def _slices(data: bytes, at: int, sizes: tuple[int, ...]) -> Iterator[bytes]:
    for size in sizes:
        yield data[at : at + size]
        at += size
