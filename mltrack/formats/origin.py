"""Where imported data came from: a block ``from`` in its pointer.

A version that does not know the block keeps its lines as they are.
"""

import json
import re
from typing import NamedTuple

from mltrack.errors import FormatError

_HEAD = "from:"
_LINE = re.compile(r"  ([a-z]+): (.*)\Z")
MARKS = ("etag", "version", "modified", "listing")
"""What the bytes at a URL are known by, the surest first: a tag or version that the
server gives them, the time of their last change, or for a directory a digest of all
that is said of its files.
"""


class Origin(NamedTuple):
    """A path of a repository: its place, the revision that was asked for ('' is the
    newest), the commit that this was, and the digest of what was there.
    """

    repository: str
    path: str
    revision: str
    commit: str
    digest: str

    @property
    def seen(self) -> str:
        """Which state of the source this is."""
        return self.commit


class Address(NamedTuple):
    """A URL, and what its bytes were known by: one of ``MARKS`` and its value. ``size``
    is in bytes, -1 where the server did not say; ``digest`` is that of what was there.
    """

    url: str
    mark: str
    value: str
    size: int
    digest: str

    @property
    def seen(self) -> str:
        """Which state of the source this is."""
        return f"{self.mark} {self.value} {self.size}"


AnyOrigin = Origin | Address


def write(origin: AnyOrigin) -> tuple[str, ...]:
    """Returns the lines of the block."""
    if isinstance(origin, Address):
        fields = {
            "url": origin.url,
            origin.mark: origin.value,
            "size": str(origin.size) if origin.size >= 0 else "",
            "digest": origin.digest,
        }
    else:
        fields = origin._asdict()
    # always quoted: a commit of digits alone is a number to YAML
    lines = (f"  {name}: {json.dumps(text)}" for name, text in fields.items() if text)
    return (_HEAD, *lines)


def parse(lines: tuple[str, ...], name: str) -> AnyOrigin | None:
    """Returns the origin among the further lines of a pointer, None where there is
    none; ``name`` is the pointer's path, for errors.
    """
    if _HEAD not in lines:
        return None
    fields: dict[str, str] = {}
    for line in lines[lines.index(_HEAD) + 1 :]:
        match = _LINE.match(line)
        if match is None:
            break
        fields[match[1]] = _unquote(match[2], name)
    return _address(fields, name) if "url" in fields else _origin(fields, name)


def _origin(fields: dict[str, str], name: str) -> Origin:
    if not (fields.get("repository") and fields.get("commit") and fields.get("path")):
        raise FormatError(
            f"{name}: its block 'from' lacks the repository, the path or the commit",
            hint=f"git checkout -- {name}",
        )
    return Origin(*(fields.get(field, "") for field in Origin._fields))


def _address(fields: dict[str, str], name: str) -> Address:
    mark = next((mark for mark in MARKS if mark in fields), "")
    size = fields.get("size", "-1")
    if not mark or not re.fullmatch(r"-1|[0-9]{1,19}", size):
        raise FormatError(
            f"{name}: its block 'from' lacks what its source was known by",
            hint=f"git checkout -- {name}",
        )
    digest = fields.get("digest", "")
    return Address(fields["url"], mark, fields[mark], int(size), digest)


def without(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the further lines of a pointer without the block."""
    kept, inside = [], False
    for line in lines:
        inside = line == _HEAD or (inside and line.startswith("  "))
        if not inside:
            kept.append(line)
    return tuple(kept)


def _unquote(text: str, name: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        raise FormatError(f"{name}: not a quoted text: {text[:80]}") from None
    return str(value)
