"""Which ranges of a pack are read to get some of its objects."""

from collections.abc import Iterable, Iterator

from mltrack.store.catalogue import Whole


def coalesce(
    entries: Iterable[Whole], gap: int = 64 << 10, longest: int = 16 << 20
) -> Iterator[tuple[int, int, list[Whole]]]:
    """Yields ``(offset, length, entries)`` ranges that cover these parts of one pack:
    neighbours closer than ``gap`` are read together.
    """
    group: list[Whole] = []
    start = end = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        # a gap costs less than a request; what is read at once lies in memory
        is_far = entry.offset - end > gap or entry.offset + entry.size - start > longest
        if group and is_far:
            yield start, end - start, group
            group = []
        if not group:
            start = end = entry.offset
        group.append(entry)
        end = max(end, entry.offset + entry.size)
    if group:
        yield start, end - start, group
