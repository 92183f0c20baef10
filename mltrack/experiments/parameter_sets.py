"""``--params FILE``: a list of what each of several experiments sets, written by a
person or a program.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from mltrack.errors import FormatError, UsageError
from mltrack.formats import json_text, yaml
from mltrack.formats.series_file import suffix_of
from mltrack.verbs.overrides import parse_value

_YAML, _LINES = (".yaml", ".yml"), (".jsonl", ".ndjson")
SUFFIXES = (*_YAML, ".json", *_LINES, ".csv")

_Row = tuple[str, Any]
"""Where it is in the file, for errors, and what is there."""


def listed(data: bytes, name: str) -> list[dict[str, Any]]:
    """Returns the values of each row in a file, by ``[FILE:]KEY``, in their order; a
    row may be given twice. A mapping is one value, as in ``-S train={lr: 0.1}``.

    The suffix says how it is written: a list of mappings in YAML or JSON, one of them
    on each line, or CSV, whose cells are read as ``-S`` reads a value.

    Raises UsageError for another suffix and FormatError, naming the row, for what is
    no such list, or is one without rows.
    """
    suffix = suffix_of(name)
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{name}: parameter sets are read from {', '.join(SUFFIXES)}",
            hint="rename or convert the file",
        )
    if suffix == ".csv":
        rows = _table(_text(data, name), name)
    elif suffix in _LINES:
        rows = _lines(data, name)
    else:
        is_yaml = suffix in _YAML
        rows = _items(
            yaml.load(_text(data, name), name)
            if is_yaml
            else json_text.load(data, name),
            name,
        )
    found = [_checked(row, where) for where, row in rows]
    if not found:
        raise FormatError(f"{name}: holds no rows")
    return found


def _text(data: bytes, name: str) -> str:
    try:
        # spreadsheets begin CSV with a byte order mark: no part of the first name
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormatError(f"{name}: not UTF-8 text") from None


def _items(value: Any, name: str) -> Iterator[_Row]:
    if not isinstance(value, list):
        raise FormatError(
            f"{name}: must be a list of mappings", hint="such as: [{lr: 0.1}]"
        )
    for number, row in enumerate(value, 1):
        yield f"{name}, row {number}", row


def _lines(data: bytes, name: str) -> Iterator[_Row]:
    # by this sign alone: text in JSON may hold others that end a line elsewhere
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            where = f"{name}, line {number}"
            yield where, json_text.load(line, where)


def _table(text: str, name: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""))
    header: list[str] = []
    try:
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if not any(cells):
                continue
            if header:
                yield where, _row_of_table(header, cells, where)
            else:
                header = [cell.strip() for cell in cells]
                _check_header(header, where)
    except csv.Error as error:
        raise FormatError(f"{name}, line {reader.line_num}: {error}") from None


def _check_header(header: list[str], where: str) -> None:
    for at, key in enumerate(header):
        if key in header[:at]:
            raise FormatError(f"{where}: the column {key!r} appears twice")


def _row_of_table(header: list[str], cells: list[str], where: str) -> dict[str, Any]:
    if len(cells) != len(header):
        raise FormatError(
            f"{where}: expected {len(header)} values, got {len(cells)}",
            hint="put a value that holds a comma in double quotes",
        )
    return {
        key: parse_value(cell, f"{where}, {key}")
        for key, cell in zip(header, cells, strict=True)
    }


def _checked(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise FormatError(f"{where}: must be a mapping of params to values")
    if not row:
        raise FormatError(f"{where}: sets nothing")
    for key in row:
        if not key.rpartition(":")[2].strip():
            raise FormatError(f"{where}: {key!r} names no param")
    return row
