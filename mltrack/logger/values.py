"""The last value of each name, in one JSON file: replaced whole, now and then, and
shared by all processes that log there.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import Any, Iterator, Mapping

from .files import replace

# seconds: whoever looks on sees values this old, and a call costs microseconds
_EVERY = 0.5


class Values:
    """The file at ``path``. What is noted gets there at once or within half a second,
    by a thread of its own, and at the latest when the program ends.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._changed: dict[str, Any] = {}
        self._due = 0.0
        self._timer: threading.Timer | None = None
        self._process = os.getpid()
        atexit.register(self.flush)
        if "multiprocessing.util" in sys.modules:
            # its processes end without atexit
            util = sys.modules["multiprocessing.util"]
            util.Finalize(None, self.flush, exitpriority=10)

    def note(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._changed.update(values)
            moment = time.monotonic()
            if moment >= self._due:
                self._write(moment)
            elif self._timer is None:
                self._timer = threading.Timer(self._due - moment, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Writes what was noted and is not in the file yet."""
        # a fork of the one that noted them, which writes them itself
        if os.getpid() == self._process:
            with self._lock:
                self._write(time.monotonic())

    def drop(self) -> None:
        """Forgets what is not in the file yet."""
        with self._lock:
            self._changed = {}

    def _write(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = moment + _EVERY
        if not self._changed:
            return
        directory = os.path.dirname(self._path)
        os.makedirs(directory, exist_ok=True)
        with _alone(directory):
            # other processes have values of their own in it
            merged = {**read(self._path), **self._changed}
            text = json.dumps(merged, indent=2, sort_keys=True, default=str)
            replace(self._path, text.encode() + b"\n")
        self._changed = {}


def read(path: str) -> dict[str, Any]:
    """Returns the values in a file; none where it cannot be read as such."""
    with suppress(OSError, ValueError):
        with open(path, "rb") as file:
            found = json.loads(file.read())
        if isinstance(found, dict):
            return found
    return {}


@contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Keeps other processes from merging at the same time: the lock is on the directory
    itself, so that no file of it stays.
    """
    import fcntl  # noqa: PLC0415 - not on Windows, where one process logs

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # some network file systems lock no directories: then values may be lost, as
        # between processes that do not know of each other, and no file is torn
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
