"""The cache for several threads."""

import threading

from mltrack.store.local.cache import Cache


class Caches:
    """One cache for each thread that asks, made when it first does."""

    def __init__(self, first: Cache) -> None:
        self.algorithm = first.algorithm
        self._first = first
        self._own = threading.local()

    def get(self) -> Cache:
        if not hasattr(self._own, "cache"):
            self._own.cache = self._first.twin()
        found: Cache = self._own.cache
        return found
