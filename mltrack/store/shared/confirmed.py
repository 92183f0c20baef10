"""Trees that a remote was seen to hold with everything below them: remembered, so that
a push opens what is new only.

What was seen stays true as long as the remote is the same one and every index that it
was seen by still counts there: indexes never change, and lose nothing but by being
superseded or deleted. Otherwise all is looked at again.
"""

import os
from collections.abc import Collection, Iterable

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.store.shared.met import Met
from mltrack.store.shared.present import Present

_VERSION = "mltrack-whole 1"
_MAX_BYTES = 1 << 30


class Confirmed:
    """The trees below one remote's name; a hint, safe to delete, beside the copies of
    the remote's indexes.
    """

    def __init__(
        self, met: Met, id_: str, indexes: Collection[str], present: Present
    ) -> None:
        """``id_``, ``indexes`` and ``present`` are the remote's identity, which indexes
        count there, and what it holds now; where an index of it promises more than is
        there, nothing counts.
        """
        self._id = id_
        self._indexes = indexes
        self._path = met.hints_path + ".whole"
        self._trees = self._read() if present.is_whole else set()

    def __contains__(self, hex_digest: object) -> bool:
        return hex_digest in self._trees

    def add(self, trees: Iterable[str]) -> None:
        """Notes trees that were just compared, with all below them, with a fresh
        reading of the remote's indexes.
        """
        known = self._trees | set(trees)
        if not known or not self._id:
            return
        indexes = " ".join(sorted(self._indexes))
        lines = [_VERSION, self._id, indexes, *sorted(known)]
        try:
            make_directories(os.path.dirname(self._path))
            write_atomic(
                self._path, ("\n".join(lines) + "\n").encode("ascii"), durable=False
            )
        except OSError:
            # a full or read-only disk costs the next push a look at all trees, nothing
            # else
            return

    def _read(self) -> set[str]:
        try:
            data = read_bounded(self._path, _MAX_BYTES) or b""
        except (OSError, FormatError):
            return set()
        version, id_, indexes, *trees = [
            *data.decode("ascii", "replace").split("\n"),
            "",
            "",
            "",
        ]
        if version != _VERSION or id_ != self._id or not id_:
            return set()
        if not set(indexes.split()) <= set(self._indexes):
            # one was superseded or is lost: what it named may be gone with it
            return set()
        return set(filter(None, trees))
