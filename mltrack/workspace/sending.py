"""Sending files to a remote as a scan meets them, without keeping them here: copies of
large ones, one at a time, and packs of small ones are on this disk only until they have
arrived.
"""

import os
from contextlib import suppress

from mltrack.disk.cloning import clone
from mltrack.disk.copying import copy_and_hash, hash_bytes
from mltrack.disk.durable import opened, temporary_path
from mltrack.errors import WorkspaceError
from mltrack.objects.digest import Algorithm
from mltrack.store import pack
from mltrack.store.catalogue import Whole, alone
from mltrack.store.shared.names import object_path, pack_path
from mltrack.store.shared.remote import Remote
from mltrack.workspace.ingest import Hashing, Read


class Sending:
    """An ingest; see :class:`mltrack.workspace.ingest.Ingest`. Nothing exists for
    others before ``finish``.
    """

    def __init__(self, remote: Remote, algorithm: Algorithm, tmp_path: str) -> None:
        self.remote = remote
        self.algorithm = algorithm
        self._tmp_path = tmp_path
        # as of the start: what others send meanwhile goes twice, nothing more
        self._present = remote.present()
        self._seen: set[str] = set()
        self._writers: dict[int, pack.PackWriter] = {}
        self._sent: list[Whole] = []
        self._hashing = Hashing(algorithm)
        self.objects = self.bytes = 0

    def file(self, path: bytes) -> Read:
        read = self._hashing.file(path)
        if not self._is_new(read.hex):
            return read
        if read.size < pack.SMALL_OBJECT:
            with open(path, "rb") as file:
                data = file.read()
            # read twice: a pack must hold what its index says
            if self.algorithm.hex_of(data) != read.hex:
                raise _changed(path)
            self._pack(read.hex, data, pack.ANY)
            return read
        self._send_large(path, read.hex)
        self._seen.add(read.hex)
        self._sent.append(alone(read.hex, read.size))
        self._count(read.size)
        return read

    def _send_large(self, path: bytes, hex_digest: str) -> None:
        """Sends a copy whose bytes have that digest: what is sent from the file itself
        may change on the way, and would lie there under a name that others trust.
        """
        temporary = temporary_path(self._tmp_path)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        try:
            with opened(path, os.O_RDONLY) as source, opened(temporary, flags) as copy:
                if self._duplicate(source, copy) != hex_digest:
                    raise _changed(path)
            self.remote.store.put_file(
                object_path(hex_digest), temporary, at_once=self.remote.jobs
            )
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

    def _duplicate(self, source: int, copy: int) -> str:
        hasher = self.algorithm.new()
        # shared blocks, where the file system can, take no room
        if clone(source, copy):
            hash_bytes(copy, hasher)
        else:
            copy_and_hash(source, copy, hasher)
        return hasher.hexdigest()

    def link(self, path: bytes, target: bytes) -> str:
        return self._small(target, pack.ANY)

    def tree(self, data: bytes) -> str:
        return self._small(data, pack.TREES)

    def keeps(self, hexes: list[str]) -> set[str]:
        return {
            item
            for item in hexes
            if bytes.fromhex(item) not in self._present and item not in self._seen
        }

    def finish(self) -> None:
        """Sends what is left, then the index."""
        for contents in list(self._writers):
            self._send(contents)
        self.remote.publish(self._sent)

    def discard(self) -> None:
        for writer in self._writers.values():
            writer.discard()
        self._writers.clear()

    def _small(self, data: bytes, contents: int) -> str:
        hex_digest = self.algorithm.hex_of(data)
        if self._is_new(hex_digest):
            self._pack(hex_digest, data, contents)
        return hex_digest

    def _is_new(self, hex_digest: str) -> bool:
        return (
            hex_digest not in self._seen
            and bytes.fromhex(hex_digest) not in self._present
        )

    def _pack(self, hex_digest: str, data: bytes, contents: int) -> None:
        self._seen.add(hex_digest)
        writer = self._writers.get(contents)
        if writer is None:
            writer = self._writers[contents] = pack.PackWriter(
                self._tmp_path, self.algorithm, contents
            )
        writer.add(hex_digest, data)
        self._count(len(data))
        if writer.is_full:
            self._send(contents)

    def _send(self, contents: int) -> None:
        writer = self._writers.pop(contents)
        try:
            done = writer.finish()
            self.remote.store.put_file(
                pack_path(done.id), done.temporary, at_once=self.remote.jobs
            )
            self._sent += pack.read_index(done.temporary, self.algorithm, done.id)
        finally:
            writer.discard()

    def _count(self, size: int) -> None:
        self.objects += 1
        self.bytes += size


def _changed(path: bytes) -> WorkspaceError:
    return WorkspaceError(
        f"{os.fsdecode(path)!r} changed while it was being sent",
        hint="run this again when nothing writes to it",
    )
