"""A directory in the project for one job, which lives as long as the process that made
it: that holds a lock of the kernel on it. What a killed process left is told by that
lock, whatever its age, and removed.
"""

import fcntl
import os
import secrets
import shutil
from contextlib import suppress

from mltrack.disk.durable import names_in, read_bounded
from mltrack.disk.lock import locked
from mltrack.errors import FormatError, LockedError

# not the names of temporary files: those are swept by age, and a stage may run for days
_DIRECTORY = os.path.join(".mltrack", "tmp", "sandboxes")
_LOCK = ".lock"
# what a job's output replaces, and which path that was
_REPLACED, _NOTE = "replaced", "replaced-path"
_MAX_PATH = 1 << 16


class Scratch:
    """``path`` is an empty directory, on the project's own file system: what is made
    there leaves by rename.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        # in the project: outputs leave by rename, on one file system
        self._home, self._lock = _claim(os.path.join(project, _DIRECTORY))
        self.path = os.path.join(self._home, "project")
        os.makedirs(self.path)

    def bring_out(self, path: str) -> None:
        """Moves what was made at a path to its place in the project. Killed at any
        moment, that holds the old or the new, or :func:`remove_leftovers` puts the old
        one back.
        """
        made, place = os.path.join(self.path, path), os.path.join(self._project, path)
        if not os.path.lexists(made):
            return
        os.makedirs(os.path.dirname(place), exist_ok=True)
        # what `persist` and checkpoints left there: a rename replaces no full directory
        if os.path.lexists(place) and (_is_directory(place) or _is_directory(made)):
            aside = os.path.join(self._home, _REPLACED)
            with open(os.path.join(self._home, _NOTE), "wb") as note:
                note.write(os.fsencode(path))
            os.rename(place, aside)
            os.rename(made, place)
            _remove(aside)
        else:
            os.rename(made, place)

    def remove(self) -> None:
        _remove_home(self._home)
        os.close(self._lock)


def remove_leftovers(project: str) -> None:
    """Removes the directories of processes that are gone; what one of them had moved
    out of the way of an output, and did not replace, is put back.
    """
    above = os.path.join(project, _DIRECTORY)
    for name in names_in(above):
        if name.endswith(_LOCK):
            # it is another process's, which lives
            with (
                suppress(LockedError, FormatError, OSError),
                locked(os.path.join(above, name), wait=False),
            ):
                home = os.path.join(above, name.removesuffix(_LOCK))
                _put_back(project, home)
                _remove_home(home)


def _claim(above: str) -> tuple[str, int]:
    """Makes a name that nobody else has; returns the path, and the descriptor that
    holds its lock.
    """
    os.makedirs(above, exist_ok=True)
    while True:
        home = os.path.join(above, f"{os.getpid()}-{secrets.token_hex(8)}")
        lock = os.open(
            home + _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644
        )
        fcntl.flock(lock, fcntl.LOCK_EX)
        # someone who swept came between the two calls, and took it for a leftover
        if os.fstat(lock).st_nlink:
            return home, lock
        os.close(lock)


def _put_back(project: str, home: str) -> None:
    aside = os.path.join(home, _REPLACED)
    if not os.path.lexists(aside):
        return
    path = os.fsdecode(read_bounded(os.path.join(home, _NOTE), _MAX_PATH) or b"")
    place = os.path.join(project, path)
    if path and not os.path.lexists(place):
        os.rename(aside, place)


def _remove_home(home: str) -> None:
    shutil.rmtree(home, ignore_errors=True)
    # what could not be removed is tried again, and its lock names it
    if not os.path.exists(home):
        with suppress(FileNotFoundError):
            os.unlink(home + _LOCK)


def _remove(path: str) -> None:
    if _is_directory(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
