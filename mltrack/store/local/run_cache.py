"""The run cache: run key to past results, many records to a file.

A record is written after the objects that it names are durable. One that cannot be
read, or that was recorded under another key, is passed over: losing a record costs a
run, trusting a wrong one costs the truth.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

from mltrack.disk.durable import (
    make_directories,
    names_in,
    opened,
    read_bounded,
    share_like_parent,
    write_atomic,
)
from mltrack.disk.lock import locked
from mltrack.errors import FormatError, LockedError
from mltrack.formats import record_bundle, run_record
from mltrack.formats.record_bundle import Row
from mltrack.formats.run_record import RunRecord
from mltrack.objects.digest import Algorithm

# bytes: what claims to be longer is not read into memory
MAX_BUNDLE_BYTES = 1 << 30
# files: the first look-up of each command opens them all
MERGE_ABOVE = 64
SUFFIX = ".jsonl"
# bytes: the table of some thirteen thousand records in one read
_TABLE_PIECE = 1 << 20


class RunCache:
    """Records below ``path``, in bundles named by their digest
    (:mod:`mltrack.formats.record_bundle`).
    """

    def __init__(self, path: str, algorithm: Algorithm) -> None:
        self.path = path
        self.algorithm = algorithm
        self._rows: dict[str, list[tuple[str, Row]]] = {}
        self._read: set[str] = set()

    def put(self, records: Iterable[RunRecord]) -> None:
        """Writes records, durably when this returns."""
        fresh = list(records)
        if fresh:
            self.adopt(record_bundle.write(fresh, self.algorithm))
            if len(self._read) > MERGE_ABOVE:
                self._merge()

    def adopt(self, bundle: bytes) -> None:
        """Takes in a whole bundle; raises FormatError if its table is malformed."""
        name = self.algorithm.hex_of(bundle) + SUFFIX
        # before it is written: what cannot be read does not enter
        rows = record_bundle.read_table(bundle, self.algorithm, name)
        make_directories(self.path)
        path = os.path.join(self.path, name)
        write_atomic(path, bundle)
        share_like_parent(path)
        self._look()
        if name not in self._read:
            self._take(name, rows)

    def find(self, key: str) -> list[RunRecord]:
        """Returns the records of a run key, newest first."""
        self._look()
        found: dict[str, RunRecord] = {}
        for name, row in self._rows.get(key, ()):
            record = self._record(name, row)
            if record is not None and _is_newer(record, found.get(row.outs)):
                found[row.outs] = record
        return sorted(found.values(), key=lambda record: record.started, reverse=True)

    def has(self, record: RunRecord) -> bool:
        """Returns whether an equal result stands under the record's key."""
        outs = run_record.outputs_digest(record, self.algorithm)
        self._look()
        return any(row.outs == outs for _, row in self._rows.get(record.key, ()))

    def all(self) -> Iterator[tuple[str, RunRecord]]:
        """Yields ``(name, record)`` of every readable record, each once."""
        return self._all(set())

    def all_but(self, names: Collection[str]) -> list[RunRecord]:
        """Returns every readable record that does not have one of these names."""
        return [record for _, record in self._all(set(names))]

    def _all(self, seen: set[str]) -> Iterator[tuple[str, RunRecord]]:
        self._look()
        for rows in list(self._rows.values()):
            latest: dict[str, RunRecord] = {}
            for bundle, row in rows:
                if row.name not in seen:
                    record = self._record(bundle, row)
                    if record is not None and _is_newer(record, latest.get(row.name)):
                        latest[row.name] = record
            # of equal results the latest: how old a result is decides what it keeps
            seen.update(latest)
            yield from latest.items()

    def drop(self, names: Collection[str]) -> None:
        """Removes records by name."""
        if names:
            # waits for a merge, which would write anew what is dropped meanwhile
            with locked(self._lock):
                self._rewrite(set(self._bundles()), set(names))

    def forget(self) -> None:
        """Reads the directory anew the next time it is needed."""
        self._rows, self._read = {}, set()

    def _look(self) -> None:
        """Takes in bundles that were not read yet."""
        there = set(self._bundles())
        if there == self._read:
            return
        if not there >= self._read:  # some were merged into others
            self.forget()
        for name in sorted(there - self._read):
            self._read.add(name)  # one that cannot be read is not tried again
            with suppress(FormatError, OSError):
                self._take(name, self._table(name))

    def _take(self, name: str, rows: Iterable[Row]) -> None:
        self._read.add(name)
        for row in rows:
            self._rows.setdefault(row.key, []).append((name, row))

    def _table(self, name: str) -> list[Row]:
        with opened(
            os.path.join(self.path, name), os.O_RDONLY | os.O_NOFOLLOW
        ) as descriptor:
            head = b""
            while b"\n" not in head and len(head) < MAX_BUNDLE_BYTES:
                piece = os.read(descriptor, _TABLE_PIECE)
                if not piece:
                    break
                head += piece
        return record_bundle.read_table(head, self.algorithm, name)

    def _record(self, name: str, row: Row) -> RunRecord | None:
        with suppress(FormatError, OSError):
            return record_bundle.read_record(
                self._line(name, row), row, self.algorithm, name
            )
        return None

    def _line(self, name: str, row: Row) -> bytes:
        with opened(
            os.path.join(self.path, name), os.O_RDONLY | os.O_NOFOLLOW
        ) as descriptor:
            return os.pread(descriptor, row.length, row.offset)

    def _bundles(self) -> list[str]:
        return [name for name in names_in(self.path) if name.endswith(SUFFIX)]

    @property
    def _lock(self) -> str:
        return os.path.join(self.path, "lock")

    def _merge(self) -> None:
        """Writes many bundles as one; where another process is at it already, nothing
        is done.
        """
        with suppress(LockedError, FileNotFoundError), locked(self._lock, wait=False):
            self._rewrite(set(self._bundles()), set())

    def _rewrite(self, bundles: set[str], without: set[str]) -> None:
        """Puts one bundle in the place of these, and removes them once it is durable.
        One that is damaged stays.
        """
        lines: dict[tuple[str, str], bytes] = {}
        done: set[str] = set()
        for name in sorted(bundles):
            with suppress(FormatError, OSError):
                data = read_bounded(os.path.join(self.path, name), MAX_BUNDLE_BYTES)
                # damaged: it stays for those of its records that can be read
                if data is None or self.algorithm.hex_of(data) + SUFFIX != name:
                    continue
                for row in record_bundle.read_table(data, self.algorithm, name):
                    line = data[row.offset : row.offset + row.length]
                    known = lines.get((row.key, row.outs), b"")
                    if row.name not in without and self._is_newer(line, known, row):
                        lines[row.key, row.outs] = line
                done.add(name)
        merged = record_bundle.write_lines(lines)
        if lines:
            # durable before the others go: a kill leaves records twice, never none
            self.adopt(merged)
        # one bundle alone gives the same name again
        for name in done - {self.algorithm.hex_of(merged) + SUFFIX}:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, name))
        self.forget()

    def _is_newer(self, line: bytes, known: bytes, row: Row) -> bool:
        """Whether one line is to stay rather than another of an equal result."""
        if not known:
            return True
        with suppress(FormatError):
            record = record_bundle.read_record(line, row, self.algorithm, self.path)
            with suppress(FormatError):
                return _is_newer(
                    record,
                    record_bundle.read_record(known, row, self.algorithm, self.path),
                )
            return True  # the other one cannot be read
        return False


def _is_newer(record: RunRecord, than: RunRecord | None) -> bool:
    return than is None or than.started < record.started
