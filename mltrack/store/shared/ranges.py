"""Which ranges of a pack are read to get some of its objects."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from mltrack.store.catalogue import Whole

# bytes: about what the line carries while one request waits for its answer
GAP_BYTES = 64 << 10
_SPARE_SHARE = 5
"""One byte that nobody wants is read for so many that are: where objects lie scattered,
gaps would soon be most of what comes.
"""
# bytes: of a few small objects even the gaps are little, and each request is a wait
_SPARE_BYTES = 256 << 10


def coalesce(
    entries: Iterable[Whole], gap: int = GAP_BYTES, longest: int = 16 << 20
) -> Iterator[tuple[int, int, list[Whole]]]:
    """Yields ``(offset, length, entries)`` ranges that cover these parts of one pack.

    Neighbours no farther apart than ``gap`` are read together, the nearest first, as
    long as all that lies between them stays below a fifth of what is wanted, or below
    256 KiB.
    """
    wanted = sorted(entries, key=lambda entry: entry.offset)
    joined = _joined(wanted, gap)
    group: list[Whole] = []
    start = end = 0
    for number, entry in enumerate(wanted):
        # what is read at once lies in memory
        is_far = number not in joined or entry.offset + entry.size - start > longest
        if group and is_far:
            yield start, end - start, group
            group = []
        if not group:
            start = end = entry.offset
        group.append(entry)
        end = max(end, entry.offset + entry.size)
    if group:
        yield start, end - start, group


def _joined(wanted: list[Whole], gap: int) -> set[int]:
    """The positions of those that are read together with the one before them."""
    spare = max(_SPARE_BYTES, sum(entry.size for entry in wanted) // _SPARE_SHARE)
    gaps = [
        (after.offset - before.offset - before.size, number)
        for number, (before, after) in enumerate(pairwise(wanted), 1)
    ]
    joined = set()
    # a narrow one saves a request as a wide one does
    for between, number in sorted(gaps):
        spare -= max(0, between)
        if spare < 0 or between > gap:
            break
        joined.add(number)
    return joined
