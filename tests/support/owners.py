"""Holds, in every test, what docs/internals/locks-and-threads.md says of threads: some
objects belong to who made them.
"""

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

from mltrack.store.local.cache import Cache
from mltrack.store.local.run_cache import RunCache
from mltrack.store.shared.remote import Remote
from mltrack.workspace.observe import Observer

OF_ONE_THREAD = (Cache, RunCache, Remote, Observer)
FOR_ALL = ("Cache.twin",)
"""What any thread may ask."""
strangers: list[str] = []
"""Calls that came from another thread than the one that made the object."""


def watch() -> None:
    """Notes from now on who calls the methods of these classes."""
    for kind in OF_ONE_THREAD:
        kind.__init__ = _remembering(kind.__init__)  # type: ignore[method-assign]
        for name, method in list(vars(kind).items()):
            if (
                inspect.isfunction(method)
                and not name.startswith("_")
                and f"{kind.__name__}.{name}" not in FOR_ALL
            ):
                setattr(kind, name, _noting(method, f"{kind.__name__}.{name}"))


def _remembering(initialise: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(initialise)
    def remember(self: Any, *arguments: Any, **named: Any) -> None:
        self._owner = threading.get_ident()
        initialise(self, *arguments, **named)

    return remember


def _noting(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def note(self: Any, *arguments: Any, **named: Any) -> Any:
        owner = getattr(self, "_owner", None)  # one may be made without its initialiser
        if owner not in (None, threading.get_ident()):
            strangers.append(
                f"{name} was called from {threading.current_thread().name}"
            )
        return method(self, *arguments, **named)

    return note
