"""Small objects that are read one by one out of remotes: given out, checked, as they
come, and written to the cache together.

Each by itself would be a pack of its own in the cache, and a wait for the disk longer
than that for the remote.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from mltrack.store import pack
from mltrack.store.catalogue import Whole
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared.names import pack_path
from mltrack.store.shared.neighbours import Neighbours
from mltrack.store.shared.ranges import GAP_BYTES
from mltrack.store.shared.remote import Remote

# bytes: so much is in memory at most, and has to be read again after a kill
_MOST_BYTES = 8 << 20
# bytes: what an object costs in memory beside its own
_OVERHEAD = 256
# reads, one right behind the other, from which on more comes along, and the bytes then:
# twice as many each time
_IN_A_ROW, _FIRST_BYTES, _AHEAD_BYTES = 2, 64 << 10, 2 << 20
_SETTLE_SECONDS = 1.0
"""What has been waiting for longer is written with the next: a process that is ended
without a word, as workers of data loaders are, has kept nearly all.
"""


class Gathering:
    """Reads out of ``remotes``, which are asked for when the first object is read.

    Of one thread, but for :meth:`close`. What it holds is lost with its process, and is
    read again then.
    """

    def __init__(self, cache: Cache, remotes: Callable[[], list[Remote]]) -> None:
        self._cache, self._remotes = cache, remotes
        self._held: dict[str, bytes] = {}
        self._bytes = 0
        self._since = 0.0
        self._neighbours = Neighbours()
        self._last = ("", 0)
        self._row = 0

    def read(self, hex_digest: str) -> bytes | None:
        """Returns an object's bytes, which match its digest; None for one that lies
        whole in no pack of the remotes.
        """
        held = self._held.get(hex_digest)
        if held is not None:
            return held
        for remote in self._remotes():
            for entry in _packed(remote, hex_digest):
                length = self._length(entry)
                wanted = self._neighbours.up_to(remote, entry, length)
                found = self._fetched(remote, wanted)
                if hex_digest in found:
                    self._hold(found)
                    return found[hex_digest]
        return None

    def settle(self) -> None:
        """Writes what is held to the cache, and holds nothing any more."""
        self._write(self._cache)

    def close(self) -> None:
        """Does the same, in any thread, also in the last moments of a process."""
        # what is held is published first: only merging packs starts threads, which an
        # interpreter that ends refuses, and the next writer merges
        with suppress(RuntimeError):
            self._write(self._cache.twin())
        self._forget()

    def _length(self, entry: Whole) -> int:
        """How many bytes are read from an object on: more than it has where one after
        the other is read, as they lie.
        """
        pack_id, end = self._last
        is_next = pack_id == entry.pack_id and 0 <= entry.offset - end <= GAP_BYTES
        self._row = self._row + 1 if is_next else 0
        if self._row < _IN_A_ROW:
            return entry.size
        ahead = min(_FIRST_BYTES << (self._row - _IN_A_ROW), _AHEAD_BYTES)
        return max(entry.size, ahead)

    def _fetched(self, remote: Remote, entries: list[Whole]) -> dict[str, bytes]:
        """Objects that lie behind one another, as far as they match their digests."""
        start, pack_id = entries[0].offset, entries[0].pack_id
        end = entries[-1].offset + entries[-1].size
        try:
            data = remote.store.get(pack_path(pack_id), start, end - start)
        except FileNotFoundError:
            # merged into another since the index was read
            return {}
        self._last = pack_id, end
        found = {}
        for entry in entries:
            at = entry.offset - start
            piece, hex_digest = data[at : at + entry.size], entry.raw.hex()
            if self._cache.algorithm.hex_of(piece) == hex_digest:
                found[hex_digest] = piece
        return found

    def _hold(self, found: dict[str, bytes]) -> None:
        if not self._held:
            self._since = time.monotonic()
        self._held.update(found)
        self._bytes += sum(len(data) + _OVERHEAD for data in found.values())
        is_old = time.monotonic() - self._since > _SETTLE_SECONDS
        if is_old or self._bytes > _MOST_BYTES:
            self.settle()

    def _write(self, cache: Cache) -> None:
        if self._held:
            with CacheWriter(cache) as writer:
                for hex_digest, data in self._held.items():
                    writer.put_known(hex_digest, data, pack.ANY)
                writer.finish()
        # only now: what failed to be written can still be given out
        self._forget()

    def _forget(self) -> None:
        self._held.clear()
        self._bytes = 0


def _packed(remote: Remote, hex_digest: str) -> list[Whole]:
    packed, _, _ = remote.locate([hex_digest])
    return [entry for entries in packed.values() for entry in entries]
