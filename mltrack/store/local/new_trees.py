"""Trees that are being written: what was just written can be read back before it is durable."""

from mltrack.objects import tree
from mltrack.objects.tree_walk import Load
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import TREES


class NewTrees:
    """Writes trees by ``writer``; ``load`` opens those that were there before."""

    def __init__(self, writer: CacheWriter, load: Load) -> None:
        self._writer = writer
        self._load = load
        self._written: dict[str, list[tree.Entry]] = {}

    def write(self, entries: list[tree.Entry]) -> str:
        """Stores a tree; returns its digest."""
        hex_digest = self._writer.put(tree.encode(entries), TREES)
        self._written[hex_digest] = entries
        return hex_digest

    def load(self, hex_digest: str) -> list[tree.Entry]:
        """Returns the entries of a tree: of one just written, or of one that was there."""
        return self._written[hex_digest] if hex_digest in self._written else self._load(hex_digest)
