"""What did run: the locks, and on top of them the journal of stages that finished since.

Each finished stage appends one line to a journal of its process; the locks themselves are rewritten once, atomically,
when a command ends or a later one finds what it left. Every command reads both. A line counts only on top of the very
lock that stood there when it was written.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress

from mltrack.disk.durable import (
    fsync,
    fsync_directory,
    is_running,
    make_directories,
    read_bounded,
    write_all,
    write_atomic,
)
from mltrack.disk.lock import locked
from mltrack.formats import lock_file, run_record
from mltrack.formats.run_record import Fact
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.stage import Entry, Stage

MAX_BYTES = 256 << 20
_SYNC_SECONDS = 1.0


class LockState:
    """The entries of all locks of one worktree, by lock path and stage name."""

    def __init__(self, project_path: str, journal_path: str, algorithm: Algorithm, lock_paths: Iterable[str]) -> None:
        self._project_path = project_path
        self._journal_path = journal_path
        self._algorithm = algorithm
        self._descriptor = -1
        self._own = ""
        self._synced = 0.0
        self._bases: dict[str, str] = {}
        self.locks: dict[str, dict[str, Entry]] = {path: self._read_lock(path) for path in lock_paths}
        for fact in self._journal_facts(self._journals()):
            self.locks.setdefault(fact.lock_path, {})[fact.stage] = fact.entry

    def entry(self, stage: Stage) -> Entry | None:
        return self.locks.get(stage.lock_path, {}).get(stage.name)

    def record(self, stage: Stage, entry: Entry) -> None:
        """Notes a finished stage: a kill after this loses nothing, a power cut at most the last second."""
        self.locks.setdefault(stage.lock_path, {})[stage.name] = entry
        if self._descriptor < 0:
            make_directories(self._journal_path)
            self._own = os.path.join(self._journal_path, f"{time.time_ns():020d}-{os.getpid()}.journal")
            self._descriptor = os.open(
                self._own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644
            )
            fsync_directory(self._journal_path)
        fact = Fact(stage.lock_path, self._base(stage.lock_path), stage.name, entry)
        write_all(self._descriptor, run_record.journal_line(fact, self._algorithm))
        if time.monotonic() - self._synced >= _SYNC_SECONDS:
            fsync(self._descriptor)
            self._synced = time.monotonic()

    def fold(self, declared: Iterable[Stage] | None = None) -> None:
        """Writes the journal into the locks, durably, and removes what is then no longer needed of it.

        With ``declared``, entries of stages that are declared no more are dropped from the locks of their files.
        """
        journals = self._journals()
        if not journals and declared is None:
            return
        make_directories(self._journal_path)
        with locked(os.path.join(self._journal_path, "lock")):
            journals = self._journals()
            fresh: dict[str, dict[str, Entry]] = {}
            self._bases.clear()
            for fact in self._journal_facts(journals):
                if fact.lock_path not in fresh:
                    fresh[fact.lock_path] = self._read_lock(fact.lock_path)
                fresh[fact.lock_path][fact.stage] = fact.entry
            if declared is not None:
                self._drop_undeclared(fresh, declared)
            for path, entries in fresh.items():
                self._write_lock(path, entries)
            for path in journals:
                if path == self._own or not is_running(_owner(path)):
                    with suppress(FileNotFoundError):
                        os.unlink(path)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self._own = -1, ""

    def _drop_undeclared(self, fresh: dict[str, dict[str, Entry]], declared: Iterable[Stage]) -> None:
        names: dict[str, set[str]] = {}
        for stage in declared:
            names.setdefault(stage.lock_path, set()).add(stage.name)
        for path, known in names.items():
            entries = fresh.get(path) or self._read_lock(path)
            kept = {name: entry for name, entry in entries.items() if name in known}
            if len(kept) != len(entries) or path in fresh:
                fresh[path] = kept

    def _read_lock(self, path: str) -> dict[str, Entry]:
        data = read_bounded(os.path.join(self._project_path, path), MAX_BYTES)
        return lock_file.parse(data, self._algorithm, path) if data is not None else {}

    def _write_lock(self, path: str, entries: dict[str, Entry]) -> None:
        text = lock_file.write(entries, self._algorithm).encode()
        full = os.path.join(self._project_path, path)
        if read_bounded(full, MAX_BYTES) != text:
            aside = os.path.join(self._project_path, ".mltrack", "tmp")
            make_directories(aside)
            write_atomic(full, text, aside=aside)

    def _journals(self) -> list[str]:
        try:
            names = sorted(name for name in os.listdir(self._journal_path) if name.endswith(".journal"))
        except FileNotFoundError:
            return []
        return [os.path.join(self._journal_path, name) for name in names]

    def _journal_facts(self, journals: list[str]) -> Iterable[Fact]:
        """The facts that were made on top of the locks that stand here now. After a move to another commit a journal
        says nothing about its locks; what ran is still in the run cache."""
        for path in journals:
            data = read_bounded(path, MAX_BYTES)
            if data is not None:
                for fact in run_record.parse_journal(data, self._algorithm, path):
                    if fact.base == self._base(fact.lock_path):
                        yield fact

    def _base(self, lock_path: str) -> str:
        if lock_path not in self._bases:
            data = read_bounded(os.path.join(self._project_path, lock_path), MAX_BYTES)
            self._bases[lock_path] = self._algorithm.hex_of(data) if data is not None else ""
        return self._bases[lock_path]


def _owner(path: str) -> int:
    number = os.path.basename(path).removesuffix(".journal").partition("-")[2]
    return int(number) if number.isdigit() else 0
