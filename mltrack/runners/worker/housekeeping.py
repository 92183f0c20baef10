"""Keeping a host's directory in order: at most once in ten minutes, by whoever comes."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import Iterator

from .attempts import Attempts
from .objects import Damaged, Objects

# seconds between two sweeps: one walks all objects, and each connection asks for it
_SECONDS = 600.0


def keep_house(place: str, attempts: Attempts, objects: Objects, limit: int) -> None:
    """Forgets what is long over, and keeps the objects within ``limit`` bytes."""
    with _alone(os.path.join(place, "housekeeping")) as is_due:
        if is_due:
            # first: what is forgotten here can be evicted in the same sweep
            attempts.clean()
            try:
                kept = {
                    digest
                    for content in attempts.kept()
                    for digest in objects.below(content)
                }
            except (
                OSError,
                KeyError,
                TypeError,
                ValueError,
                AttributeError,
                Damaged,
            ):
                # what cannot be read may name anything: nothing is deleted
                return
            objects.evict(limit, kept)


@contextmanager
def _alone(path: str) -> Iterator[bool]:
    """Whether it is due, and this process the one to do it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        state = os.fstat(descriptor)
        # a time ahead of us, of a clock that was set back, counts as due
        is_due = state.st_size == 0 or not 0 <= time.time() - state.st_mtime < _SECONDS
        if is_due:
            # before the work: a sweep that fails is not tried again by every connection
            os.pwrite(descriptor, b"%d\n" % time.time(), 0)
        yield is_due
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)
