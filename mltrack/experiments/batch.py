"""What experiments have made and what is not durable yet: objects, run records, and who
waits for them. They are made durable together, since a sync for each costs more than
many a stage.
"""

import time
from collections.abc import Callable

from mltrack.errors import WorkspaceError
from mltrack.formats.run_record import RunRecord
from mltrack.store.local.cache import Cache
from mltrack.store.local.run_cache import RunCache
from mltrack.store.local.writer import CacheWriter

# seconds: what a power cut can cost
_SETTLE_SECONDS = 1.0


class Batch:
    """Results that wait to be settled. What follows from them being durable is called
    then.
    """

    def __init__(self, cache: Cache, run_cache: RunCache) -> None:
        self._cache, self._run_cache = cache, run_cache
        self._writer: CacheWriter | None = None
        self._records: list[RunRecord] = []
        self._after: list[Callable[[], None]] = []
        self._since = 0.0
        self._is_lost = False

    @property
    def writer(self) -> CacheWriter:
        """What puts objects into the cache until the next settling."""
        if self._writer is None:
            self._writer = CacheWriter(self._cache)
        return self._writer

    @property
    def keys(self) -> set[str]:
        """The run keys of the results that wait."""
        return {record.key for record in self._records}

    def add(self, record: RunRecord) -> None:
        self._records.append(record)
        self._since = self._since or time.monotonic()

    def after(self, act: Callable[[], None]) -> None:
        """Calls ``act`` once all that waits now is durable."""
        self._after.append(act)
        self._since = self._since or time.monotonic()

    def settle_if_due(self) -> None:
        if self._since and time.monotonic() - self._since >= _SETTLE_SECONDS:
            self.settle()

    def settle(self) -> None:
        """Makes all that waits durable, objects first. If that fails once, what waited
        is no result, and every later call fails too.
        """
        if self._is_lost:
            raise WorkspaceError(
                "what experiments have made could not be saved",
                hint="once that is mended: mltrack exp start",
            )
        # until it has gone well: a failed fsync is not tried again
        self._is_lost = True
        if self._writer is not None:
            # let go of first: whatever happens, it is finished or discarded once
            writer, self._writer = self._writer, None
            with writer:
                writer.finish()
        # after the objects that they name
        records, self._records = self._records, []
        if records:
            self._run_cache.put(records)
        self._since, self._is_lost = 0.0, False
        after, self._after = self._after, []
        for act in after:
            act()

    def discard(self) -> None:
        """Lets go of what was not settled."""
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
