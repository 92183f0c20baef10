"""The run cache: run key to past results, as record files in the cache.

A record is written after the objects that it names are durable. One that cannot be read, or that was recorded under
another key, is passed over: losing a record costs a run, trusting a wrong one costs the truth.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

from mltrack.disk.durable import make_directories, names_in, read_bounded, share_like_parent, write_atomic
from mltrack.errors import FormatError
from mltrack.formats import run_record
from mltrack.formats.run_record import RunRecord
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.run_key import entry_parts, run_key

MAX_RECORD_BYTES = 64 << 20


class RunCache:
    """Records below ``path``, in ``ab/<run key>-<digest of the outputs>.json``."""

    def __init__(self, path: str, algorithm: Algorithm) -> None:
        self.path = path
        self.algorithm = algorithm

    def put(self, record: RunRecord) -> str:
        """Writes a record durably and returns its name; an equal result under the same key replaces it."""
        name = f"{record.key}-{run_record.outputs_digest(record, self.algorithm)}"
        directory = os.path.join(self.path, record.key[:2])
        make_directories(directory)
        path = os.path.join(directory, name + ".json")
        write_atomic(path, run_record.write(record, self.algorithm).encode())
        share_like_parent(path)
        return name

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
