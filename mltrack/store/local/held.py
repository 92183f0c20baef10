"""What keeps the bytes of the cache there: who refers to them, or that they are young."""

import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from mltrack.store.local.cache import Cache


@dataclass(slots=True)
class Held:
    """Bytes by what keeps them. ``referred`` are those of each set of digests, an
    object counting for the first that names it; ``young`` those that nothing refers to
    and were last written at ``latest`` at the latest; ``rest`` lie in packs that are
    mostly needed, or may go.
    """

    referred: list[int]
    young: int = 0
    latest: float = 0.0
    rest: int = 0


def held(cache: Cache, referred: Sequence[Set[str]], older_than: float) -> Held:
    """Returns what keeps what is in the cache; what was last written before
    ``older_than`` is not young.
    """
    found = Held([0] * len(referred))
    for hex_digest, size, written in _objects(cache):
        for place, digests in enumerate(referred):
            if hex_digest in digests:
                found.referred[place] += size
                break
        else:
            if written < older_than:
                found.rest += size
            else:
                found.young += size
                found.latest = max(found.latest, written)
    return found


def _objects(cache: Cache) -> Iterator[tuple[str, int, float]]:
    """Every object, with its size and when the file that it lies in was written."""
    for path, hex_digest in cache.loose_files():
        state = os.stat(path)
        yield hex_digest, state.st_size, state.st_mtime
    for id_, index in cache.indexes().items():
        written = os.stat(cache.pack_path(id_)).st_mtime
        for entry in index:
            yield entry.raw.hex(), entry.size, written
