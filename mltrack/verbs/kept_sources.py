"""What is kept below the user's cache directory of other projects' repositories, and of
their data: it says when it was last read, and goes when that is long ago.

Of a source NAME the repository is ``NAME.git``, its project's data ``NAME``, and who
reads it holds ``NAME.used``, shared.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from mltrack.disk.durable import (
    make_directories,
    names_in,
    remove_stale_temporaries,
    temporary_path,
)
from mltrack.disk.lock import locked
from mltrack.errors import LockedError

_REPOSITORY, _USED = ".git", ".used"
_DAY = 24 * 60 * 60


@contextmanager
def used(directory: str, name: str, days: int) -> Iterator[None]:
    """Keeps a source from being removed for the length of a block. Where it is a new
    one, those that nobody has read for ``days`` are removed first.
    """
    make_directories(directory)
    mark = os.path.join(directory, name + _USED)
    with locked(mark, shared=True):
        # a directory of another user's, from which this one only reads
        with suppress(OSError):
            os.utime(mark)
        if not any(map(os.path.isdir, _places(directory, name))):
            trim(directory, days)
        yield


def trim(directory: str, days: int) -> None:
    """Removes the sources that nobody has read for so long, and that nobody reads now.
    Nothing depends on it: it never fails its caller.
    """
    before = time.time() - days * _DAY
    with suppress(OSError):
        # what a removal has left that was killed
        remove_stale_temporaries(directory, before=time.time() - _DAY)
        for name in sorted({one.partition(".")[0] for one in names_in(directory)}):
            with suppress(OSError, LockedError):
                if name and _last_used(directory, name) < before:
                    _remove(directory, name, before)


def _remove(directory: str, name: str, before: float) -> None:
    repository, data = _places(directory, name)
    with ExitStack() as locks:
        # who reads it, and who brings something to it: an earlier version has no mark
        for path in (os.path.join(directory, name + _USED), repository + ".lock"):
            locks.enter_context(locked(path, wait=False))
        # a mark that was just made is young; one that was not is as it was
        if _last_used(directory, name) >= before:
            return
        for path in filter(os.path.isdir, (repository, data)):
            # first by another name: what is half removed would be taken for whole
            aside = temporary_path(directory)
            os.rename(path, aside)
            shutil.rmtree(aside, ignore_errors=True)


def _last_used(directory: str, name: str) -> float:
    """When it was last read, in seconds since 1970; infinite for what is not there."""
    times = []
    repository, data = _places(directory, name)
    for path in (repository, data, os.path.join(directory, name + _USED)):
        with suppress(FileNotFoundError):
            times.append(os.stat(path).st_mtime)
    is_there = os.path.isdir(repository) or os.path.isdir(data)
    return max(times, default=0.0) if is_there else float("inf")


def _places(directory: str, name: str) -> tuple[str, str]:
    return os.path.join(directory, name + _REPOSITORY), os.path.join(directory, name)
