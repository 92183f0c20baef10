"""What a transfer between cache and remote has to move; ``push`` and ``fetch`` beside
this move it.
"""

from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

from mltrack.events import Progress
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_walk import below
from mltrack.store.local.cache import Cache
from mltrack.store.shared.present import Present

Report = Callable[[Progress], None]
WHOLE_PACK_SHARE = 0.5
"""A pack of which at least this share is wanted moves as it is: sending it beats
reading and writing it anew.
"""


class Moved(NamedTuple):
    """What a transfer moved, or would move: objects and their bytes."""

    objects: int
    bytes: int


class Need(NamedTuple):
    """Digests to move: trees, each before one that names it, and other objects with
    their sizes.

    ``opened`` are the trees that were looked into, and ``there`` all digests that were
    found to be there already. ``is_complete`` is False where a tree that is there could
    not be opened, since the cache lacks it.
    """

    trees: list[str]
    objects: dict[str, int]
    opened: list[str]
    there: set[str]
    is_complete: bool = True

    @property
    def total(self) -> int:
        return len(self.trees) + len(self.objects)


def needed(
    cache: Cache,
    contents: Iterable[Content],
    present: Present,
    whole: Container[str] = (),
) -> Need:
    """Returns what of these contents is not ``present`` elsewhere.

    Trees in ``whole``, which are known to be there with all below them, are not opened;
    every other one is: that a tree is there says nothing of what it names, since an
    index may be lost. Raises MissingObjectError if the cache lacks a tree that is not
    there.
    """
    closed: set[str] = set()

    def load(hex_digest: str) -> list[tree.Entry] | None:
        if hex_digest in whole:
            return None
        # there but not here: what it names is told once it was fetched
        if bytes.fromhex(hex_digest) in present and not cache.has(hex_digest):
            closed.add(hex_digest)
            return None
        return cache.read_tree(hex_digest)

    wanted = list(contents)
    found = below([content.hex for content in wanted if content.kind == TREE], load)
    trees = found.trees
    files = {
        content.hex: content.size for content in wanted if content.kind != TREE
    } | found.files
    lacking = present.missing([*trees, *files])
    return Need(
        # the walk goes down, sending goes up
        [hex_digest for hex_digest in reversed(trees) if hex_digest in lacking],
        {
            hex_digest: size
            for hex_digest, size in files.items()
            if hex_digest in lacking
        },
        trees,
        {*trees, *files} - lacking,
        is_complete=not closed,
    )
