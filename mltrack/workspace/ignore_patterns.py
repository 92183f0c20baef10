"""Patterns as git reads them in its ignore files, to the letter.

The source is gitignore(5) and what ``git check-ignore`` answers: the last matching line
decides, a deeper file comes before one further up, and what lies in a directory that is
left out stays out. The libraries that do this differ from git where a negation brings
something back below a ``*`` or ``dir/**``; a file left out by mistake is lost data.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_GLOB = re.compile(rb"[*?\[\\]")
"""The bytes at which the literal start of a pattern ends."""
_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"\x21-\x7e",
    b"lower": rb"a-z",
    b"print": rb"\x20-\x7e",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb"\t-\r ",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}
_NOTHING = rb"(?!)"
"""What a malformed set matches."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Matches = Callable[[bytes], object]


class Pattern(NamedTuple):
    """One line that says something. ``matches`` takes the name where ``by_name``, else
    the path below the file.
    """

    number: int
    text: str
    negated: bool
    directories_only: bool
    by_name: bool
    matches: Matches


def parse(data: bytes) -> list[Pattern]:
    """Returns the patterns of an ignore file, the last one first, as they are tried."""
    found = []
    for number, raw in enumerate(data.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
        # as git does, for files that were written on Windows
        line = raw.removesuffix(b"\r")
        if line.startswith(b"#"):
            continue
        line = _without_trailing_spaces(line)
        if line:
            found.append(_pattern(number, line))
    return found[::-1]


def decide(
    patterns: list[Pattern], path: bytes, *, is_directory: bool
) -> Pattern | None:
    """Returns the line that speaks about ``path``, relative to the file's directory;
    None if no line does.
    """
    name = path.rpartition(b"/")[2]
    for pattern in patterns:
        if pattern.directories_only and not is_directory:
            continue
        if pattern.matches(name if pattern.by_name else path):
            return pattern
    return None


def _without_trailing_spaces(line: bytes) -> bytes:
    """Cuts spaces at the end, down to one that a backslash keeps."""
    end, at = len(line), 0
    first_space: int | None = None
    while at < len(line):
        if line[at] == ord(" "):
            first_space = at if first_space is None else first_space
        elif line[at] == ord("\\"):
            at += 1
            first_space = None
        else:
            first_space = None
        at += 1
    return line[: end if first_space is None else first_space]


def _pattern(number: int, line: bytes) -> Pattern:
    glob = line.removeprefix(b"!") if line.startswith(b"!") else line
    directories_only = glob.endswith(b"/")
    glob = glob.removesuffix(b"/")
    by_name = b"/" not in glob
    matches = _whole_name(glob) if by_name else _path_below(glob)
    text = line.decode("utf-8", "surrogateescape")
    return Pattern(
        number, text, line.startswith(b"!"), directories_only, by_name, matches
    )


def _whole_name(glob: bytes) -> Matches:
    # most lines are plain names: no expression is compiled for them
    if _GLOB.search(glob) is None:
        return glob.__eq__
    return re.compile(_translated(glob), re.DOTALL).fullmatch


def _path_below(glob: bytes) -> Matches:
    glob = glob.removeprefix(b"/")
    wild = _GLOB.search(glob)
    literal = glob[: wild.start()] if wild else glob
    if len(literal) == len(glob):
        return glob.__eq__
    # git compares the literal start by itself: what follows it is a pattern of its own,
    # where `**` is special again
    return re.compile(
        re.escape(literal) + _translated(glob[len(literal) :]), re.DOTALL
    ).fullmatch


_STAR, _CROSSING, _ALL = rb"[^/]*", rb"(?:.*/)?", rb".*"
_LAZY = {_STAR: rb"[^/]*?", _CROSSING: rb"(?:.*?/)??", _ALL: rb".*?"}
"""The same, with the shortest tried first."""


def _translated(glob: bytes) -> bytes:
    """Returns the regular expression for a glob in which only ``**`` between slashes
    crosses a slash.

    What follows a star is taken at its first place for good, by an atomic group: no
    later one lets more match, and trying them all for each star took ages. What follows
    the last star alone is looked for up to the end.
    """
    # each begins with what may cross slashes, but the first
    groups: list[list[bytes]] = [[]]
    for piece in _pieces(glob):
        if piece in (_CROSSING, _ALL):
            groups.append([])
        groups[-1].append(piece)
    *before, last = groups
    return b"".join(
        [_first_place(group, is_last=False) for group in before]
        + [_first_place(last, is_last=True)]
    )


def _pieces(glob: bytes) -> Iterator[bytes]:
    """The expressions for single bytes, and those of ``_LAZY``."""
    at = 0
    while at < len(glob):
        byte = glob[at : at + 1]
        if byte == b"*":
            part, at = _stars(glob, at)
        elif byte == b"[":
            part, at = _set(glob, at + 1)
        elif byte == b"?":
            part, at = rb"[^/]", at + 1
        elif byte == b"\\":
            escaped = glob[at + 1 : at + 2]
            part, at = (re.escape(escaped) if escaped else _NOTHING), at + 2
        else:
            part, at = re.escape(byte), at + 1
        yield part


def _first_place(pieces: list[bytes], *, is_last: bool) -> bytes:
    """The expression for pieces of which at most the first crosses slashes. How often
    the others cross is fixed: where a star's rest begins says where it ends.
    """
    crosses = bool(pieces) and pieces[0] in (_CROSSING, _ALL)
    opening, rest = (pieces[0], pieces[1:]) if crosses else (b"", pieces)
    parts: list[list[bytes]] = [[]]
    for piece in rest:
        if piece == _STAR:
            parts.append([])
        else:
            parts[-1].append(piece)
    start, *starred = [b"".join(part) for part in parts]
    end = _STAR + starred.pop() if starred and is_last else b""
    body = start + b"".join(b"(?>%s%s)" % (_LAZY[_STAR], one) for one in starred)
    if is_last:
        return opening + body + end
    return b"(?>%s%s)" % (_LAZY.get(opening, b""), body)


def _stars(glob: bytes, start: int) -> tuple[bytes, int]:
    end = start
    while glob[end : end + 1] == b"*":
        end += 1
    opens = start == 0 or glob[start - 1 : start] == b"/"
    rest = glob[end:]
    crosses = (
        end - start > 1 and opens and (not rest or rest.startswith((b"/", b"\\/")))
    )
    if not crosses:
        return _STAR, end
    if rest.startswith(b"/"):
        return _CROSSING, end + 1  # `**/` may also stand for nothing
    return _ALL, end


_NEVER = (b"", -1)
"""Of a set that can match nothing: it does not end, or names a class that there is not.
"""


def _named_class(glob: bytes, at: int) -> tuple[bytes, int] | None:
    """Returns the members of a class such as ``[:alpha:]`` at ``at`` and what lies
    behind it; None where it is no such thing.
    """
    closing = glob.find(b"]", at + 2)
    if closing < 0:
        return _NEVER
    if closing == at + 2 or glob[closing - 1 : closing] != b":":
        return None
    members = _CLASSES.get(glob[at + 2 : closing - 1])
    return _NEVER if members is None else (members, closing + 1)


def _set(glob: bytes, at: int) -> tuple[bytes, int]:
    """Returns the expression for a set whose ``[`` lies before ``at``; a set never
    matches a slash.
    """
    negated = glob[at : at + 1] in (b"!", b"^")
    at += negated
    parts: list[bytes] = []
    previous = b""
    first = True
    while first or glob[at : at + 1] != b"]":
        first = False
        byte = glob[at : at + 1]
        if byte == b"\\":
            at += 1
            byte = glob[at : at + 1]
            parts.append(_member(byte, byte))
        elif byte == b"-" and previous and glob[at + 1 : at + 2] not in (b"", b"]"):
            at += 1
            if glob[at : at + 1] == b"\\":
                at += 1
            parts.append(_member(previous, glob[at : at + 1]))
            byte, previous = (b"" if at < len(glob) else byte), b""
            if at >= len(glob):
                return _NOTHING, len(glob)
            at += 1
            continue
        elif byte == b"[" and glob[at + 1 : at + 2] == b":":
            named = _named_class(glob, at)
            if named == _NEVER:
                return _NOTHING, len(glob)
            if named is not None:
                parts.append(named[0])
                previous, at = b"", named[1]
                continue
            parts.append(_member(byte, byte))
        else:
            parts.append(_member(byte, byte))
        if not byte:
            return _NOTHING, len(glob)  # the set never ends
        previous = byte
        at += 1
    return _expression(b"".join(parts), negated=negated), at + 1


def _expression(members: bytes, *, negated: bool) -> bytes:
    """The expression for a set of these members, or of all others."""
    if not members:
        return rb"[^/]" if negated else _NOTHING
    return (rb"(?!/)[^" if negated else rb"(?!/)[") + members + b"]"


def _member(low: bytes, high: bytes) -> bytes:
    """Returns one range of a set, empty where it runs backwards."""
    if not low or not high or low > high:
        return b""
    return b"\\x%02x-\\x%02x" % (low[0], high[0])
