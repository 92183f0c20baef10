"""What was last heard of remotes, read from the copies of their indexes: without asking
any of them.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

from mltrack.disk.durable import names_in, read_bounded
from mltrack.errors import FormatError, IntegrityError
from mltrack.objects.digest import Algorithm
from mltrack.store.catalogue import Catalogue
from mltrack.store.shared.met import MAX_INDEX_BYTES, RUNS_SUFFIX

DIRECTORY = "remotes"


def hinted(index_path: str, algorithm: Algorithm) -> list[Catalogue]:
    """Returns the indexes of all remotes as they were last seen; copies that cannot be
    read are passed over.
    """
    found: list[Catalogue] = []
    top = os.path.join(index_path, DIRECTORY)
    for remote in sorted(names_in(top)):
        known: dict[str, Catalogue] = {}
        for name in sorted(names_in(os.path.join(top, remote))):
            # what cannot be read counts as not seen
            with suppress(OSError, FormatError, IntegrityError):
                data = read_bounded(os.path.join(top, remote, name), MAX_INDEX_BYTES)
                if data is not None:
                    known[name.removesuffix(".idx")] = Catalogue(data, algorithm, name)
        stale = {old for index in known.values() for old in index.supersedes}
        found += [index for name, index in known.items() if name not in stale]
    return found


def hinted_runs(index_path: str) -> set[str]:
    """Returns the names of the run records that a remote was last seen to have, whose
    outputs it must have too.
    """
    found: set[str] = set()
    top = os.path.join(index_path, DIRECTORY)
    for name in names_in(top):
        if name.endswith(RUNS_SUFFIX):
            with suppress(OSError, FormatError):
                data = read_bounded(os.path.join(top, name), MAX_INDEX_BYTES) or b""
                found.update(
                    word
                    for line in data.decode("ascii", "replace").splitlines()
                    for word in line.split(" ")[1:]
                )
    return found


def hinted_among(
    index_path: str, algorithm: Algorithm, hex_digests: Iterable[str]
) -> set[str]:
    """Returns those of the digests that a remote was last seen to hold."""
    wanted = {item: bytes.fromhex(item) for item in hex_digests}
    indexes = hinted(index_path, algorithm) if wanted else []
    return {
        item
        for item, raw in wanted.items()
        if any(index.whole(raw) is not None for index in indexes)
    }
