"""After a process was killed: its results are in the journal, and not all are saved."""

from collections.abc import Callable

from mltrack.engine.lock_state import LockState
from mltrack.errors import WorkspaceError
from mltrack.formats.run_record import BY_RESTORE, RunRecord
from mltrack.store.local.run_cache import RunCache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import is_small
from mltrack.workspace.ingest import Saving
from mltrack.workspace.observe import Observer
from mltrack.workspace.scan import Snapshot

NewWriter = Callable[[], CacheWriter]


def recover(
    locks: LockState, run_cache: RunCache, observer: Observer, new_writer: NewWriter
) -> None:
    """Saves what a process that was killed had noted in its journal and not yet saved,
    as far as it still stands in the workspace as it was noted.
    """
    for record in locks.left_behind():
        # its objects were durable before the record was
        if record.by == BY_RESTORE or run_cache.has(record):
            continue
        with new_writer() as writer:
            # the workspace went on: the stage runs again, which is slow and true
            if not _save(record, writer, observer):
                continue
            log = (
                record.log
                # the log was in the pack that was lost; a record must not name it
                if not writer.missing([record.log] if record.log else [])
                else ""
            )
            writer.finish()
        # after the writer has ended: records name durable objects
        run_cache.put([record._replace(log=log)])


def saved(
    observer: Observer, writer: CacheWriter, path: str, *, is_cached: bool
) -> Snapshot | None:
    """Returns what stands at an output, with its bytes in the cache if they belong
    there.
    """
    saving = Saving(writer, writer.algorithm, writer.linking)
    snapshot = observer.tracked(path, saving if is_cached else None)
    # metrics, as a rule: without them the result could not be restored
    if snapshot is not None and not is_cached and is_small(snapshot.content):
        snapshot = observer.tracked(path, Saving(writer, writer.algorithm))
    return snapshot


def _save(record: RunRecord, writer: CacheWriter, observer: Observer) -> bool:
    """Saves the outputs of a record; returns whether all of them are as it says."""
    is_whole = True
    for path, content in record.entry.outs.items():
        is_cached = path not in record.entry.uncached
        try:
            snapshot = saved(observer, writer, path, is_cached=is_cached)
        except WorkspaceError:
            # what no tree can hold stands there now: not what was noted
            snapshot = None
        is_whole = (
            is_whole and snapshot is not None and snapshot.content.same_bytes(content)
        )
    return is_whole
