"""Large objects on their way to a host: in pieces, going on where an earlier connection
was cut off.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from .objects import Damaged, Objects
from .system import write_all


class Parts:
    """The parts of one connection; each belongs to it from its first piece on."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._open: dict[str, int] = {}
        self._paths: dict[str, str] = {}

    def size(self, hex_digest: str) -> int:
        """Returns how much of a large object an earlier connection, which was cut off,
        has left here. The part belongs to this process from then on; 0 is returned
        while it is another's.
        """
        self._objects.path_of(hex_digest)
        path = os.path.join(self._objects.aside, hex_digest)
        if hex_digest not in self._open:
            descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another connection is sending it too: each writes its own
                os.close(descriptor)
                path = self._objects.temporary()
                descriptor = os.open(
                    path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644
                )
            self._open[hex_digest] = descriptor
            self._paths[hex_digest] = path
        return os.fstat(self._open[hex_digest]).st_size

    def begin(self, hex_digest: str, size: int) -> int:
        """Returns from where on a large object is wanted. A part that is all of it and
        was never published becomes the object; one that cannot be its beginning is
        dropped.
        """
        at = self.size(hex_digest)
        if at == size and size:
            with suppress(Damaged):
                self._complete(hex_digest)
                return size
        elif at < size:
            return at
        if hex_digest in self._open:
            os.ftruncate(self._open[hex_digest], 0)
        return 0

    def put(self, hex_digest: str, offset: int, size: int, data: bytes) -> None:
        """Takes the next piece of a large object; the last one completes it."""
        at = self.size(hex_digest)
        descriptor = self._open[hex_digest]
        if at != offset or offset + len(data) > size:
            os.ftruncate(descriptor, 0)
            raise Damaged(f"a piece of {hex_digest} arrived out of place")
        write_all(descriptor, data)
        if offset + len(data) < size:
            return
        self._complete(hex_digest)

    def _complete(self, hex_digest: str) -> None:
        """Makes a part that is whole the object; raises Damaged, and drops it, if its
        bytes are others.
        """
        descriptor = self._open.pop(hex_digest)
        path = self._paths.pop(hex_digest)
        try:
            if (
                self._objects.hashing is not None
                and self._objects.digest_of(path) != hex_digest
            ):
                # left there, each later try would go on from it
                os.unlink(path)
                raise Damaged(f"{hex_digest} arrived with other bytes")
            self._objects.publish(path, self._objects.path_of(hex_digest))
        finally:
            os.close(descriptor)
