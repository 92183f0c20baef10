"""How much one answer of a server may hold, and all answers of one listing, for whoever
reads them: set where the expected size is known.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MOST_BYTES: ContextVar[int] = ContextVar("most_bytes", default=1 << 30)
"""More than the largest index, unless a caller knows better. Tasks on other threads'
loops inherit it.
"""
LISTING_BYTES = 1 << 30
"""Some three million names: a remote of many terabytes has fewer. Pages that never end
stop there.
"""
LEFT: ContextVar["list[int] | None"] = ContextVar("left", default=None)
"""What all answers to come may hold together, counted down, if that is bounded."""
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


@contextmanager
def in_all_at_most(count: int) -> Iterator[None]:
    """Bounds what the answers to all requests made in a block hold together."""
    # a list: tasks get a copy of the context, and all count down the same one
    token = LEFT.set([count])
    try:
        yield
    finally:
        LEFT.reset(token)
