"""Run records on a remote: in bundles, as in the cache, so that a thousand cost a few
requests.

``runs/<digest of the file>.jsonl``. Files are never changed. Once there are many, a
push writes one with all of them, and removes those.
"""

import os

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError, RemoteError
from mltrack.formats import record_bundle, run_record
from mltrack.formats.run_record import RunRecord
from mltrack.objects.digest import Algorithm
from mltrack.store.local.run_cache import SUFFIX, RunCache
from mltrack.store.shared.met import RUNS_SUFFIX
from mltrack.store.shared.remote import Remote

# files: each is a request to a clone that meets the remote
MERGE_ABOVE = 32
# bytes: the note of what is known of some four million records
MAX_BYTES = 256 << 20
DIRECTORY = "runs/"


def bring_records(run_cache: RunCache, remote: Remote) -> int:
    """Takes records from a remote that were not seen before; returns how many.

    A file that cannot be read is passed over: losing a record costs a run.
    """
    there = _names(remote)
    known = _Known(remote, there)
    before = known.records()
    for name in sorted(there - known.files.keys()):
        try:
            data = remote.store.get(DIRECTORY + name)
            if run_cache.algorithm.hex_of(data) + SUFFIX != name:
                continue
            rows = record_bundle.read_table(
                data[: data.find(b"\n") + 1], run_cache.algorithm, name
            )
            # a merge of files that were taken in brings nothing new
            if any(row.name not in before for row in rows):
                run_cache.adopt(data)
        except (FormatError, RemoteError, FileNotFoundError):
            continue
        known.files[name] = {row.name for row in rows}
    known.save()
    return len(known.records() - before)


def unsent(run_cache: RunCache, remote: Remote) -> list[RunRecord]:
    """Returns the records that the remote lacks, as far as is known here; call
    :func:`bring_records` first.
    """
    return run_cache.all_but(_Known(remote, _names(remote)).records())


def sent_records(run_cache: RunCache, remote: Remote, since: float) -> list[RunRecord]:
    """Returns the records that a remote has and that started at ``since``, in seconds
    since 1970, or later.
    """
    bring_records(run_cache, remote)
    there = _Known(remote, _names(remote)).records()
    return [
        record
        for name, record in run_cache.all()
        if name in there and record.started >= since
    ]


def send_records(run_cache: RunCache, remote: Remote, records: list[RunRecord]) -> None:
    """Sends records, whose outputs must be there already."""
    if not records:
        return
    there = _names(remote)
    known = _Known(remote, there)
    algorithm = run_cache.algorithm
    merged: set[str] = set()
    # only who has read all of them can write one that holds them all
    if len(there) >= MERGE_ABOVE and there == known.files.keys():
        by_name = {_name(record, algorithm): record for _, record in run_cache.all()}
        if known.records() <= by_name.keys():  # else some of them are nowhere but there
            merged = there
            records = [*(by_name[name] for name in sorted(known.records())), *records]
    data = record_bundle.write(records, algorithm)
    name = algorithm.hex_of(data) + SUFFIX
    # before the others go: a kill leaves records twice, never none
    remote.store.put(DIRECTORY + name, data)
    remote.store.delete([DIRECTORY + old for old in sorted(merged - {name})])
    for old in merged:
        known.files.pop(old)
    known.files[name] = {_name(record, algorithm) for record in records}
    known.save()


class _Known:
    """What was read of a remote's records: the files that still stand there, and the
    records in each. A hint, safe to delete; it lies beside the copies of the remote's
    indexes.
    """

    def __init__(self, remote: Remote, there: set[str]) -> None:
        self._path = remote.met.hints_path + RUNS_SUFFIX
        self._text = (read_bounded(self._path, MAX_BYTES) or b"").decode(
            "ascii", "replace"
        )
        lines = (line.split(" ") for line in self._text.splitlines())
        # a file that is gone there says nothing of what is there
        self.files = {name: set(records) for name, *records in lines if name in there}

    def records(self) -> set[str]:
        return set().union(*self.files.values())

    def save(self) -> None:
        text = "".join(
            " ".join((name, *sorted(records))) + "\n"
            for name, records in sorted(self.files.items())
        )
        if text != self._text:
            make_directories(os.path.dirname(self._path))
            write_atomic(self._path, text.encode("ascii"), durable=False)


def _names(remote: Remote) -> set[str]:
    listed = (
        item.name.rpartition("/")[2]
        for item in remote.store.list(DIRECTORY.rstrip("/"))
    )
    return {
        name
        for name in listed
        if name.endswith(SUFFIX) and remote.algorithm.is_hex(name.removesuffix(SUFFIX))
    }


def _name(record: RunRecord, algorithm: Algorithm) -> str:
    return f"{record.key}-{run_record.outputs_digest(record, algorithm)}"
