"""How far a transfer is, shown in a notebook; nowhere else is anything shown."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mltrack.events import Progress, meter

Moving = Callable[[Progress], None]
"""Is called with how far a transfer is."""

# seconds between two looks; a large object moves for long without an event
_LOOK_SECONDS = 0.5
_MEGABYTE = 1e6


@contextmanager
def shown(on_progress: Moving | None) -> Iterator[Moving]:
    """Hands out what is to be called with progress: the caller's own function; without
    one a bar in a notebook, and elsewhere what does nothing.
    """
    if on_progress is not None:
        yield on_progress
    elif not is_notebook():
        yield lambda event: None
    else:
        with Bar() as bar:
            yield bar


def is_notebook() -> bool:
    """Returns whether a kernel runs this, whose pages can show a bar."""
    # never loaded from here: where there is a kernel, it is there
    found = sys.modules.get("IPython")
    shell = found.get_ipython() if found is not None else None
    return getattr(shell, "kernel", None) is not None


class Bar:
    """One bar below a cell, which follows the events of a transfer and, between them,
    its bytes.
    """

    def __init__(self) -> None:
        self._event: Progress | None = None
        self._shown = ""
        self._handle: Any = None
        self._ended = threading.Event()
        self._moved = meter.moved
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Bar:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._ended.set()
        self._thread.join()
        # what it says last is how far it came
        self._show()

    def __call__(self, event: Progress) -> None:
        if self._event is None or event.what != self._event.what:
            self._moved = meter.moved
        self._event = event

    def _follow(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._show()

    def _show(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - a kernel has it

        # nothing moves where everything is there already: then there is no bar
        if self._event is None or not self._event.total:
            return
        moved = meter.moved - self._moved
        text = f"{_words(self._event)} ({_share(self._event, moved):.0%})"
        if text == self._shown:
            return
        self._shown = text
        # in words, too: a page may be turned into text
        page = {"text/html": _page(self._event, moved), "text/plain": text}
        if self._handle is None:
            self._handle = display(page, raw=True, display_id=True)
        else:
            self._handle.update(page, raw=True)


def _page(event: Progress, moved: int) -> str:
    share = _share(event, moved)
    return f"<progress value='{share:.3f}'></progress> {_words(event)}"


def _share(event: Progress, moved: int) -> float:
    """How much is done: by bytes, where they are known, since objects differ in size."""
    done = event.done / event.total
    size = event.total_bytes
    return done if done == 1 or not size else max(done, min(moved / size, 1.0))


def _words(event: Progress) -> str:
    size = f", {event.total_bytes / _MEGABYTE:,.1f} MB" if event.total_bytes else ""
    noun = "object" if event.total == 1 else "objects"
    return f"{event.what} {event.done:,} of {event.total:,} {noun}{size}"
