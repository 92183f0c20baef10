"""What happens to a file that must be read: hashed only, or hashed and saved to the
cache in the same pass.

A file is read at most twice: one that changes under the reader is tried once more, then
reported. The digest is always that of the bytes that were kept.
"""

import os
import stat
import time
from typing import NamedTuple, Protocol

from mltrack.disk.copying import hash_bytes
from mltrack.disk.durable import opened
from mltrack.errors import WorkspaceError
from mltrack.events import meter
from mltrack.objects.digest import Algorithm
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import SMALL_OBJECT, TREES
from mltrack.workspace.stat_index import NEVER, is_trustworthy, stamps, without_ctime


class Read(NamedTuple):
    """A file that was read: its digest, size, stamps (empty if too young to be
    trusted), and exec bit.
    """

    hex: str
    size: int
    stamps: bytes
    is_exec: bool


class Ingest(Protocol):
    """What a scan does with the bytes it meets."""

    def file(self, path: bytes) -> Read: ...
    def link(self, path: bytes, target: bytes) -> str: ...
    def tree(self, data: bytes) -> str: ...
    def keeps(self, hexes: list[str]) -> set[str]:
        """Returns those of the digests of unchanged files that must be read all the
        same.
        """
        ...


class Hashing:
    """Computes digests and keeps nothing."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm = algorithm

    def file(self, path: bytes) -> Read:
        return _read_stable(path, self._consume)

    def link(self, path: bytes, target: bytes) -> str:
        return self.algorithm.hex_of(target)

    def tree(self, data: bytes) -> str:
        return self.algorithm.hex_of(data)

    def keeps(self, hexes: list[str]) -> set[str]:
        return set()

    def _consume(self, descriptor: int, size: int) -> tuple[str, int]:
        if size < SMALL_OBJECT:
            # one byte more than there should be: a file that grew is seen
            data = os.read(descriptor, size + 1)
            meter.hashed += len(data)
            return self.algorithm.hex_of(data), len(data)
        hasher = self.algorithm.new()
        total = hash_bytes(descriptor, hasher)
        return hasher.hexdigest(), total


class Following(Hashing):
    """Hashes, and sees through links: what a command reads through one is part of what
    it depends on.
    """

    def __init__(self, algorithm: Algorithm, project_path: str) -> None:
        super().__init__(algorithm)
        self._top = os.fsencode(os.path.realpath(project_path)) + b"/"

    def link(self, path: bytes, target: bytes) -> str:
        real = os.path.realpath(path)
        if not (real + b"/").startswith(self._top) and not os.path.isfile(real):
            if os.path.isdir(real):
                raise WorkspaceError(
                    f"{os.fsdecode(path)!r} is a link to the directory "
                    f"{os.fsdecode(real)}, outside the project"
                )
            # it leads nowhere: its text is all there is
            return self.algorithm.hex_of(target)
        return self.algorithm.hex_of(target + b"\0" + self._seen_through(real).encode())

    def _seen_through(self, real: bytes) -> str:
        """The digest of the file a link leads to; of a directory, that of all files in
        it by name.
        """
        if os.path.isfile(real):
            read = self.file(real)
            return f"{read.is_exec:d}{read.hex}"
        parts = []
        seen = set()
        for directory, names, files in os.walk(real, followlinks=True):
            here = os.path.realpath(directory)
            if here in seen or not (here + b"/").startswith(self._top):
                # links may lead in a circle, or out of the project
                names.clear()
                continue
            seen.add(here)
            names[:] = sorted(
                name
                for name in names
                if name not in (b".git", b".mltrack", b"__pycache__")
            )
            for name in sorted(files):
                inner = os.path.join(directory, name)
                if os.path.isfile(inner) and not name.endswith(b".pyc"):
                    read = self.file(os.path.realpath(inner))
                    parts.append(
                        b"%s\0%d%s"
                        % (inner[len(real) :], read.is_exec, read.hex.encode())
                    )
        return self.algorithm.hex_of(b"\n".join(parts))


class Saving:
    """Saves files, links and trees to the cache; what is there already is not written
    again.

    Where files are linked to the cache, a file becomes the object itself if it can:
    nothing is copied.
    """

    def __init__(
        self, writer: CacheWriter, algorithm: Algorithm, linking: str = ""
    ) -> None:
        self.writer = writer
        self.algorithm = algorithm
        self._linking = linking
        self._hashing = Hashing(algorithm)

    def file(self, path: bytes) -> Read:
        if self._linking:
            state = os.lstat(path)
            read = self._hashing.file(path)
            if not read.is_exec and self.writer.link_in(path, read.hex, state):
                # its change time moved with the link: the stamps without it, which the
                # rule for links goes by
                return read._replace(stamps=without_ctime(os.lstat(path)))
        return _read_stable(path, self._consume)

    def link(self, path: bytes, target: bytes) -> str:
        return self.writer.put(target)

    def tree(self, data: bytes) -> str:
        return self.writer.put(data, TREES)

    def keeps(self, hexes: list[str]) -> set[str]:
        return self.writer.missing(hexes)

    def _consume(self, descriptor: int, size: int) -> tuple[str, int]:
        if size >= SMALL_OBJECT:
            return self.writer.put_large(descriptor)
        data = os.read(descriptor, size + 1)
        if len(data) > size:
            return "", len(data)  # it grew: the caller sees the size and reads again
        meter.hashed += len(data)
        return self.writer.put(data), len(data)


class _Consume(Protocol):
    def __call__(self, descriptor: int, size: int, /) -> tuple[str, int]: ...


def _read_stable(path: bytes, consume: _Consume) -> Read:
    # twice: a save is over by then; what is written to all the time is refused
    for _ in range(2):
        moment = time.time_ns()
        # since the scan a link or a pipe may have taken its place
        with opened(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK) as descriptor:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise WorkspaceError(f"{os.fsdecode(path)!r} is not a regular file")
            hex_digest, total = consume(descriptor, before.st_size)
            after = os.fstat(descriptor)
        column = stamps(after)
        if column == stamps(before) and total == after.st_size:
            meter.files += 1
            return Read(
                hex_digest,
                total,
                column if is_trustworthy(after, moment) else NEVER,
                bool(after.st_mode & 0o100),
            )
    raise WorkspaceError(
        f"{os.fsdecode(path)!r} changed while it was being read",
        hint="run this again when nothing writes to it",
    )
