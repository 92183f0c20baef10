"""Trees: one object per directory, as in git.

The text form is settled in docs/reference/formats.md. Decoding is strict: what is not
in canonical form (sorted, no duplicates, valid names) is refused, so that equal
directories always have equal digests and a hostile tree never reaches the disk.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from operator import ge
from typing import NamedTuple

from mltrack.errors import FormatError

HEADER = b"mltrack-tree 1\n"
FILE, EXEC, SYMLINK, DIRECTORY = "f", "x", "l", "d"
# levels: twice what a path of PATH_MAX bytes can have; forged ones go on for ever
MAX_DEPTH = 4096
# NAME_MAX of the file systems: a longer one could be listed and never written
MAX_NAME_BYTES = 255
# bytes: a directory of some ten million files, told in one listing
MAX_TREE_BYTES = 1 << 30

_ESCAPE = re.compile(rb"[\x00-\x20%\x7f-\xff]")
_UNESCAPE = re.compile(rb"%([0-9a-f]{2})")
# Names that git, or a file system that folds case, would take for git's or mltrack's
# own directory.
_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
# with which the names start that may not be taken as they are
_SUSPECT = b".gGmM\xe2\xef"
_RESERVED = re.compile(r"(\.git|\.mltrack|git~[0-9]|mltrac~[0-9])[ .]*(:.*)?\Z")


class Entry(NamedTuple):
    """One line of a tree; a plain tuple on hot paths. ``size`` of a directory is the
    sum below it.
    """

    name: bytes
    kind: str
    hex: str
    size: int


def encode(entries: Iterable[tuple[bytes, str, str, int]]) -> bytes:
    """Returns the canonical bytes of a tree with these ``(name, kind, hex, size)``
    entries, in any order.
    """
    lines = [HEADER]
    for name, kind, hex_digest, size in sorted(entries):
        shown = _ESCAPE.sub(_escape, name) if _ESCAPE.search(name) else name
        lines.append(
            b"%s %s %d %s\n" % (kind.encode(), hex_digest.encode(), size, shown)
        )
    return b"".join(lines)


def decode(data: bytes, hex_size: int) -> list[Entry]:
    """Returns the entries of a tree, sorted by name; raises FormatError unless ``data``
    is canonical.
    """
    # first: any bytes may stand under a digest, and a file is not to be read as a tree
    if not data.startswith(HEADER):
        raise FormatError(
            "not a tree of version 1 (its first line differs)",
            hint="a newer mltrack may have written it",
        )
    if len(data) > MAX_TREE_BYTES or not data.endswith(b"\n"):
        raise FormatError("a tree is truncated or too large")
    try:
        text = data[len(HEADER) :].decode("ascii")
    except UnicodeDecodeError:
        raise FormatError("a tree holds bytes that are not ASCII") from None
    # one search for all lines, instead of a call for each of 100,000
    rows = _lines(hex_size).findall(text)
    if len(rows) != text.count("\n"):
        bad = next(
            line for line in text.split("\n") if not _lines(hex_size).match(line)
        )
        raise FormatError(f"malformed line in a tree: {bad[:120]!r}")
    names = [row[3].encode() for row in rows]
    if "%" in text:
        names = [_unescaped(name) for name in names]
    # what is not sorted could give one directory two digests, or one name two files
    if any(map(ge, names, names[1:])):
        at = next(
            number for number, name in enumerate(names[1:]) if names[number] >= name
        )
        raise FormatError(f"tree is not sorted, or names {names[at + 1][:120]!r} twice")
    # the costly look only where a name could be bad: in most trees nowhere
    has_odd = "%" in text or "/" in text
    for name in names:
        if has_odd or name[0] in _SUSPECT or len(name) > MAX_NAME_BYTES:
            check_name(name)
    return [
        Entry(name, row[0], row[1], int(row[2]))
        for name, row in zip(names, rows, strict=True)
    ]


def decode_differing(
    old: bytes, new: bytes, hex_size: int
) -> tuple[list[Entry], list[Entry]]:
    """Returns the entries of two trees without most of what both begin and end with: for
    a comparison that costs what differs. Neither is empty unless its tree is.

    Raises FormatError as :func:`decode` does, of the lines that are looked at.
    """
    same = _common(old, new)
    if same < len(HEADER):
        return decode(old, hex_size), decode(new, hex_size)
    # the first line that is not whole in both
    first = old.rfind(b"\n", 0, same) + 1
    # one line that is: a tree without entries stays apart from one that loses them here
    above = old.rfind(b"\n", 0, first - 1) + 1
    start = max(above, len(HEADER))
    most = min(len(old), len(new)) - first
    tail = _common(old[: -most - 1 : -1], new[: -most - 1 : -1]) if most else 0
    # whole lines: what is equal of a line before them stays
    end = len(old) - old.find(b"\n", len(old) - tail) - 1 if tail else 0
    before, after = (one[start : len(one) - end] for one in (old, new))
    return decode(HEADER + before, hex_size), decode(HEADER + after, hex_size)


def _common(one: bytes, other: bytes) -> int:
    """The length of what two texts both begin with."""
    low, high = 0, min(len(one), len(other))
    # by halves: comparing bytes is a hundred times as fast as walking over them
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


@cache
def _lines(hex_size: int) -> re.Pattern[str]:
    return re.compile(
        rf"^([fxld]) ([0-9a-f]{{{hex_size}}}) (0|[1-9][0-9]{{0,18}}) ([!-~]+)$",
        re.MULTILINE,
    )


def _unescaped(shown: bytes) -> bytes:
    if b"%" not in shown:
        return shown
    name = _UNESCAPE.sub(_unescape, shown)
    # `%41` for `A`: a second spelling would be a second digest of one directory
    if _ESCAPE.sub(_escape, name) != shown:
        raise FormatError(f"name in a tree is not in canonical form: {shown[:120]!r}")
    return name


def check_name(name: bytes) -> None:
    """Raises FormatError unless ``name`` may be one component of a path that mltrack
    writes.
    """
    if (
        not name
        or len(name) > MAX_NAME_BYTES
        or name in (b".", b"..")
        or b"/" in name
        # system calls end a name there: another file would be written
        or b"\0" in name
    ):
        raise FormatError(f"name not allowed in a tree: {name[:120]!r}")
    if is_reserved_name(name):
        raise FormatError(
            f"a tree may not hold {name[:120]!r}: it belongs to git or mltrack"
        )


def parents(path: bytes) -> Iterator[bytes]:
    """Yields the directories above a path, nearest first, without the root."""
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def is_reserved_name(name: bytes) -> bool:
    """Returns whether ``name`` is git's or mltrack's directory, in any spelling some
    file system would accept.
    """
    # of any length: dots at the end, and marks that are not seen, count for nothing
    if name[:1] not in _SUSPECT:
        return False
    folded = _IGNORABLE.sub("", name.decode("utf-8", "surrogateescape")).lower()
    return _RESERVED.match(folded) is not None


def _escape(match: re.Match[bytes]) -> bytes:
    return b"%%%02x" % match[0][0]


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),))
