"""Recording results: outputs into the cache, run records, journal lines, many stages
together.

A finished stage is noted in the journal at once, so that a kill loses nothing. Objects
and records become durable in groups, at most once a second and at the end: syncing each
of a thousand small stages would cost more than running them. What a killed process
noted and had not saved yet is saved by the next one, from the workspace, where it still
stands (:meth:`Committer.recover`).
"""

import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache as memoized
from typing import NamedTuple

from mltrack.disk.durable import opened
from mltrack.engine.ignoring import IgnoreLines
from mltrack.engine.lock_state import LockState
from mltrack.engine.recovery import NewWriter, recover, saved
from mltrack.errors import MltrackError, WorkspaceError
from mltrack.formats.run_record import BY_HAND, BY_RESTORE, BY_RUN, RunRecord
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.run_key import entry_parts, run_key
from mltrack.pipeline.stage import Entry, Inputs, Stage
from mltrack.store.local.run_cache import RunCache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import SMALL_OBJECT, TREES
from mltrack.workspace.last import LastMaterialized
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.observe import Observer
from mltrack.workspace.scan import Snapshot

# seconds: what a power cut can cost; a sync for each of 1,000 stages costs 15
_SETTLE_SECONDS = 1.0
Complete = Callable[[str, Snapshot, Content | None], Content]
"""Takes a path, what stands there, and what is recorded of it."""


class Basis(NamedTuple):
    """What a result rests on besides the stage: the inputs, the shell that its commands
    are for, and the run key of all that, '' if it was not computed yet.
    """

    inputs: Inputs
    shell: str
    key: str = ""


class Run(NamedTuple):
    """What a runner tells of a run that succeeded; ``log_path`` is where its output is,
    '' if there is none.
    """

    log_path: str = ""
    started: float = 0.0
    seconds: float = 0.0
    peak_memory: int = 0
    runner: str = ""


class Circumstances(NamedTuple):
    """What a record says besides: the commit and whether files differed from it, and the
    digest of what was printed, '' if that is not kept.
    """

    code_state: tuple[str, bool]
    algorithm: Algorithm
    log: str = ""


@dataclass(slots=True)
class _Unsettled:
    """What was noted and is not durable yet."""

    records: list[RunRecord] = field(default_factory=list)
    ignored: list[tuple[Stage, list[tuple[str, str]]]] = field(default_factory=list)
    """Stages, and the outputs that they had before, each with its pipeline file."""
    last: dict[str, Content] = field(default_factory=dict)
    since: float = 0.0


@dataclass(slots=True)
class Committer:
    """The parts that recording needs. ``code_state`` returns the commit of HEAD and
    whether files differ from it.
    """

    project_path: str
    observer: Observer
    run_cache: RunCache
    locks: LockState
    last: LastMaterialized
    new_writer: NewWriter
    code_state: Callable[[], tuple[str, bool]]
    lines: IgnoreLines
    make_private: Callable[[str], object]
    """Makes what stands at a path files of their own, not links into the cache."""
    _writer: CacheWriter | None = None
    _unsettled: _Unsettled = field(default_factory=_Unsettled)
    _failure: str = ""
    """Why what was noted could not be made durable; '' if it could."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits, so that the journal may be folded into the lock."""
        return not self._unsettled.since

    def commit(
        self,
        stage: Stage,
        basis: Basis,
        run: Run | None = None,
        left: Mapping[str, Content] | None = None,
        complete: Complete | None = None,
    ) -> Entry:
        """Notes that a stage on this basis has the outputs that stand in the
        workspace now; see :meth:`settle`.

        Without ``run`` nothing ran: someone says so. ``left`` are outputs whose bytes
        stayed where they were made; ``complete`` adds to an output what was recorded of
        it and never brought here.
        """
        writer = self._open_writer()
        elsewhere = left or {}
        here = {
            out.path: self._save(writer, stage, out.path, is_cached=out.cache)
            for out in stage.outs
            if out.path not in elsewhere
        }
        former = self.locks.entry(stage)
        recorded = former.outs if former is not None else {}
        outs = {
            out.path: elsewhere.get(out.path) or here[out.path].content
            for out in stage.outs
        }
        if complete is not None:
            outs.update(
                {
                    path: complete(path, snapshot, recorded.get(path))
                    for path, snapshot in here.items()
                }
            )
        # while the listings are at hand: they were read to make the digests
        keep_trees(self.observer, writer, basis.inputs)
        entry = entry_of(stage, basis, outs)
        log = put_log(writer, run.log_path) if run is not None and run.log_path else ""
        made = Circumstances(self.code_state(), self.run_cache.algorithm, log)
        record = record_of(stage, basis.key, entry, run, made)
        self._note(stage, record)
        self._unsettled.records.append(record)
        self._unsettled.last.update(
            {
                out.path: here[out.path].content
                for out in stage.outs
                if out.cache and out.path in here
            }
        )
        return entry

    def note_restored(
        self, stage: Stage, basis: Basis, outs: dict[str, Content]
    ) -> None:
        """Notes that an earlier result was put in place."""
        entry = entry_of(stage, basis, outs)
        record = RunRecord(basis.key, stage.address, entry, by=BY_RESTORE)
        self._note(stage, record)

    def _note(self, stage: Stage, record: RunRecord) -> None:
        """Puts a result into the journal; what follows from it waits to be settled.
        Fails before anything is noted where an output that the stage gave up cannot be
        made a file of its own.
        """
        # before the new entry takes its place
        before = self.locks.entry(stage)
        former = [] if before is None else before.cached_outs(stage.pipeline_path)
        cached = {
            path for path in record.entry.outs if path not in record.entry.uncached
        }
        for path in {path for _, path in former} | set(record.entry.uncached):
            if path not in cached and os.path.lexists(
                os.path.join(self.project_path, path)
            ):
                # from now on it is git's or the person's, and gc may delete the object
                self.make_private(path)
        # first: if noting it fails halfway, no journal is folded before it is saved
        self._unsettled.since = self._unsettled.since or time.monotonic()
        # unsynced, and before the objects: a kill loses nothing, see `recover`
        self.locks.record(stage, record)
        self._unsettled.ignored.append((stage, former))

    def settle_if_due(self) -> None:
        """Settles what has waited for a second."""
        since = self._unsettled.since
        if since and time.monotonic() - since >= _SETTLE_SECONDS:
            self.settle()

    def settle(self) -> None:
        """Makes all that was noted durable: objects first, then records, then the
        journal. If that fails once, what was noted stays in the journal for
        :meth:`recover`, and every later call fails too.
        """
        if not self._unsettled.since:
            return
        if self._failure:
            raise WorkspaceError(
                f"what ran could not be saved: {self._failure}",
                hint="run `mltrack repro` again once that is mended",
            )
        # until it has gone well: a failed fsync is not tried again
        self._failure = "saving it was interrupted"
        try:
            self._settle(self._unsettled)
        except (MltrackError, OSError) as error:
            self._failure = str(error)
            raise
        self._failure, self._unsettled = "", _Unsettled()

    def _settle(self, done: _Unsettled) -> None:
        if self._writer is not None:
            # let go of first: whatever happens, it is finished or discarded once
            writer, self._writer = self._writer, None
            with writer:
                writer.finish()
        # after the objects that they name
        if done.records:
            self.run_cache.put(done.records)
        # last of the three: a line that lasts names objects that last
        self.locks.sync()
        self.lines.follow(
            [stage for stage, _ in done.ignored],
            [pair for _, pairs in done.ignored for pair in pairs],
        )
        self.last.set_all(done.last)

    def discard(self) -> None:
        """Lets go of objects that were not settled; the journal still says what they
        were.
        """
        if self._writer is not None:
            self._writer.discard()
            self._writer = None

    def recover(self) -> None:
        """See :func:`mltrack.engine.recovery.recover`."""
        recover(self.locks, self.run_cache, self.observer, self.new_writer)

    def _open_writer(self) -> CacheWriter:
        if self._writer is None:
            self._writer = self.new_writer()
        return self._writer

    def _save(
        self, writer: CacheWriter, stage: Stage, path: str, *, is_cached: bool
    ) -> Snapshot:
        snapshot = self._saved(writer, path, is_cached=is_cached)
        if snapshot is None:
            raise WorkspaceError(
                f"output {path!r} of stage {stage.address!r} does not exist"
            )
        return snapshot

    def _saved(
        self, writer: CacheWriter, path: str, *, is_cached: bool
    ) -> Snapshot | None:
        """What stands at an output, with its bytes in the cache if they belong there."""
        return saved(self.observer, writer, path, is_cached=is_cached)

    def make_directory(self, path: str) -> None:
        if path:
            make_parents(self.project_path, path + "/x")


def entry_of(stage: Stage, basis: Basis, outs: Mapping[str, Content]) -> Entry:
    """Returns the lock block for these inputs and outputs."""
    inputs = basis.inputs
    return Entry(
        cmd=stage.cmd,
        shell=basis.shell,
        wdir=stage.wdir,
        deps={
            path: content
            for path, content in inputs.deps.items()
            if content is not None
        },
        params=inputs.params,
        env=inputs.env,
        lock=inputs.lock,
        image=inputs.image,
        outs=dict(outs),
        out_types={out.path: out.type for out in stage.outs if out.path in outs},
        uncached=frozenset(
            out.path for out in stage.outs if out.path in outs and not out.cache
        ),
        unpushed=frozenset(
            out.path for out in stage.outs if out.path in outs and not out.push
        ),
    )


def record_of(
    stage: Stage, key: str, entry: Entry, run: Run | None, made: Circumstances
) -> RunRecord:
    """Returns what is remembered of a result: how it came to be, or, without ``run``,
    that someone says so.
    """
    commit, is_dirty = made.code_state
    done = run or Run()
    return RunRecord(
        key=key or run_key(entry_parts(entry), made.algorithm),
        stage=stage.address,
        entry=entry,
        by=BY_RUN if run is not None else BY_HAND,
        started=done.started or time.time(),
        seconds=done.seconds,
        log=made.log,
        commit=commit,
        dirty=is_dirty,
        runner=done.runner,
        platform=machine_platform(),
        peak_memory=done.peak_memory,
        program=program_of(stage.cmd[0]),
    )


def keep_trees(observer: Observer, writer: CacheWriter, inputs: Inputs) -> None:
    """Keeps the listings of dependency directories, without their files, so that it
    can be told later which file changed.
    """
    for path, content in inputs.deps.items():
        snapshot = (
            observer.seen(path)
            if content is not None and content.kind == TREE
            else None
        )
        if snapshot is not None:
            for directory in snapshot.blocks:
                writer.put(tree.encode(snapshot.blocks.tree_entries(directory)), TREES)


def put_log(writer: CacheWriter, path: str) -> str:
    """Keeps what a command printed; returns its digest."""
    with opened(path, os.O_RDONLY) as descriptor:
        return put_file(writer, descriptor)


def put_file(writer: CacheWriter, descriptor: int) -> str:
    """Puts an open file into the cache, whatever its size; returns its digest."""
    size = os.fstat(descriptor).st_size
    if size >= SMALL_OBJECT:
        return writer.put_large(descriptor)[0]
    return writer.put(os.read(descriptor, size))


@memoized
def machine_platform() -> str:
    return (
        f"{platform.system()} {platform.machine()} python {platform.python_version()}"
    )


@memoized
def _find_program(word: str) -> str:
    found = shutil.which(word)
    return os.path.basename(os.path.realpath(found)) if found else ""


def program_of(command: str) -> str:
    """What the first word of a command leads to: ``python`` to ``python3.11``, which
    tells one interpreter from another without starting it.
    """
    words = command.split(None, 1)
    # `A=1 python x.py` sets a variable first
    return _find_program(words[0]) if words and "=" not in words[0] else ""
