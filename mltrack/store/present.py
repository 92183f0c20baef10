"""What of a remote can really be had: named by an index, and the bytes that the index promises are there."""

from collections.abc import Iterable

from mltrack.store.index import ALONE, Index, Row
from mltrack.store.remote_names import object_path, pack_path

_FEW = 64
"""So many digests are looked up one by one, rather than by collecting all that an index has."""


class Present:
    """Answers ``raw in present`` for raw digests, from indexes and one listing with sizes.

    ``is_whole`` says that nothing an index names is missing or too short. What is lost is sent again by the next push.
    """

    def __init__(self, indexes: Iterable[Index], sizes: dict[str, int]) -> None:
        self._indexes = list(indexes)
        self._sizes = sizes
        self.is_whole = all(self._is_whole(index) for index in self._indexes)

    def __contains__(self, raw: object) -> bool:
        return isinstance(raw, bytes) and any(self._holds(index, raw) for index in self._indexes)

    def missing(self, hex_digests: Iterable[str]) -> set[str]:
        """Returns those of the digests that cannot be had; one question for many."""
        rest = {bytes.fromhex(item) for item in hex_digests}
        for index in self._indexes:
            if not rest:
                break
            if len(rest) <= _FEW or not self.is_whole:
                rest = {raw for raw in rest if not self._holds(index, raw)}
            else:
                rest -= index.digests()
        return {raw.hex() for raw in rest}

    def has_row(self, index: Index, row: Row) -> bool:
        """Returns whether the bytes that a row of one of the indexes promises are there."""
        return self.is_whole or self._has(index, row.pack, row.raw, row.offset + row.stored)

    def _holds(self, index: Index, raw: bytes) -> bool:
        row = index.find(raw)
        return row is not None and self.has_row(index, row)

    def _is_whole(self, index: Index) -> bool:
        ends = index.pack_ends()
        alone = ends.pop(ALONE, None) is not None
        return all(self._has(index, number, b"", end) for number, end in ends.items()) and (
            not alone or all(self._has(index, ALONE, row.raw, row.size) for row in index if row.pack == ALONE)
        )

    def _has(self, index: Index, number: int, raw: bytes, end: int) -> bool:
        if number == ALONE:
            return self._sizes.get(object_path(raw.hex()), -1) == end
        return number < len(index.packs) and self._sizes.get(pack_path(index.packs[number]), -1) >= end
