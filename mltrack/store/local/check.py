"""Looking at every byte of the cache. Nothing is changed here; ``verbs/fsck`` repairs."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from mltrack.errors import FormatError, IntegrityError
from mltrack.store import pack
from mltrack.store.catalogue import Whole
from mltrack.store.local.cache import Cache, Place

Report = Callable[[int, int], None]


@dataclass(slots=True)
class Findings:
    """What is wrong: damaged objects by digest and the file they lie in, and damaged
    files as a whole.

    ``checked`` counts objects. ``lost`` are digests that something refers to and that
    are nowhere.
    """

    checked: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    leftovers: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.damaged or self.files or self.lost)


def check_cache(
    cache: Cache, report: Report
) -> tuple[Findings, list[tuple[str, Place]]]:
    """Reads all objects of the cache; returns what is wrong, and where each damaged
    object lies.
    """
    found = Findings()
    places: list[tuple[str, Place]] = []
    for path, hex_digest in cache.loose_files():
        place = Place(path, 0, os.stat(path).st_size)
        found.checked += 1
        if not cache.is_whole(hex_digest, place):
            found.damaged[hex_digest] = path
            places.append((hex_digest, place))
        report(found.checked, 0)
    for id_, index in cache.indexes().items():
        path = cache.pack_path(id_)
        for entry, data in _read(path, index):
            found.checked += 1
            hex_digest = entry.raw.hex()
            # told by an earlier look: whoever needs it finds it absent
            if cache.is_quarantined(hex_digest, id_):
                continue
            if len(data) != entry.size or cache.algorithm.hex_of(data) != hex_digest:
                found.damaged[hex_digest] = path
                places.append((hex_digest, Place(path, entry.offset, entry.size, id_)))
        report(found.checked, 0)
        # both copies are compared: either may be the one that is used next
        with suppress(OSError, IntegrityError, FormatError):
            if pack.read_index(path, cache.algorithm, id_).data == index.data:
                continue
        found.files[path] = "its index does not match the one beside it"
    for id_ in cache.unreadable:
        found.files[cache.pack_path(id_)] = (
            "its index is damaged, and there is none beside it"
        )
    return found, places


def _read(path: str, entries: Iterable[Whole]) -> Iterator[tuple[Whole, bytes]]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # without an error where a pack ends early: what comes before may be whole
        for entry in sorted(entries, key=lambda entry: entry.offset):
            yield entry, os.pread(descriptor, entry.size, entry.offset)
    finally:
        os.close(descriptor)
