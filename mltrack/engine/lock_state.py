"""What did run: the locks, and on top of them the journal of stages that finished
since.

Each finished stage appends one line to a journal of its process; the locks themselves
are rewritten once, atomically, when a command ends or a later one finds what it left.
Every command reads both. A line counts only on top of the very lock that stood there
when it was written, or of one that was made from that by folding journals into it.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import (
    fsync,
    fsync_directory,
    make_directories,
    names_in,
    read_bounded,
    write_all,
    write_atomic,
)
from mltrack.disk.lock import locked
from mltrack.disk.owner import is_running
from mltrack.errors import FormatError
from mltrack.formats import lock_file, run_record
from mltrack.formats.run_record import Fact, RunRecord
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.stage import LOCK_NAME, PIPELINE_NAME, Entry, Stage, lock_place

# bytes, of a lock or a journal: each is read as a whole
MAX_BYTES = 256 << 20
_SUFFIX = ".journal"
_FOLDS = "folds"
"""Beside the journals: one line ``path old new`` per lock that was folded while other
journals were being written.
"""


class Dropped(NamedTuple):
    """An entry that was taken out of the lock, and the pipeline file that had declared
    its stage.
    """

    pipeline_path: str
    entry: Entry


class LockState:
    """The entries of all locks of one worktree, by lock path and stage name."""

    def __init__(
        self,
        project_path: str,
        journal_path: str,
        algorithm: Algorithm,
        lock_paths: Iterable[str],
    ) -> None:
        self._project_path = project_path
        self._journal_path = journal_path
        self._algorithm = algorithm
        self._lock_paths = set(lock_paths)
        self._descriptor = -1
        self._own = ""
        self._is_synced = True
        self._forgotten: set[tuple[str, str]] = set()
        self._bases: dict[str, str] = {}
        self._seen: list[tuple[str, int, int]] = []
        self.locks: dict[str, dict[str, Entry]] = {}
        self.broken: dict[str, FormatError] = {}
        """Locks that cannot be read, in conflict for one, with what is wrong: their
        stages cannot be looked at.
        """
        self.reads = 0
        """How often all was read: more than once only where another process wrote
        something.
        """
        self.refresh()
        self._at_start = {path: set(entries) for path, entries in self.locks.items()}

    def refresh(self) -> None:
        """Reads everything anew: another process may have finished stages meanwhile."""
        self.reads += 1
        # before the files are read: what is written meanwhile is seen next time
        self._seen = self._stamps()
        self._bases.clear()
        self.broken = {}
        self.locks = {}
        for path in sorted(self._lock_paths):
            try:
                self.locks[path] = self._read_lock(path)
            except FormatError as error:
                self.broken[path] = error
        for fact in self._facts(self._journals()):
            self.locks.setdefault(fact.lock_path, {})[fact.name] = fact.record.entry

    def refresh_if_changed(self, stage: Stage | None = None) -> None:
        """Reads everything anew if other processes wrote to their journals, or to a
        lock, since it was read.
        """
        if stage is not None:
            self._lock_paths.add(stage.lock_path)
        if self._stamps() != self._seen:
            self.refresh()

    def output(self, address: str, path: str) -> Content | None:
        """Returns what is recorded of an output, by the address of its stage."""
        lock_path, name = lock_place(address)
        entry = self.locks.get(lock_path, {}).get(name)
        return entry.outs.get(path) if entry is not None else None

    def _stamps(self) -> list[tuple[str, int, int]]:
        """What tells whether another process wrote something."""
        found = []
        locks = (
            os.path.join(self._project_path, path) for path in sorted(self._lock_paths)
        )
        for path in (*locks, *(path for path in self._journals() if path != self._own)):
            with suppress(FileNotFoundError):
                state = os.stat(path)
                found.append((path, state.st_size, state.st_mtime_ns))
        return found

    def entry(self, stage: Stage) -> Entry | None:
        """Returns what is recorded of a stage; raises FormatError where its lock cannot
        be read.
        """
        if stage.lock_path in self.broken:
            raise self.broken[stage.lock_path]
        return self.locks.get(stage.lock_path, {}).get(stage.name)

    def forget(self, lock_path: str, name: str) -> None:
        """Takes a stage out of its lock at once: what it did last is undone by what
        begins now, however that ends.
        """
        # kept until the fold: an earlier line of the journal would bring it back
        self._forgotten.add((lock_path, name))
        if self.locks.get(lock_path, {}).pop(name, None) is not None:
            make_directories(self._journal_path)
            with locked(os.path.join(self._journal_path, "lock")):
                entries = self._read_lock(lock_path)
                if entries.pop(name, None) is not None:
                    self._write_lock(lock_path, entries, others=True)

    def record(self, stage: Stage, record: RunRecord) -> None:
        """Notes a finished stage. A kill after this loses nothing; :meth:`sync` makes
        it last through a power cut.
        """
        self.locks.setdefault(stage.lock_path, {})[stage.name] = record.entry
        self._forgotten.discard((stage.lock_path, stage.name))
        if self._descriptor < 0:
            make_directories(self._journal_path)
            # time first: by name journals are read in the order of their beginning
            self._own = os.path.join(
                self._journal_path, f"{time.time_ns():020d}-{os.getpid()}{_SUFFIX}"
            )
            self._descriptor = os.open(
                self._own,
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC,
                0o644,
            )
            # the name now, the lines with their group
            fsync_directory(self._journal_path)
            # from now on whoever folds sees that there is a journal; before, nobody
            # could
            self._bases.clear()
        fact = Fact(stage.lock_path, self._base(stage.lock_path), stage.name, record)
        write_all(self._descriptor, run_record.journal_line(fact, self._algorithm))
        self._is_synced = False

    def sync(self) -> None:
        """Makes what was noted durable."""
        if not self._is_synced:
            fsync(self._descriptor)
            self._is_synced = True

    def left_behind(self) -> list[RunRecord]:
        """Returns what processes that are gone noted and did not fold: their objects
        may not have reached the cache.
        """
        gone = [
            path
            for path in self._journals()
            if path != self._own and not is_running(_owner(path))
        ]
        return [fact.record for fact in self._facts(gone)]

    def fold(self, declared: Iterable[Stage] | None = None) -> list[Dropped]:
        """Writes the journal into the locks, durably, and removes what is then no
        longer needed of it.

        With ``declared``, entries of stages that are declared no more are dropped from
        the locks of their files, and returned.
        """
        journals = self._journals()
        dropped: list[Dropped] = []
        if not journals and declared is None:
            return dropped
        make_directories(self._journal_path)
        with locked(os.path.join(self._journal_path, "lock")):
            # once more under the lock: another process may have folded some
            journals = self._journals()
            # not those of others at work: their lines may name what is not saved yet
            done = [
                path
                for path in journals
                if path == self._own or not is_running(_owner(path))
            ]
            fresh: dict[str, dict[str, Entry]] = {}
            # digests of before the lock was held: another fold may have changed them
            self._bases.clear()
            for fact in self._facts(done):
                if fact.lock_path not in fresh:
                    fresh[fact.lock_path] = self._read_lock(fact.lock_path)
                fresh[fact.lock_path][fact.name] = fact.record.entry
            if declared is not None:
                dropped = self._drop_undeclared(fresh, declared)
            for path, name in self._forgotten:
                if path not in fresh:
                    fresh[path] = self._read_lock(path)
                fresh[path].pop(name, None)
            for path, entries in fresh.items():
                self._write_lock(path, entries, others=len(done) < len(journals))
            # after the locks: a kill in between leaves lines that count no more
            for path in done:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            # no line is left that would need them
            if len(done) == len(journals):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._journal_path, _FOLDS))
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self._own, self._is_synced = -1, "", True
        return dropped

    def _drop_undeclared(
        self, fresh: dict[str, dict[str, Entry]], declared: Iterable[Stage]
    ) -> list[Dropped]:
        """Takes entries that nobody declares out of all locks; of one whose pipeline
        file is gone, all of them.
        """
        dropped: list[Dropped] = []
        names: dict[str, set[str]] = {path: set() for path in self._lock_paths}
        for stage in declared:
            names.setdefault(stage.lock_path, set()).add(stage.name)
        for path, known in names.items():
            if path not in fresh and self.locks.get(path, {}).keys() <= known:
                continue
            entries = fresh.get(path) or self._read_lock(path)
            # what others recorded since, they declared since
            old = self._at_start.get(path, set())
            kept = {
                name: entry
                for name, entry in entries.items()
                if name in known or name not in old
            }
            if len(kept) != len(entries) or path in fresh:
                fresh[path] = kept
                pipeline_path = path.removesuffix(LOCK_NAME) + PIPELINE_NAME
                dropped += [
                    Dropped(pipeline_path, entry)
                    for name, entry in entries.items()
                    if name not in kept
                ]
        return dropped

    def _read_lock(self, path: str) -> dict[str, Entry]:
        data = read_bounded(os.path.join(self._project_path, path), MAX_BYTES)
        if data is None:
            return {}
        self._bases[path] = self._algorithm.hex_of(data)
        return lock_file.parse(data, self._algorithm, path)

    def _write_lock(
        self, path: str, entries: dict[str, Entry], *, others: bool
    ) -> None:
        """Writes one lock; where other journals go on, it is noted first that their
        lines count on the new one too.
        """
        text = lock_file.write(entries, self._algorithm).encode()
        full = os.path.join(self._project_path, path)
        # left alone: a new stamp would have everyone read it again
        if read_bounded(full, MAX_BYTES) == text:
            return
        if not entries and not os.path.lexists(
            full.removesuffix(LOCK_NAME) + PIPELINE_NAME
        ):
            with suppress(FileNotFoundError):
                # a lock without a pipeline file and without stages says nothing
                os.unlink(full)
            return
        # before the lock: if we are killed in between, it tells of a lock that is not
        if others:
            line = f"{path} {self._base(path) or '-'} {self._algorithm.hex_of(text)}\n"
            descriptor = os.open(
                os.path.join(self._journal_path, _FOLDS),
                os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
                0o644,
            )
            try:
                write_all(descriptor, line.encode("utf-8", "surrogateescape"))
                fsync(descriptor)
            finally:
                os.close(descriptor)
        aside = os.path.join(self._project_path, ".mltrack", "tmp")
        make_directories(aside)
        # aside: a temporary file beside it would show up in `git status`
        write_atomic(full, text, aside=aside)

    def _journals(self) -> list[str]:
        names = sorted(
            name for name in names_in(self._journal_path) if name.endswith(_SUFFIX)
        )
        return [os.path.join(self._journal_path, name) for name in names]

    def _facts(self, journals: list[str]) -> Iterator[Fact]:
        """The facts that were made on top of the locks that stand here now. After a
        move to another commit a journal says nothing about its locks; what ran is still
        in the run cache.
        """
        folds: dict[tuple[str, str], str] | None = None
        for path in journals:
            data = read_bounded(path, MAX_BYTES)
            if data is None:
                continue
            for fact in run_record.parse_journal(data, self._algorithm, path):
                base = fact.base
                if base != self._base(fact.lock_path):
                    # read only here: as a rule the line is of this very lock
                    folds = self._folds() if folds is None else folds
                    # bounded: a lock may come back to an earlier text, in a ring
                    for _ in range(len(folds)):
                        if base == self._base(fact.lock_path):
                            break
                        base = folds.get((fact.lock_path, base), base)
                if base == self._base(fact.lock_path):
                    yield fact

    def _folds(self) -> dict[tuple[str, str], str]:
        data = read_bounded(os.path.join(self._journal_path, _FOLDS), MAX_BYTES) or b""
        found = {}
        for line in data.decode("utf-8", "surrogateescape").splitlines():
            parts = line.rsplit(" ", 2)
            if len(parts) == 3:
                found[parts[0], parts[1].replace("-", "")] = parts[2]
        return found

    def _base(self, lock_path: str) -> str:
        if lock_path not in self._bases:
            data = read_bounded(os.path.join(self._project_path, lock_path), MAX_BYTES)
            self._bases[lock_path] = (
                self._algorithm.hex_of(data) if data is not None else ""
            )
        return self._bases[lock_path]


def _owner(path: str) -> int:
    number = os.path.basename(path).removesuffix(_SUFFIX).partition("-")[2]
    return int(number) if number.isdigit() else 0
