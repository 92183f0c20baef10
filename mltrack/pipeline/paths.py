"""Questions about where paths lie, answered without walking through all of them.

A pipeline of ten thousand stages asks for each of its paths who owns it, what lies
above it and what below: a map that knows the directories above its keys answers in time
that grows with the depth of a path, not with their number.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

V = TypeVar("V")


def contains(directory: str, path: str) -> bool:
    """Returns whether ``path`` is ``directory`` or lies below it; the root is the empty
    string.
    """
    # with the slash: `data-old` does not lie in `data`
    return path == directory or not directory or path.startswith(directory + "/")


def overlaps(a: str, b: str) -> bool:
    return contains(a, b) or contains(b, a)


def leads_out(path: str) -> bool:
    """Returns whether a path that is relative to a directory leads out of it."""
    # with the slash: `..name` is a name like any other
    return path == ".." or path.startswith("../")


def parents(path: str) -> Iterator[str]:
    """Yields the directories above a path, nearest first, without the root."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


class PathMap(Generic[V]):
    """Values by path, in the order in which they were put, with questions about what
    lies above and below.
    """

    __slots__ = ("_below", "_items")

    def __init__(self, items: Iterable[tuple[str, V]] = ()) -> None:
        self._items: dict[str, V] = {}
        # inner dicts as sets that keep the order, and let one go without a search
        self._below: dict[str, dict[str, None]] = {}
        for path, value in items:
            self[path] = value

    def __setitem__(self, path: str, value: V) -> None:
        if path not in self._items:
            for parent in parents(path):
                self._below.setdefault(parent, {})[path] = None
        self._items[path] = value

    def __getitem__(self, path: str) -> V:
        return self._items[path]

    def __contains__(self, path: str) -> bool:
        return path in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def pop(self, path: str) -> V:
        """Removes a path and returns its value; raises KeyError if it is not there."""
        value = self._items.pop(path)
        for parent in parents(path):
            del self._below[parent][path]
        return value

    def holder(self, path: str) -> str | None:
        """Returns the nearest key that is ``path`` or a directory above it."""
        if path in self._items:
            return path
        return next((parent for parent in parents(path) if parent in self._items), None)

    def below(self, path: str) -> list[str]:
        """Returns the keys that lie below ``path``, not ``path`` itself; all of them
        for the root.
        """
        return list(self._below.get(path, ())) if path else list(self._items)

    def overlapping(self, path: str) -> list[str]:
        """Returns the keys that are ``path``, lie above it, or lie below it."""
        found = [parent for parent in (path, *parents(path)) if parent in self._items]
        return found + self.below(path)
