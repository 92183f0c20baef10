"""What a transfer between cache and remote has to move; ``push`` and ``fetch`` beside this move it."""

from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

from mltrack.events import Progress
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.store.cache import Cache

Report = Callable[[Progress], None]
WHOLE_PACK_SHARE = 0.5
"""A pack of which at least this share is wanted moves as it is: sending it beats reading and writing it anew."""


class Moved(NamedTuple):
    """What a transfer moved, or would move: objects and their bytes."""

    objects: int
    bytes: int


class Need(NamedTuple):
    """Digests to move: trees in the order children first, and other objects with their sizes."""

    trees: list[str]
    objects: dict[str, int]


def needed(cache: Cache, contents: Iterable[Content], present: Container[bytes]) -> Need:
    """Returns what of these contents is not ``present`` elsewhere.

    A tree that is present is not opened, since it was written after its children, unless something is known to be lost
    there. Raises MissingObjectError if the cache lacks a tree that must be opened.
    """
    is_whole = getattr(present, "is_whole", True)
    trees: dict[str, None] = {}
    objects: dict[str, int] = {}
    seen: set[str] = set()
    pending = [(content.kind == TREE, content.hex, content.size) for content in contents]
    while pending:
        is_tree, hex_digest, size = pending.pop()
        if hex_digest in seen:
            continue
        seen.add(hex_digest)
        is_there = bytes.fromhex(hex_digest) in present
        if is_there and (is_whole or not is_tree or not cache.has(hex_digest)):
            continue
        if not is_tree:
            objects[hex_digest] = size
            continue
        if not is_there:
            trees[hex_digest] = None
        for entry in cache.read_tree(hex_digest):
            pending.append((entry.kind == tree.DIRECTORY, entry.hex, entry.size))
    return Need(list(reversed(trees)), objects)
