"""Many run records in one file, the same in the cache and on remotes.

The first line is a JSON object: the format's version, and for each record its run key,
the digest of its outputs and the length of its line. The records follow, a line each,
in that order, which is that of their names.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from mltrack.errors import FormatError, PipelineError
from mltrack.formats import json_text, run_record
from mltrack.formats.run_record import RunRecord
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.run_key import entry_parts, run_key

VERSION = 1


class Row(NamedTuple):
    """Where one record lies: its run key, the digest of its outputs, and the bytes of
    its line.
    """

    key: str
    outs: str
    offset: int
    length: int

    @property
    def name(self) -> str:
        return f"{self.key}-{self.outs}"


def write(records: Iterable[RunRecord], algorithm: Algorithm) -> bytes:
    """Returns the bytes of a bundle with these records; of equal results the last one
    counts.
    """
    lines = {
        (record.key, run_record.outputs_digest(record, algorithm)): run_record.write(
            record, algorithm
        ).encode("utf-8", "surrogateescape")
        for record in records
    }
    return write_lines(lines)


def write_lines(lines: dict[tuple[str, str], bytes]) -> bytes:
    """Returns the bytes of a bundle with these lines, by run key and digest of the
    outputs.
    """
    # the name of a bundle is its digest: equal records make equal bytes
    ordered = sorted(lines.items())
    table = [[key, outs, len(line)] for (key, outs), line in ordered]
    return b"".join(
        [
            json.dumps({"mltrack": VERSION, "records": table}).encode() + b"\n",
            *(line for _, line in ordered),
        ]
    )


def read_table(bundle: bytes, algorithm: Algorithm, name: str) -> list[Row]:
    """Returns where the records of a bundle lie, of which the first line suffices;
    raises FormatError if that is malformed or newer.
    """
    first_line = bundle[: bundle.find(b"\n") + 1]
    value = json_text.load(first_line, name)
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("mltrack"), int)
        or value["mltrack"] > VERSION
    ):
        raise FormatError(f"{name}: not a file of run records of version {VERSION}")
    rows: list[Row] = []
    offset = len(first_line)
    table = value.get("records")
    for item in table if isinstance(table, list) else ():
        if not (
            isinstance(item, list)
            and len(item) == 3
            # by type: True is an int to isinstance
            and type(item[2]) is int
            # bytes; no bundle is larger, and lengths are added up to offsets
            and 0 < item[2] < 1 << 30
        ):
            raise FormatError(f"{name}: malformed table of run records")
        key, outs, length = item
        if not (
            isinstance(key, str)
            and isinstance(outs, str)
            and algorithm.is_hex(key)
            and algorithm.is_hex(outs)
        ):
            raise FormatError(f"{name}: malformed name of a run record")
        rows.append(Row(key, outs, offset, length))
        offset += length
    return rows


def read_record(line: bytes, row: Row, algorithm: Algorithm, name: str) -> RunRecord:
    """Returns the record in a line; raises FormatError if it is malformed or not the
    one that its row names.
    """
    record = run_record.parse(line, algorithm, name)
    try:
        key = run_key(entry_parts(record.entry), algorithm)
        outs = run_record.outputs_digest(record, algorithm)
    except (PipelineError, RecursionError) as error:
        # values that no key can hold: nobody computed this one
        raise FormatError(f"{name}: malformed run record: {error}") from None
    # computed anew: a bundle may be a stranger's, and its key anything
    if not record.key == row.key == key or outs != row.outs:
        raise FormatError(f"{name}: a run record is stored under another name")
    return record
