"""Writing a damaged pack anew, without a moment in which what is whole in it is nowhere."""

import os
from contextlib import suppress

from mltrack.disk.copying import link_or_copy
from mltrack.disk.durable import make_directories
from mltrack.errors import FormatError, IntegrityError
from mltrack.store import pack
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter


def renew_pack(cache: Cache, id_: str) -> None:
    """Writes what is whole of a damaged pack into a new one, by the index beside it,
    and sets the damaged one aside.
    """
    index = cache.indexes().get(id_)
    if index is not None:
        path = cache.pack_path(id_)
        contents = pack.ANY
        # what is damaged may be the head that says so
        with suppress(IntegrityError, FormatError):
            contents = pack.contents_of(path)
        with CacheWriter(cache) as writer:
            for entry in index:
                hex_digest = entry.raw.hex()
                with suppress(IntegrityError):
                    for _, data in pack.read_objects(path, [entry]):
                        if cache.algorithm.hex_of(data) == hex_digest:
                            writer.rewrite(hex_digest, data, contents)
            # a second name first: the new one may have the same, and replace it
            _note_aside(cache, id_)
            fresh = writer.publish()
        # only now: until the new one is durable, what is whole is nowhere else
        if id_ not in fresh:
            cache.remove_pack(id_)
    else:
        _move_aside(cache, id_)


def _note_aside(cache: Cache, id_: str) -> None:
    """Puts a damaged pack into quarantine too, and leaves it where it is."""
    make_directories(cache.quarantine_path)
    aside = os.path.join(cache.quarantine_path, id_ + ".pack")
    with suppress(FileNotFoundError):
        os.unlink(aside)
    link_or_copy(cache.pack_path(id_), aside)


def _move_aside(cache: Cache, id_: str) -> None:
    """Moves a pack of which nothing can be read to quarantine."""
    make_directories(cache.quarantine_path)
    with suppress(FileNotFoundError):
        os.rename(
            cache.pack_path(id_), os.path.join(cache.quarantine_path, id_ + ".pack")
        )
    cache.remove_pack(id_)
