"""Reading many objects of the cache in one go: packs stay open, and the pack of the
last object is asked first.

Objects that were added together lie together, so nearly every look-up hits at once.
"""

import os
from types import TracebackType
from typing import Self

from mltrack.store.catalogue import Catalogue
from mltrack.store.local.cache import Cache, Place

# packs: with 64 descriptors a process, room is left for all else
_KEPT_OPEN = 8


class Reader:
    """Reads packed objects of one cache; use it as a context manager, from one thread."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._open: dict[str, tuple[int, Catalogue]] = {}
        self._last: tuple[str, int, Catalogue] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def packed(self, hex_digest: str) -> bytes | None:
        """Returns the bytes of an object that lies in a pack, checked; None for one
        that is a file of its own.

        Raises what :meth:`Cache.read` raises.
        """
        if self._last is not None:
            id_, descriptor, index = self._last
            entry = index.whole(bytes.fromhex(hex_digest))
            if entry is not None and not self._cache.is_quarantined(hex_digest, id_):
                data = os.pread(descriptor, entry.size, entry.offset)
                if self._cache.algorithm.hex_of(data) != hex_digest:
                    self._cache.quarantine(
                        hex_digest,
                        Place(
                            self._cache.pack_path(id_), entry.offset, entry.size, id_
                        ),
                    )
                return data
        place = self._cache.find(hex_digest)
        if place is not None and not place.pack_id:
            return None
        data = self._cache.read(hex_digest)
        if place is not None:
            self._turn_to(place)
        return data

    def _turn_to(self, place: Place) -> None:
        index = self._cache.indexes().get(place.pack_id)
        if index is None:
            return
        if place.pack_id not in self._open:
            if len(self._open) >= _KEPT_OPEN:
                # all at once: objects that are asked for together lie together
                self._close()
            try:
                descriptor = os.open(place.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # merged into another a moment ago
                return
            self._open[place.pack_id] = descriptor, index
        self._last = place.pack_id, *self._open[place.pack_id]

    def _close(self) -> None:
        self._last = None
        for descriptor, _ in self._open.values():
            os.close(descriptor)
        self._open.clear()
