"""Opening one file of a project, as :func:`open` does."""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import IO, Any, NamedTuple, cast

from mltrack.api import lazily
from mltrack.api.place import Place
from mltrack.errors import UsageError


class Text(NamedTuple):
    """How bytes become text, as :func:`open` takes it."""

    encoding: str | None = None
    errors: str | None = None
    newline: str | None = None


def open_file(place: Place, path: str, mode: str, text: Text) -> IO[Any]:
    """Returns a file opened for reading; the project is closed with it. Raises
    UsageError for a mode that writes.
    """
    if sorted(mode.replace("t", "")) not in (["r"], ["b", "r"]):
        raise UsageError(f"mltrack.open reads, and mode is {mode!r}")
    if "b" in mode and any(text):
        raise UsageError("a binary file has no encoding, errors or newline")
    with ExitStack() as stack:
        session = stack.enter_context(place.session())
        closing = stack.pop_all().close
        try:
            binary = lazily.reading.open_file(session, path, closing=closing)
        except BaseException:
            closing()
            raise
    if "b" in mode:
        return binary  # type: ignore[return-value]
    # every reader here is one that a text layer takes
    encoding = text.encoding or "utf-8"
    return io.TextIOWrapper(cast(Any, binary), encoding, text.errors, text.newline)
