"""Locks that the kernel holds: ``flock`` on a file, released by itself when the process ends, however it ends.

Nothing is ever parsed from a lock file, so none can be stale.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mltrack.errors import LockedError


@contextmanager
def locked(
    path: str, *, shared: bool = False, wait: bool = True, what: str = "", waiting: Callable[[], None] | None = None
) -> Iterator[None]:
    """Holds the lock for the length of a block.

    ``waiting`` is called once if the lock is not to be had at once. With ``wait=False`` a lock that another process
    holds raises LockedError at once. On a file system that cannot be written, a shared lock is not taken: whoever only
    reads there has nothing to protect.
    """
    try:
        descriptor = _open(path)
    except OSError:
        if not shared:
            raise
        yield
        return
    try:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait:
                if waiting is not None:
                    waiting()
                fcntl.flock(descriptor, mode)
                yield
                return
            raise LockedError(
                f"{what or path} is in use by another mltrack process",
                hint="wait until it has ended, then run this again",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    """Opens a lock file, which may be another user's: the lock needs no right to write it."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
