"""The markers that git leaves in a text where both sides of a merge changed the same
lines.
"""

import re

from mltrack.errors import FormatError

# with the base between, where merge.conflictStyle is diff3: it is no side
_MARKERS = re.compile(
    rb"^<<<<<<<[^\n]*\n(.*?)(?:^\|{7}[^\n]*\n.*?)?^=======\n(.*?)^>>>>>>>[^\n]*\n",
    re.MULTILINE | re.DOTALL,
)


def is_in_conflict(data: bytes) -> bool:
    """Returns whether a text holds a whole conflict: a line of equals signs alone is a
    heading in some of them.
    """
    return _MARKERS.search(data) is not None


def split_conflict(data: bytes, path: str) -> tuple[bytes, bytes]:
    """Returns both sides of a text with conflict markers; raises FormatError if it has
    none.
    """
    if not is_in_conflict(data):
        raise FormatError(f"{path}: no conflict to resolve")
    return _MARKERS.sub(rb"\1", data), _MARKERS.sub(rb"\2", data)
