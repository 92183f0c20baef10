"""What of a remote can really be had: named by an index, and the bytes that the index
promises are there.
"""

from collections.abc import Iterable

from mltrack.store.catalogue import Catalogue, Whole
from mltrack.store.shared.names import object_path, pack_path

_FEW = 64
"""So many digests are looked up one by one, rather than by collecting all that an index
has.
"""


class Present:
    """Answers ``raw in present`` for raw digests, from indexes and one listing with
    sizes.

    ``is_whole`` says that nothing an index names is missing or too short. What is lost
    is sent again by the next push.
    """

    def __init__(self, indexes: Iterable[Catalogue], sizes: dict[str, int]) -> None:
        self._indexes = list(indexes)
        self._sizes = sizes
        self.is_whole = all(self._is_whole(index) for index in self._indexes)

    def __contains__(self, raw: object) -> bool:
        return isinstance(raw, bytes) and any(
            self._holds(index, raw) for index in self._indexes
        )

    def missing(self, hex_digests: Iterable[str]) -> set[str]:
        """Returns those of the digests that cannot be had; one question for many."""
        rest = {bytes.fromhex(item) for item in hex_digests}
        for index in self._indexes:
            if not rest:
                break
            # where something is lost, each entry has to be looked at
            if len(rest) <= _FEW or not self.is_whole:
                rest = {raw for raw in rest if not self._holds(index, raw)}
            else:
                rest -= index.digests()
        return {raw.hex() for raw in rest}

    def can_be_had(self, entry: Whole) -> bool:
        """Returns whether the bytes that an entry of one of the indexes promises are
        there.
        """
        if self.is_whole:
            return True
        return self._has(entry.pack_id, entry.raw, entry.offset + entry.size)

    def _holds(self, index: Catalogue, raw: bytes) -> bool:
        entry = index.whole(raw)
        return entry is not None and self.can_be_had(entry)

    def _is_whole(self, index: Catalogue) -> bool:
        # one question for each pack, not for each object
        ends = index.pack_ends()
        has_alone = ends.pop("", None) is not None
        return all(self._has(id_, b"", end) for id_, end in ends.items()) and (
            not has_alone
            or all(
                self._has("", entry.raw, entry.size)
                for entry in index
                if not entry.pack_id
            )
        )

    def _has(self, id_: str, raw: bytes, end: int) -> bool:
        """Whether a pack reaches as far as ``end``, or a file of its own is that long."""
        # a file ends with its object; a pack goes on with an index of its own
        if not id_:
            return self._sizes.get(object_path(raw.hex()), -1) == end
        return self._sizes.get(pack_path(id_), -1) >= end
