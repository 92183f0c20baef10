"""What calls return where it is a table: plain dictionaries and lists, which a notebook
shows as one, and which become data frames.
"""

from __future__ import annotations

import importlib
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

from mltrack.errors import UsageError, how_to_add
from mltrack.formats import html_table

Row = dict[str, Any]
Kind = TypeVar("Kind")


class Values(dict[str, dict[str, Any]]):
    """Values by file and dotted key: a dictionary, equal to any other that holds the
    same.
    """

    def to_pandas(self) -> Any:
        """Returns a pandas data frame: a row for each file, a column for each key.
        Raises UsageError where pandas is not installed.
        """
        return _pandas(_rows(self))

    def to_polars(self) -> Any:
        """Returns a polars data frame of the same rows and columns. Raises UsageError
        where polars is not installed.
        """
        return _polars(_rows(self))

    def _repr_html_(self) -> str:
        return _html(_rows(self))


class Records(list[Kind]):
    """Records of one kind: a list, equal to any other that holds the same."""

    def to_pandas(self) -> Any:
        """Returns a pandas data frame: a row for each record, a column for each field;
        those of a record in it are named with a dot. Raises UsageError where pandas is
        not installed.
        """
        return _pandas(self._rows())

    def to_polars(self) -> Any:
        """Returns a polars data frame of the same rows and columns. Raises UsageError
        where polars is not installed.
        """
        return _polars(self._rows())

    def _repr_html_(self) -> str:
        return _html(self._rows())

    def _rows(self) -> list[Row]:
        return _flat_rows(self)


def _rows(values: Values) -> list[Row]:
    names = {name for found in values.values() for name in found}
    column = "file"
    # a param may be called so, too
    while column in names:
        column += "_"
    return [{column: file, **found} for file, found in values.items()]


def _flat_rows(records: list[Any]) -> list[Row]:
    rows = [_flat(record) for record in records]
    known = {name for row in rows for name in row}
    # a field that is None here and a record elsewhere has its columns from there
    held = {name.rpartition(".")[0] for name in known}
    return [
        {name: value for name, value in row.items() if name not in held} for row in rows
    ]


def _flat(record: Any, prefix: str = "") -> Row:
    row: Row = {}
    for name, value in _fields(record).items():
        if _fields(value):
            row.update(_flat(value, f"{prefix}{name}."))
        else:
            row[prefix + name] = value.value if isinstance(value, Enum) else value
    return row


def _fields(record: Any) -> Row:
    """The fields of a record, none of what is not one."""
    if is_dataclass(record):
        return {one.name: getattr(record, one.name) for one in fields(record)}
    return record._asdict() if hasattr(record, "_asdict") else {}


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _pandas(rows: list[Row]) -> Any:
    return _library("pandas").DataFrame(_columns(rows))


def _polars(rows: list[Row]) -> Any:
    polars = _library("polars")
    series = []
    for name, cells in _columns(rows).items():
        try:
            series.append(polars.Series(name, cells))
        except TypeError:
            # of several kinds in one column: as texts
            texts = [None if cell is None else str(cell) for cell in cells]
            series.append(polars.Series(name, texts))
    return polars.DataFrame(series)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # one that is there and lacks something itself says so best
        if error.name != name:
            raise
        raise UsageError(
            f"to_{name} requires {name}, which is not installed here",
            hint=how_to_add(name),
        ) from None


def _html(rows: list[Row]) -> str:
    columns = _columns(rows)
    return html_table.table([*columns], [*zip(*columns.values(), strict=True)])
