"""Deleting from a remote so that a push at the same time never relies on what goes.

There is no lock, so each side writes before it reads. Who deletes announces the names,
reads the indexes after that, and spares what they name; who asks what a remote holds
reads the indexes, then the announcements, then the files. One of the two sees the
other: what is announced counts as absent. An announcement is good for a short time
only, so that one whose process was killed hinders nobody for long.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from mltrack.disk import owner
from mltrack.errors import FormatError, RemoteError
from mltrack.formats import json_text
from mltrack.store.kinds.store import Store

NOTES = "gc"
_ENDING = ".deleting"
_FORMAT = 1
# names: one request of an object store, a minute of a slow server
_AT_ONCE = 1000
# seconds after its announcement in which a deletion begins
_LASTS = 300
# seconds: a deletion that has begun in time may be tried again for minutes
_COUNTS = 1800


def server_time(store: Store) -> float:
    """Returns the store's own time, read off a file that was just written there."""
    store.put(f"{NOTES}/clock", os.urandom(8), replace=True)
    return next(
        item.modified for item in store.list(NOTES) if item.name == f"{NOTES}/clock"
    )


def delete(
    store: Store, names: Iterable[str], needed: Callable[[], set[str]]
) -> list[str]:
    """Deletes names but for those that are ``needed``, which is asked after they were
    announced; returns what went.
    """
    rest = list(names)
    gone: list[str] = []
    while rest:
        part, rest = rest[:_AT_ONCE], rest[_AT_ONCE:]
        announcement = f"{NOTES}/{os.urandom(8).hex()}{_ENDING}"
        started = _clock()
        text = json.dumps({"mltrack": _FORMAT, "names": part, "by": owner.own()})
        store.put(announcement, text.encode())
        kept = needed()
        going = [name for name in part if name not in kept]
        if _clock() - started > _LASTS:
            store.delete([announcement])
            raise RemoteError(
                f"{store.url}: reading its indexes took too long to delete safely",
                hint="run this again",
            )
        store.delete(going)
        # last: from now on nobody takes them for absent before they are
        store.delete([announcement])
        gone += going
    return gone


def announced(store: Store) -> set[str]:
    """Returns the names that someone may be deleting at this moment."""
    found = [item for item in store.list(NOTES) if item.name.endswith(_ENDING)]
    if not found:
        return set()
    # by the store's own clock; where none can be had all of them count
    oldest = server_time(store) - _COUNTS if store.abilities.writable else 0.0
    names: set[str] = set()
    for item in found:
        if item.modified >= oldest:
            with suppress(FileNotFoundError):  # it has ended meanwhile
                names |= _names(store.get(item.name), f"{store.url}/{item.name}")
    return names


def noted(store: Store) -> set[str]:
    """Returns the names that a garbage collection has noted, and deletes unless an
    index names them.
    """
    names: set[str] = set()
    for item in list(store.list(NOTES)):
        if item.name.endswith((_ENDING, ".json")):
            with suppress(FileNotFoundError):  # it has ended meanwhile
                names |= _names(store.get(item.name), f"{store.url}/{item.name}")
    return names


def forget_old(store: Store) -> None:
    """Removes the announcements of processes that were killed."""
    found = [item for item in store.list(NOTES) if item.name.endswith(_ENDING)]
    if found:
        oldest = server_time(store) - _COUNTS
        store.delete(item.name for item in found if item.modified < oldest)


def _names(data: bytes, where: str) -> set[str]:
    value = json_text.load(data, where)
    names = value.get("names") if isinstance(value, dict) else None
    # the dead delete nothing: who was killed here can go on at once
    if isinstance(value, dict) and owner.is_gone(str(value.get("by", ""))):
        return set()
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise FormatError(
            f"{where}: it does not name what is deleted; it was written by a newer "
            "mltrack, or is damaged",
            hint="upgrade mltrack, or remove that file",
        )
    return set(names)


def _clock() -> float:
    # the time asleep counts: a laptop that wakes up must not go on deleting
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
