"""A file that several threads may use at once, as some libraries do."""

from __future__ import annotations

import io
import os
import threading
from typing import Any


class SeekingFile(io.BufferedIOBase):
    """A file for reading in which what a thread reads after its own seek is what is
    there, whatever other threads seek in between: DuckDB's readers share one file so.
    Otherwise it is as the file that it is made of, which it closes.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._lock = threading.RLock()
        # where this thread has sought and not yet read
        self._mine = threading.local()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        sought = getattr(self._mine, "at", None)
        at: int = self._file.tell() if sought is None else sought
        return at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._lock:
            if whence == os.SEEK_CUR:
                self._go()
            at: int = self._file.seek(offset, whence)
            self._mine.at = at
            return at

    def read(self, size: int | None = -1) -> bytes:
        with self._lock:
            self._go()
            data: bytes = self._file.read(-1 if size is None else size)
            return data

    def read1(self, size: int = -1) -> bytes:
        with self._lock:
            self._go()
            data: bytes = self._file.read1(size)
            return data

    def readinto(self, buffer: Any, /) -> int:
        with self._lock:
            self._go()
            count: int = self._file.readinto(buffer)
            return count

    def readline(self, size: int | None = -1, /) -> bytes:
        with self._lock:
            self._go()
            line: bytes = self._file.readline(-1 if size is None else size)
            return line

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            super().close()

    def _go(self) -> None:
        """Goes where this thread has sought, if it has not read since."""
        at = getattr(self._mine, "at", None)
        if at is not None:
            self._file.seek(at)
            self._mine.at = None
