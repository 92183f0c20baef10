"""A store that tries again: what may pass by itself is asked for a few times, later and
later, with chance in between.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from mltrack.errors import RemoteError
from mltrack.store.kinds.store import Abilities, Listed, Store

# seconds, doubled each time: five tries wait for at most 3.75 in all
FIRST_SECONDS = 0.25
# seconds: with many tries a place that is back is noticed within these
LONGEST_SECONDS = 20.0
T = TypeVar("T")


class Retrying:
    """Wraps a store. Every call of the protocol may be repeated: names are never reused
    for other bytes.

    A place that has never answered is not asked again: it is more likely mistyped than
    busy.
    """

    def __init__(
        self, store: Store, tries: int = 5, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.store = store
        self._tries = max(1, tries)
        self._sleep = sleep
        self._has_answered = False

    @property
    def url(self) -> str:
        return self.store.url

    @property
    def abilities(self) -> Abilities:
        return self.store.abilities

    def list(self, prefix: str) -> Iterator[Listed]:
        # listed inside: what a generator raises later nobody would try again
        return iter(self._again(lambda: list(self.store.list(prefix))))

    def missing(self, names: Iterable[str]) -> set[str]:
        # an iterator would be used up by the first try
        wanted = list(names)
        return self._again(lambda: self.store.missing(wanted))

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._again(lambda: self.store.get(name, offset, length))

    def fetch(self, name: str, path: str, *, at_once: int = 1) -> None:
        def attempt() -> None:
            # what a try that was cut off has left: a store refuses a file that is there
            with suppress(FileNotFoundError):
                os.unlink(path)
            self.store.fetch(name, path, at_once=at_once)

        self._again(attempt)

    def put(self, name: str, data: bytes, *, replace: bool = False) -> None:
        self._again(lambda: self.store.put(name, data, replace=replace))

    def create(self, name: str, data: bytes) -> bool:
        def attempt() -> bool:
            if self.store.create(name, data):
                return True
            # it may have been our own attempt, whose answer was lost
            return self.store.get(name) == data

        return self._again(attempt)

    def put_file(self, name: str, path: str, *, at_once: int = 1) -> None:
        self._again(lambda: self.store.put_file(name, path, at_once=at_once))

    def delete(self, names: Iterable[str]) -> None:
        wanted = list(names)
        self._again(lambda: self.store.delete(wanted))

    def clean(self, before: float) -> int:
        return self._again(lambda: self.store.clean(before))

    def close(self) -> None:
        self.store.close()

    def _again(self, call: Callable[[], T]) -> T:
        pause = FIRST_SECONDS
        for attempt in range(1, self._tries + 1):
            try:
                result = call()
            except FileNotFoundError:
                # an answer, not a failure: it would be the same the next time
                self._has_answered = True
                raise
            except RemoteError as error:
                self._has_answered = self._has_answered or error.answered
                if (
                    not error.retryable
                    or attempt == self._tries
                    or (attempt > 1 and not self._has_answered)
                ):
                    raise
            else:
                self._has_answered = True
                return result
            # by chance: what was cut off together does not come back together
            self._sleep(pause * _chance())
            pause = min(pause * 2, LONGEST_SECONDS)
        raise AssertionError("unreachable")


def _chance() -> float:
    """So much of a pause is kept, so that many clients do not come back at once."""
    import random  # noqa: PLC0415 - where something failed only

    return random.uniform(0.5, 1.0)
