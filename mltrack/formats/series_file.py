"""Files of data to draw: CSV, TSV, JSON and YAML, as rows of named values."""

import csv
import io
from typing import Any

from mltrack.errors import FormatError
from mltrack.formats import logged_series, params_file

Row = dict[str, Any]
# rows: they all go into one page, which a browser has to draw
MAX_ROWS = 1_000_000
SERIES = (".csv", ".tsv", ".json", ".yaml", ".yml")
IMAGES = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".gif": "gif",
    ".svg": "svg+xml",
    ".webp": "webp",
}


def suffix_of(path: str) -> str:
    """Returns the file name's ending, lower case, with its dot."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :].lower() if "." in name else ""


def load(data: bytes, path: str, *, has_header: bool = True) -> list[Row]:
    """Returns the rows of a file; without ``has_header`` the columns of CSV and TSV are
    numbered from 0.

    Of JSON and YAML the rows are the first list of mappings in it. A series that a
    program logged is thinned where it has more points than a picture shows.
    """
    suffix = suffix_of(path)
    if suffix == ".csv" and has_header:
        long = logged_series.thinned(data)
        if long is not None:
            name, points = long
            return [{logged_series.STEP: _value(x), name: _value(y)} for x, y in points]
    if suffix in (".csv", ".tsv"):
        return _table(
            data, path, "\t" if suffix == ".tsv" else ",", has_header=has_header
        )
    if suffix not in SERIES:
        raise FormatError(
            f"{path}: data to draw is read from {', '.join(SERIES)}, and images"
        )
    rows = _first_rows(params_file.load(data, path))
    if rows is None:
        raise FormatError(f"{path}: holds no list of rows to draw")
    return rows


def _table(data: bytes, path: str, delimiter: str, *, has_header: bool) -> list[Row]:
    try:
        # spreadsheets begin CSV with a byte order mark: no part of the first name
        lines = list(
            csv.reader(
                io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter
            )
        )
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: not a table: {error}") from None
    if len(lines) > MAX_ROWS:
        raise FormatError(
            f"{path}: more than {MAX_ROWS:,} rows are more than can be drawn"
        )
    if not lines:
        return []
    names = lines[0] if has_header else [str(at) for at in range(len(lines[0]))]
    return [
        {name: _value(text) for name, text in zip(names, line, strict=False)}
        for line in lines[1 if has_header else 0 :]
        if line
    ]


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        # JSON knows neither
        return value if value == value and abs(value) != float("inf") else None
    return text


def _first_rows(value: Any) -> list[Row] | None:
    if (
        isinstance(value, list)
        and value
        and all(isinstance(item, dict) for item in value)
    ):
        return value
    for item in value.values() if isinstance(value, dict) else ():
        found = _first_rows(item)
        if found is not None:
            return found
    return None
