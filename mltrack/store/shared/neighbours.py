"""What lies behind an object in its pack: for reading ahead."""

from bisect import bisect_right
from itertools import takewhile

from mltrack.store.catalogue import Whole
from mltrack.store.shared.remote import Remote

_SORTED_ROWS = 1 << 17
"""Rows of an index of which one pack's are sorted by their places: in a tenth of a
second.
"""
# bytes: of smaller objects fewer are named, so that no slice is long
_LEAST_BYTES = 64


class Neighbours:
    """The objects of packs in their order, as far as indexes are here whole and not
    large.
    """

    def __init__(self) -> None:
        self._packs: dict[str, list[tuple[int, Whole]]] = {}

    def up_to(self, remote: Remote, entry: Whole, length: int) -> list[Whole]:
        """Returns an object and those behind it in its pack that end within ``length``
        bytes of its beginning, in their order.
        """
        # nothing is sorted for who reads here and there
        if length <= entry.size:
            return [entry]
        rows = self._packs.get(entry.pack_id) or self._sorted(remote, entry.pack_id)
        at = bisect_right(rows, (entry.offset, entry))
        behind = (one for _, one in rows[at : at + length // _LEAST_BYTES])
        end = entry.offset + length
        return [entry, *takewhile(lambda one: one.offset + one.size <= end, behind)]

    def _sorted(self, remote: Remote, pack_id: str) -> list[tuple[int, Whole]]:
        rows = {
            (one.offset, one)
            for index in remote.at_hand()
            if index.count <= _SORTED_ROWS
            for one in index
            if one.pack_id == pack_id
        }
        self._packs[pack_id] = sorted(rows)
        return self._packs[pack_id]
