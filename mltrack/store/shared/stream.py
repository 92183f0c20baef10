"""Reading a large object where it lies in a store, without fetching it: ranges, as they
are asked for.
"""

import io
import os
from collections.abc import Callable
from typing import Any

from mltrack.errors import IntegrityError, RemoteError
from mltrack.objects.digest import Algorithm
from mltrack.store.kinds.store import Store
from mltrack.store.shared.names import object_path

# bytes: a jump to somewhere costs this much, and reading on doubles it up to the other
_FIRST_BYTES, _MOST_BYTES = 128 << 10, 8 << 20


class ObjectStream(io.RawIOBase):
    """An object of a store as a file that is read and sought, not written. ``closing``
    is called at its end.

    What is read from the first byte to the last in one go is compared with the digest,
    and raises IntegrityError at the last; of single ranges only the size is known to be
    right. It belongs to the process that opened it.
    """

    def __init__(
        self,
        store: Store,
        algorithm: Algorithm,
        hex_digest: str,
        size: int,
        closing: Callable[[], object] = lambda: None,
    ) -> None:
        self._store, self._algorithm = store, algorithm
        self._hex, self._size = hex_digest, size
        self._closing = closing
        self._at = 0
        self._block, self._block_at = b"", 0
        self._ahead = _FIRST_BYTES
        self._hasher: Any = algorithm.new()
        self._hashed = 0
        self._process = os.getpid()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        at = start[whence] + offset
        if at < 0:
            raise ValueError(f"negative seek position {at}")
        self._at = at
        return at

    def readinto(self, buffer: Any, /) -> int:
        self._check_open()
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        inner = self._at - self._block_at
        if not 0 <= inner < len(self._block):
            self._load(wanted)
            inner = self._at - self._block_at
        piece = self._block[inner : inner + wanted]
        buffer[: len(piece)] = piece
        self._verify(piece)
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            # a child's copy must not end what its parent still uses
            if self._process == os.getpid():
                self._closing()
            super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("read of a closed file")
        if self._process != os.getpid():
            # two processes on one connection would read each other's answers
            raise RemoteError(
                "this file was opened by the process that this one was forked from",
                hint="open it again here",
            )

    def _load(self, wanted: int) -> None:
        """Gets the range at the present place, more of it the longer it is read on."""
        is_next = self._at == self._block_at + len(self._block) and self._block
        self._ahead = min(2 * self._ahead, _MOST_BYTES) if is_next else _FIRST_BYTES
        length = min(max(wanted, self._ahead), self._size - self._at)
        try:
            data = self._store.get(object_path(self._hex), self._at, length)
        except FileNotFoundError:
            raise self._broken("is gone") from None
        if len(data) != length:
            raise self._broken(f"ends before its {self._size} bytes")
        self._block, self._block_at = data, self._at

    def _verify(self, piece: bytes) -> None:
        if self._at != self._hashed:
            return
        self._hasher.update(piece)
        self._hashed += len(piece)
        if self._hashed == self._size and self._hasher.hexdigest() != self._hex:
            raise self._broken("does not match its digest")

    def _broken(self, why: str) -> IntegrityError:
        return IntegrityError(
            f"{self._store.url}: the object {self._algorithm.text(self._hex)} {why}",
            hint="mltrack fsck --remote",
        )
