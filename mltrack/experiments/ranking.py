"""How rows of named values are put before a person: in order, without what is the same
in all, under short names.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mltrack.pipeline.differences import same_value

Row = Mapping[str, Any]
_NUMBER, _TEXT, _OTHER = range(3)
_ABSENT = object()
# a dot in quotes is part of a key
_DOT = re.compile(r'"(?:[^"\\]|\\.)*"|\.')


def ordered(rows: Sequence[Row], by: str, *, descending: bool) -> list[int]:
    """Returns the positions of rows in the order of a value: numbers, then text, then
    true, false, lists and mappings, as JSON has them. Rows of like values keep their
    order.

    Whichever the direction, text comes after numbers, and last what has no order: rows
    that lack the value, or have null or what is not a number.
    """
    groups: dict[int, list[tuple[Any, int]]] = {_NUMBER: [], _TEXT: [], _OTHER: []}
    last = []
    for at, row in enumerate(rows):
        value = row.get(by)
        if value is None or value != value:
            last.append(at)
        else:
            groups[_group(value)].append((_key(value), at))
    found = []
    for group in groups.values():
        # reversed by sorting: rows of like values keep their order then too
        group.sort(key=lambda pair: pair[0], reverse=descending)
        found += [at for _, at in group]
    return found + last


def _group(value: Any) -> int:
    if isinstance(value, str):
        return _TEXT
    # true is no number here
    return _NUMBER if type(value) in (int, float) else _OTHER


def _key(value: Any) -> Any:
    return value if _group(value) != _OTHER else json.dumps(value, sort_keys=True)


def differing(rows: Sequence[Row], names: Iterable[str]) -> list[str]:
    """Returns those names, each once and in their order, whose values are not the same
    in all rows; a row that lacks one differs from a row that has it.
    """
    return [name for name in dict.fromkeys(names) if _differs(rows, name)]


def _differs(rows: Sequence[Row], name: str) -> bool:
    values = [row.get(name, _ABSENT) for row in rows]
    return any(not same_value(value, values[0]) for value in values)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Returns for each name its shortest end that is the end of no other: of
    ``conf/params.yaml:train.lr`` the first of ``lr``, ``train.lr``,
    ``params.yaml:train.lr``, and else all of it. No two are alike.
    """
    ends = {name: [*_ends(name)] for name in names}
    count = Counter(end for found in ends.values() for end in found)
    return {
        name: next((end for end in found if count[end] == 1), name)
        for name, found in ends.items()
    }


def _ends(name: str) -> Iterator[str]:
    """The ends of ``[FILE:]KEY`` that begin with a part of it, the shortest first."""
    file, colon, key = name.partition(":") if ":" in name else ("", "", name)
    dots = [match.end() for match in _DOT.finditer(key) if match[0] == "."]
    for begin in (*reversed(dots), 0):
        yield key[begin:]
    if colon:
        parts = file.split("/")
        for at in range(len(parts) - 1, -1, -1):
            yield f"{'/'.join(parts[at:])}:{key}"
