"""The run cache: run key to past results, as record files in the cache.

A record is written after the objects that it names are durable. One that cannot be read, or that was recorded under
another key, is passed over: losing a record costs a run, trusting a wrong one costs the truth.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from mltrack.disk.durable import (
    fsync,
    fsync_directory,
    make_directories,
    names_in,
    opened,
    read_bounded,
    share_like_parent,
    sync_file_system,
    temporary_path,
    write_all,
)
from mltrack.errors import FormatError
from mltrack.formats import run_record
from mltrack.formats.run_record import RunRecord
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.run_key import entry_parts, run_key

MAX_RECORD_BYTES = 64 << 20
_SYNC_TOGETHER = 8
"""Above this many files one syncfs costs less than an fsync each."""


class RunCache:
    """Records below ``path``, in ``ab/<run key>-<digest of the outputs>.json``."""

    def __init__(self, path: str, algorithm: Algorithm) -> None:
        self.path = path
        self.algorithm = algorithm

    def put(self, records: Iterable[RunRecord]) -> None:
        """Writes records, durably when this returns; an equal result under the same key replaces the former."""
        written: list[tuple[str, str]] = []
        try:
            for record in records:
                path = self._place(record)
                make_directories(os.path.dirname(path))
                temporary = temporary_path(os.path.dirname(path))
                written.append((temporary, path))
                with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644) as target:
                    write_all(target, run_record.write(record, self.algorithm).encode())
                share_like_parent(temporary)
            self._publish(written)
        except BaseException:
            for temporary, _ in written:
                with suppress(OSError):
                    os.unlink(temporary)
            raise

    def _publish(self, written: list[tuple[str, str]]) -> None:
        """All bytes durable, then all names, then the names durable."""
        if len(written) > _SYNC_TOGETHER:
            sync_file_system(self.path)
        else:
            for temporary, _ in written:
                with opened(temporary, os.O_RDONLY) as descriptor:
                    fsync(descriptor)
        for temporary, path in written:
            os.rename(temporary, path)
        directories = {os.path.dirname(path) for _, path in written}
        if len(directories) > _SYNC_TOGETHER:
            sync_file_system(self.path)
        else:
            for directory in directories:
                fsync_directory(directory)

    def _place(self, record: RunRecord) -> str:
        name = f"{record.key}-{run_record.outputs_digest(record, self.algorithm)}.json"
        return os.path.join(self.path, record.key[:2], name)

    def has(self, record: RunRecord) -> bool:
        """Returns whether an equal result stands under the record's key."""
        return os.path.exists(self._place(record))

    def find(self, key: str) -> list[RunRecord]:
        """Returns the records of a run key, newest first."""
        found = []
        with suppress(FileNotFoundError):
            for name in os.listdir(os.path.join(self.path, key[:2])):
                if name.startswith(key + "-") and name.endswith(".json"):
                    record = self._read(os.path.join(self.path, key[:2], name))
                    if record is not None and record.key == key:
                        found.append(record)
        return sorted(found, key=lambda record: record.started, reverse=True)

    def all(self) -> Iterator[tuple[str, RunRecord]]:
        """Yields ``(path, record)`` of every readable record."""
        for directory in sorted(names_in(self.path)):
            for name in sorted(names_in(os.path.join(self.path, directory))):
                path = os.path.join(self.path, directory, name)
                record = self._read(path) if name.endswith(".json") else None
                if record is not None:
                    yield path, record

    def _read(self, path: str) -> RunRecord | None:
        with suppress(FormatError, OSError):
            data = read_bounded(path, MAX_RECORD_BYTES)
            if data is not None:
                record = run_record.parse(data, self.algorithm, path)
                if run_key(entry_parts(record.entry), self.algorithm) == record.key:
                    return record
        return None
