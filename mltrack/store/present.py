"""What of a remote can really be had: named by an index, and the bytes that the index promises are there."""

from collections.abc import Iterable

from mltrack.store.index import ALONE, Index
from mltrack.store.remote_names import object_path, pack_path


class Present:
    """Answers ``raw in present`` for raw digests, from indexes and one listing with sizes.

    ``is_whole`` says that nothing an index names is missing or too short: then a tree that is present was written after
    everything below it, and need not be opened. What is lost is sent again by the next push.
    """

    def __init__(self, indexes: Iterable[Index], sizes: dict[str, int]) -> None:
        self._indexes = list(indexes)
        self._sizes = sizes
        self.is_whole = all(self._is_whole(index) for index in self._indexes)

    def __contains__(self, raw: object) -> bool:
        if not isinstance(raw, bytes):
            return False
        for index in self._indexes:
            row = index.find(raw)
            if row is not None and (self.is_whole or self._has(index, row.pack, row.raw, row.offset + row.stored)):
                return True
        return False

    def doubted(self) -> "Present":
        """Returns the same, but that trees which are present are to be opened: what is below them may have gone."""
        self.is_whole = False
        return self

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
