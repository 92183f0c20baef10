"""The store protocol: named bytes somewhere else. Directories, object stores and ssh
speak it.

Names are relative paths of printable ASCII with ``/`` between their parts. A store
knows nothing of objects, packs or indexes; :class:`mltrack.store.shared.remote.Remote`
lays those on top. Extra behaviour (retries, limits) wraps a store.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol


class Abilities(NamedTuple):
    """What a store can promise, each in one sentence.

    ``durable``: what ``put`` has accepted survives a power cut. ``local``: reading a
    small range costs no round trip worth saving. ``writable``: ``put`` and ``delete``
    work at all.
    """

    durable: bool
    local: bool
    writable: bool


class Listed(NamedTuple):
    """A name in a store, its size in bytes, and when it was written by the store's own
    clock, in seconds since 1970.
    """

    name: str
    size: int
    modified: float


class Store(Protocol):
    """Bytes by name.

    ``put`` is atomic: readers see nothing or all of it, and of two writers of one name either wins; names are never
    reused for other bytes, except where ``replace`` says so. Calls may come from several threads. Errors are
    :class:`mltrack.errors.RemoteError`, with ``retryable`` set where trying again may help; a name that does not exist
    raises FileNotFoundError from ``get`` and ``fetch``.
    """

    @property
    def url(self) -> str:
        """The store's address as it may be shown: without credentials."""
        ...

    @property
    def abilities(self) -> Abilities: ...

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yields what lies below a directory, in any order; nothing if there is no such
        directory.
        """
        ...

    def missing(self, names: Iterable[str]) -> set[str]:
        """Returns those of the names that do not exist."""
        ...

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Returns a range of the bytes, or all of them; fewer than asked for only where
        the bytes end.
        """
        ...

    def fetch(self, name: str, path: str, *, at_once: int = 1) -> None:
        """Writes all bytes to a new local file, which is not made durable; up to
        ``at_once`` parts at a time.
        """
        ...

    def put(self, name: str, data: bytes, *, replace: bool = False) -> None: ...

    def create(self, name: str, data: bytes) -> bool:
        """Stores bytes under a name that does not exist; returns whether it did: of
        several writers exactly one does.
        """
        ...

    def put_file(self, name: str, path: str, *, at_once: int = 1) -> None:
        """Stores the bytes of a local file, up to ``at_once`` parts at a time; an equal
        name is replaced.
        """
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Removes names; those that do not exist are passed over."""
        ...

    def clean(self, before: float) -> int:
        """Removes what writers that are gone left half-written before that moment;
        returns how many things.
        """
        ...

    def close(self) -> None:
        """Ends connections; a later call opens them again."""
        ...
