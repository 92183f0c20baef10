"""How much one answer of a server may hold, for whoever reads it: set where the expected size is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MOST_BYTES: ContextVar[int] = ContextVar("most_bytes", default=1 << 30)
"""More than the largest index, unless a caller knows better. Tasks on other threads' loops inherit it."""
_ERROR_BYTES = 64 << 10
"""An answer that says what went wrong may be longer than what was asked for."""


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Bounds the answers to requests made in a block."""
    token = MOST_BYTES.set(count + _ERROR_BYTES)
    try:
        yield
    finally:
        MOST_BYTES.reset(token)
