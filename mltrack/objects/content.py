"""What stands at a path: a kind, a digest, a size, and for a tree the number of files.

Pointers, lock entries, run records and observations all say the same four things; this
is the one record for them.
"""

from typing import NamedTuple

FILE, EXEC, SYMLINK, TREE = "file", "exec", "symlink", "tree"
KINDS = (FILE, EXEC, SYMLINK, TREE)
URL = "url"
"""The kind of something outside the project; its digest is that of what its server says
of it. Only dependencies are.
"""
STAMP = "stamp"
"""The kind of something outside the project that its sizes and times stand for. Only
dependencies are.
"""
BY_LETTER = {"f": FILE, "x": EXEC, "l": SYMLINK, "d": TREE}
"""The kind that a letter in a tree's line means."""


class Content(NamedTuple):
    """``hex`` is the digest's hexadecimal part; ``size`` is in bytes, of a tree the sum
    below it.
    """

    kind: str
    hex: str
    size: int
    # of a file 1, so that sums over targets need no case for it
    files: int = 1

    def same_bytes(self, other: "Content | None") -> bool:
        """Returns whether both name the same bytes of the same kind."""
        return other is not None and self.kind == other.kind and self.hex == other.hex
