"""Which objects that are files of their own were seen whole, by stamp: links hand the
object itself to the person, so it is compared with its digest before, unless it is
known to be what was compared.

A file of lines that are only appended, in the cache; safe to delete. The change time
does not count: each link moves it.
"""

import os
from contextlib import suppress

from mltrack.disk.durable import opened, read_bounded, share_like_parent, write_all
from mltrack.errors import FormatError

_NAME = "verified"
# bytes: notes on some three million objects
_MAX_BYTES = 256 << 20
_TOGETHER = 256
"""So many notes on small objects are written at once; the last of them may be lost,
which costs a look at their bytes.
"""
# bytes: to read them again costs more than to write a line
_WORTH_A_WRITE = 1 << 20
Stamp = tuple[int, int, int]


def stamp(state: os.stat_result) -> Stamp:
    """Returns what must match for an object to be the file that was compared: size,
    time of last write, inode.
    """
    return state.st_size, state.st_mtime_ns, state.st_ino


class Verified:
    """The notes in one cache."""

    def __init__(self, cache_path: str) -> None:
        self._path = os.path.join(cache_path, _NAME)
        self._known: dict[str, Stamp] | None = None
        self._waiting: list[str] = []

    def has(self, hex_digest: str, state: os.stat_result) -> bool:
        return self._read().get(hex_digest) == stamp(state)

    def add(self, hex_digest: str, state: os.stat_result) -> None:
        """Notes an object whose bytes were just compared with its digest."""
        if self.has(hex_digest, state):
            return
        self._read()[hex_digest] = stamp(state)
        self._waiting.append(" ".join((hex_digest, *map(str, stamp(state)))) + "\n")
        if len(self._waiting) >= _TOGETHER or state.st_size >= _WORTH_A_WRITE:
            self._write()

    def _write(self) -> None:
        text, self._waiting = "".join(self._waiting), []
        # neither synced nor told: a lost note costs a look at the object's bytes
        with (
            suppress(OSError),
            opened(
                self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
            ) as descriptor,
        ):
            write_all(descriptor, text.encode())
            share_like_parent(self._path)

    def _read(self) -> dict[str, Stamp]:
        if self._known is None:
            self._known = {}
            with suppress(OSError, FormatError):
                for line in (
                    (read_bounded(self._path, _MAX_BYTES) or b"")
                    .decode("ascii", "replace")
                    .splitlines()
                ):
                    hex_digest, *numbers = line.split(" ")
                    if len(numbers) == 3 and all(map(str.isdigit, numbers)):
                        size, moment, inode = map(int, numbers)
                        self._known[hex_digest] = (size, moment, inode)
        return self._known
