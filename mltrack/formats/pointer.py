"""Pointers: ``NAME.mlt``, a few lines of YAML in one canonical form, read and written
without the YAML library.

Parsing accepts exactly what writing produces (fields that a later version adds
included), so that a pointer that was edited by hand or damaged is refused instead of
half understood.
"""

import json
import re
from typing import Any, NamedTuple

from mltrack.errors import FormatError
from mltrack.formats.paths import check_path
from mltrack.objects.content import KINDS, SYMLINK, TREE, URL, Content
from mltrack.objects.digest import Algorithm

SUFFIX = ".mlt"
VERSION = 1
# bytes: a pointer has about 200; what a later version adds has room
MAX_BYTES = 64 << 10
# what YAML reads as this very text without quotes
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ ./+@=,()-]*(?<! )\Z")
# plain to the pattern above, and no text to YAML
_YAML_WORD = re.compile(
    r"(true|false|null|[-+.0-9][-+.0-9eExXoOa-fA-F_]*)\Z", re.IGNORECASE
)
_FIELD = re.compile(r"([a-z][a-z0-9_]*):(?: (.*))?\Z")
# one way to write a number, else two texts would be one pointer
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z")


class Pointer(NamedTuple):
    """What stands at ``path`` beside the pointer; ``extra`` are the lines of fields
    unknown to this version.
    """

    path: str
    content: Content
    extra: tuple[str, ...] = ()


def write(pointer: Pointer, algorithm: Algorithm) -> str:
    """Returns the canonical text of a pointer."""
    content = pointer.content
    lines = [
        f"mltrack: {VERSION}",
        f"path: {_quote(pointer.path)}",
        f"digest: {algorithm.text(content.hex)}",
        f"kind: {content.kind}",
        f"size: {content.size}",
    ]
    if content.kind == TREE:
        lines.append(f"files: {content.files}")
    return "\n".join((*lines, *pointer.extra)) + "\n"


def parse(data: bytes, algorithm: Algorithm, name: str) -> Pointer:
    """Returns the pointer in ``data``; ``name`` is its path, for errors and for the
    path that it must carry.
    """
    pointer = parse_side(data, algorithm, name)
    # else a committed pointer could put its bytes over a neighbour's file
    if name and pointer.path + SUFFIX != name.rpartition("/")[2]:
        expected = name.rpartition("/")[2].removesuffix(SUFFIX)
        raise FormatError(
            f"{name}: its path must be {expected!r}, not {pointer.path!r}",
            hint=(
                "tracked data is renamed by `mltrack move`; `git mv` it back to "
                f"{pointer.path + SUFFIX}, then use that"
            ),
        )
    return pointer


def parse_side(data: bytes, algorithm: Algorithm, name: str) -> Pointer:
    """Returns the pointer in ``data``, one side of a merge of ``name``: git pairs a
    pointer that one branch renamed with what the other made of the old one, so it may
    carry another path.
    """
    text = _decode(data, name)
    fields: dict[str, str] = {}
    extra: list[str] = []
    in_extra = False
    for number, line in enumerate(text.split("\n")[:-1], 1):
        match = _FIELD.match(line)
        if in_extra and line.startswith("  "):
            extra.append(line)
        elif match is None:
            raise FormatError(
                f"{name}:{number}: not a line of a pointer: {line[:80]!r}",
                hint=f"git checkout -- {name}",
            )
        elif match[1] in fields or any(
            known.startswith(match[1] + ":") for known in extra
        ):
            raise FormatError(f"{name}:{number}: {match[1]!r} appears twice")
        elif match[1] in _KNOWN and not in_extra:
            fields[match[1]] = match[2] or ""
        else:
            extra.append(line)
            in_extra = True
    pointer = _record(fields, tuple(extra), algorithm, name)
    # whatever the checks before let through: it is what mltrack writes, or refused
    if write(pointer, algorithm) != text:
        raise FormatError(
            f"{name}: not in canonical form",
            hint=f"`mltrack add {name.removesuffix(SUFFIX)}` writes it again",
        )
    return pointer


_KNOWN = ("mltrack", "path", "digest", "kind", "size", "files")


def conflict_line(data: bytes) -> int:
    """Returns the line, from 1, of git's first conflict marker in a text, or 0."""
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.startswith((b"<<<<<<< ", b"======= ", b">>>>>>> ")) or line in (
            b"<<<<<<<",
            b"=======",
            b">>>>>>>",
        ):
            return number
    return 0


def digests_in(data: bytes) -> list[str]:
    """Returns every digest that a damaged or conflicted pointer still names, for
    keeping their objects.
    """
    return [
        # too many keep objects that nobody needs; too few lose some
        match[1].decode()
        for match in re.finditer(rb"[a-z0-9]+:([0-9a-f]{32,64})(?![0-9a-f])", data)
    ]


def _decode(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise FormatError(f"{name}: larger than {MAX_BYTES} bytes: not a pointer")
    line = conflict_line(data)
    if line:
        raise FormatError(
            f"{name}:{line}: git left conflict markers here",
            hint=f"mltrack resolve {name}",
        )
    if not data:
        raise FormatError(f"{name}: empty", hint=f"git checkout -- {name}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{name}: not UTF-8 text: not a pointer") from None
    # git's autocrlf adds the CR on checkout and removes it on commit
    text = text.replace("\r\n", "\n")
    if (
        not text.endswith("\n")
        or "\r" in text
        or text.startswith("\ufeff")
        or "\0" in text
    ):
        raise FormatError(
            f"{name}: truncated, or not written by mltrack",
            hint=f"git checkout -- {name}",
        )
    return text


def _record(
    fields: dict[str, str], extra: tuple[str, ...], algorithm: Algorithm, name: str
) -> Pointer:
    version = fields.get("mltrack", "")
    if not _NUMBER.match(version):
        raise FormatError(f"{name}: not a pointer: it has no line 'mltrack: {VERSION}'")
    if int(version) > VERSION:
        raise FormatError(
            f"{name}: written by a newer mltrack (format {version}, this one reads "
            f"{VERSION})",
            hint="upgrade mltrack",
        )
    for field in ("path", "digest", "kind", "size"):
        if field not in fields:
            raise FormatError(
                f"{name}: the field {field!r} is missing",
                hint=f"git checkout -- {name}",
            )
    path = check_path(_unquote(fields["path"], name), name)
    # it stands beside its data, never above or below it
    if "/" in path:
        raise FormatError(f"{name}: its path must be a name, not {path!r}")
    kind = fields["kind"]
    # what is tracked is never a link itself: it could lead out of the project
    if kind not in (*KINDS, URL) or kind == SYMLINK:
        raise FormatError(
            f"{name}: unknown kind {kind!r}", hint="a newer mltrack may have written it"
        )
    numbers = [fields["size"], fields.get("files", "1")]
    if not all(
        _NUMBER.match(number) and int(number) < 1 << 63 for number in numbers
    ) or (kind == TREE) != ("files" in fields):
        raise FormatError(
            f"{name}: size and files must be whole numbers below 2**63, files only in "
            "a tree"
        )
    try:
        hex_digest = algorithm.parse(fields["digest"])
    except FormatError as error:
        raise FormatError(f"{name}: {error.message}") from None
    return Pointer(
        path, Content(kind, hex_digest, int(numbers[0]), int(numbers[1])), extra
    )


def _quote(text: str) -> str:
    if _PLAIN.match(text) and not _YAML_WORD.match(text):
        return text
    # a quoted text of JSON is one of YAML too: any YAML reader takes pointers
    return json.dumps(text, ensure_ascii=False)


def _unquote(text: str, name: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        value: Any = json.loads(text)
    except ValueError:
        raise FormatError(f"{name}: the path is not a valid quoted text") from None
    return value if isinstance(value, str) else ""
