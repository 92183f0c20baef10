"""Writing many files back beside the work that makes them, so that there is little left
to wait for at the end.
"""

import threading

from mltrack.disk.durable import sync_descriptor

_WORTH_BYTES = 8 << 20
"""From so many bytes on it is worth beginning: each time costs the disk a flush."""


class WriteBack:
    """What was written to the file system of an open directory.

    A thread calls ``syncfs(2)`` while more is being written. Use it as a context
    manager: no thread is left behind.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending = 0
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    def __enter__(self) -> "WriteBack":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._thread is not None:
            self._thread.join()

    def wrote(self, count: int) -> None:
        """Notes bytes that were written, and begins to write back once they are worth
        it.
        """
        self._pending += count
        if self._pending >= _WORTH_BYTES and (
            self._thread is None or not self._thread.is_alive()
        ):
            self._pending = 0
            self.begin()

    def begin(self) -> None:
        """Begins to write back what was written up to now."""
        self._thread = threading.Thread(target=self._sync, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Waits until what was begun is durable; raises OSError if that failed, then or
        before.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Makes all that was written durable; raises OSError if that fails, or failed
        on the way.
        """
        # joined first: an error that the thread was told is not told to us again
        self.wait()
        sync_descriptor(self._descriptor)

    def _sync(self) -> None:
        try:
            sync_descriptor(self._descriptor)
        except OSError as error:  # the kernel tells it once
            self._error = error
