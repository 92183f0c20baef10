"""What was last heard of remotes, read from the copies of their indexes: without asking any of them."""

import os
from collections.abc import Iterable
from contextlib import suppress

from mltrack.disk.durable import names_in, read_bounded
from mltrack.errors import FormatError, IntegrityError
from mltrack.objects.digest import Algorithm
from mltrack.store.index import Index
from mltrack.store.remote import MAX_INDEX_BYTES

DIRECTORY = "remotes"


def hinted(index_path: str, algorithm: Algorithm) -> list[Index]:
    """Returns the indexes of all remotes as they were last seen; copies that cannot be read are passed over."""
    found: list[Index] = []
    top = os.path.join(index_path, DIRECTORY)
    for remote in sorted(names_in(top)):
        known: dict[str, Index] = {}
        for name in sorted(names_in(os.path.join(top, remote))):
            with suppress(OSError, FormatError, IntegrityError):
                data = read_bounded(os.path.join(top, remote, name), MAX_INDEX_BYTES)
                if data is not None:
                    known[name.removesuffix(".idx")] = Index(data, algorithm, name)
        stale = {old for index in known.values() for old in index.supersedes}
        found += [index for name, index in known.items() if name not in stale]
    return found


def hinted_among(index_path: str, algorithm: Algorithm, hex_digests: Iterable[str]) -> set[str]:
    """Returns those of the digests that a remote was last seen to hold."""
    wanted = {item: bytes.fromhex(item) for item in hex_digests}
    indexes = hinted(index_path, algorithm) if wanted else []
    return {item for item, raw in wanted.items() if any(index.find(raw) is not None for index in indexes)}
