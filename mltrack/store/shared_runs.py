"""Run records on a remote: many in one file, so that a thousand cost a few requests.

``runs/<digest of the file>.jsonl``: a first line with the format's version, then a record per line. Files are never
changed. Once there are many, a push writes one with all of them, and removes those.
"""

import json
import os
from collections.abc import Iterable

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError, RemoteError
from mltrack.formats import json_text, run_record
from mltrack.formats.run_record import RunRecord
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.run_key import entry_parts, run_key
from mltrack.store.remote import Remote
from mltrack.store.run_cache import RunCache

VERSION = 1
MERGE_ABOVE = 32
MAX_BYTES = 256 << 20
_DIRECTORY, _SUFFIX = "runs/", ".jsonl"


def bring_records(run_cache: RunCache, remote: Remote) -> int:
    """Takes records from a remote that were not seen before; returns how many are new here.

    A file that cannot be read is passed over: losing a record costs a run.
    """
    known = _Known(os.path.join(remote.hints_path, "runs"))
    there = _names(remote)
    fresh: list[RunRecord] = []
    for name in sorted(there - known.files):
        try:
            records = _parse(remote.store.get(_DIRECTORY + name), run_cache.algorithm, name)
        except (FormatError, RemoteError, FileNotFoundError):
            continue
        known.files.add(name)
        known.records |= {_name(record, run_cache.algorithm) for record in records}
        fresh += [record for record in records if not run_cache.has(record)]
    run_cache.put(fresh)
    known.save()
    return len(fresh)


def unsent(run_cache: RunCache, remote: Remote, records: Iterable[RunRecord]) -> list[RunRecord]:
    """Returns those of the records that the remote lacks, as far as is known here; call :func:`bring_records` first."""
    known = _Known(os.path.join(remote.hints_path, "runs"))
    return [record for record in records if _name(record, run_cache.algorithm) not in known.records]


def send_records(run_cache: RunCache, remote: Remote, records: list[RunRecord]) -> None:
    """Sends records, whose outputs must be there already."""
    if not records:
        return
    known = _Known(os.path.join(remote.hints_path, "runs"))
    algorithm = run_cache.algorithm
    merged: list[str] = []
    there = _names(remote)
    if len(there) >= MERGE_ABOVE and there <= known.files:
        by_name = {_name(record, algorithm): record for _, record in run_cache.all()}
        if known.records <= by_name.keys():  # else some of them are nowhere but there
            merged = sorted(there)
            records = list({**{name: by_name[name] for name in known.records}, **_by_name(records, algorithm)}.values())
    lines = sorted(run_record.write(record, algorithm) for record in records)
    data = (json.dumps({"mltrack": VERSION}) + "\n" + "".join(lines)).encode("utf-8", "surrogateescape")
    name = algorithm.hex_of(data) + _SUFFIX
    remote.store.put(_DIRECTORY + name, data)
    remote.store.delete([_DIRECTORY + old for old in merged if old != name])
    known.files.add(name)
    known.records |= _by_name(records, algorithm).keys()
    known.save()


class _Known:
    """What is known of a remote's records: files that were read, records that are in them. A hint, safe to delete."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.files: set[str] = set()
        self.records: set[str] = set()
        for line in (read_bounded(path, MAX_BYTES) or b"").decode("ascii", "replace").splitlines():
            (self.files if line.endswith(_SUFFIX) else self.records).add(line)

    def save(self) -> None:
        make_directories(os.path.dirname(self._path))
        text = "".join(f"{line}\n" for line in sorted(self.files | self.records))
        write_atomic(self._path, text.encode("ascii"), durable=False)


def _names(remote: Remote) -> set[str]:
    return {item.name.removeprefix(_DIRECTORY) for item in remote.store.list(_DIRECTORY) if item.name.endswith(_SUFFIX)}


def _name(record: RunRecord, algorithm: Algorithm) -> str:
    return f"{record.key}-{run_record.outputs_digest(record, algorithm)}"


def _by_name(records: Iterable[RunRecord], algorithm: Algorithm) -> dict[str, RunRecord]:
    return {_name(record, algorithm): record for record in records}


def _parse(data: bytes, algorithm: Algorithm, name: str) -> list[RunRecord]:
    if algorithm.hex_of(data) + _SUFFIX != name:
        raise FormatError(f"{name} does not match its digest")
    first, *lines = data.split(b"\n")
    header = json_text.load(first, name)
    if not isinstance(header, dict) or not isinstance(header.get("mltrack"), int) or header["mltrack"] > VERSION:
        raise FormatError(f"{name}: not a file of run records of version {VERSION}")
    records = [run_record.parse(line, algorithm, name) for line in lines if line]
    return [record for record in records if run_key(entry_parts(record.entry), algorithm) == record.key]
