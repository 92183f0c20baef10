"""Where imported data came from: a block ``from`` in its pointer.

A version that does not know the block keeps its lines as they are.
"""

import json
import re
from typing import NamedTuple

from mltrack.errors import FormatError

_HEAD = "from:"
_LINE = re.compile(r"  ([a-z]+): (.*)\Z")
_FIELDS = ("repository", "path", "revision", "commit", "digest")


class Origin(NamedTuple):
    """A path of a repository: its place, the revision that was asked for ('' is the
    newest), the commit that this was, and the digest of what was there.
    """

    repository: str
    path: str
    revision: str
    commit: str
    digest: str


def write(origin: Origin) -> tuple[str, ...]:
    """Returns the lines of the block."""
    fields = ((name, getattr(origin, name)) for name in _FIELDS)
    # always quoted: a commit of digits alone is a number to YAML
    return (
        _HEAD,
        *(f"  {name}: {json.dumps(value)}" for name, value in fields if value),
    )


def parse(lines: tuple[str, ...], name: str) -> Origin | None:
    """Returns the origin among the further lines of a pointer, None where there is
    none; ``name`` is the pointer's path, for errors.
    """
    if _HEAD not in lines:
        return None
    fields = dict.fromkeys(_FIELDS, "")
    for line in lines[lines.index(_HEAD) + 1 :]:
        match = _LINE.match(line)
        if match is None:
            break
        if match[1] in fields:
            fields[match[1]] = _unquote(match[2], name)
    if not (fields["repository"] and fields["commit"] and fields["path"]):
        raise FormatError(
            f"{name}: its block 'from' lacks the repository, the path or the commit",
            hint=f"git checkout -- {name}",
        )
    return Origin(**fields)


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
