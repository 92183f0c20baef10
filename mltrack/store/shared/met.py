"""What is kept here of a remote that was met: copies of its indexes, which are hints and
safe to delete, and its identity.
"""

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import make_directories, read_bounded, write_atomic

# bytes, some 23 million rows: no damaged copy fills the memory
MAX_INDEX_BYTES = 1 << 30
_MAX_ID_BYTES = 4096
RUNS_SUFFIX = ".runs"
"""Behind a remote's name: the file of the run records that it was seen to have."""


class Met(NamedTuple):
    """Of one remote: the directory with copies of its indexes, and the file with the
    identity under which it was met, '' if that is not kept.
    """

    hints_path: str
    id_path: str = ""

    @property
    def id(self) -> str:
        """The identity; '' for a remote that was not met yet."""
        data = read_bounded(self.id_path, _MAX_ID_BYTES) if self.id_path else None
        return (data or b"").decode("ascii", "replace").strip()

    def remember_id(self, id_: str) -> None:
        if self.id_path and id_ != self.id:
            # unnoted, a remote in the other's place is not seen; nothing else is lost
            with suppress(OSError):
                make_directories(os.path.dirname(self.id_path))
                write_atomic(self.id_path, (id_ + "\n").encode())

    def has_copy_of(self, name: str) -> bool:
        return os.path.exists(self._index_file(name))

    def copy_of(self, name: str) -> bytes | None:
        """Returns the copy of an index, whatever it holds; None if there is none."""
        return read_bounded(self._index_file(name), MAX_INDEX_BYTES)

    def keep_copy(self, name: str, data: bytes) -> None:
        with suppress(OSError):
            make_directories(self.hints_path)
            # not synced: a copy that is lost or cut is had again
            write_atomic(self._index_file(name), data, durable=False)

    def keep_only(self, names: Collection[str]) -> None:
        """Removes the copies of other indexes."""
        with suppress(OSError):
            for name in os.listdir(self.hints_path):
                if name.removesuffix(".idx") not in names:
                    os.unlink(os.path.join(self.hints_path, name))

    def forget(self) -> None:
        """Forgets as what the remote was met, so that its name may mean another place,
        and what it was seen to hold: nothing that only it has counts as saved any more.
        """
        with suppress(FileNotFoundError):
            os.unlink(self.id_path)
        for path in (
            self.hints_path,
            self.hints_path + ".whole",
            self.hints_path + RUNS_SUFFIX,
        ):
            with suppress(FileNotFoundError):
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def rename(self, new: "Met") -> None:
        """Keeps as what the remote was met when its name changes."""
        with suppress(FileNotFoundError):
            os.rename(self.id_path, new.id_path)

    def _index_file(self, name: str) -> str:
        return os.path.join(self.hints_path, name + ".idx")
