"""Where experiments are kept: those that are done as refs of git's, the others as one
file each.

Whoever works on one holds a lock of the kernel's on its name, so that what was under
way when a process was killed can be told. Nothing is lost between the two places: the
file goes once the ref is durable.
"""

import os
import random
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum

from mltrack.disk.durable import make_directories, names_in, read_bounded, write_atomic
from mltrack.disk.lock import NameLocks, locked
from mltrack.engine.pipelines import nearest
from mltrack.errors import FormatError, UsageError
from mltrack.experiments import names, record
from mltrack.experiments.record import Experiment, State
from mltrack.git import snapshot
from mltrack.git.history import BASES, EXPERIMENTS, refs_below
from mltrack.pipeline.paths import parents
from mltrack.project import Project

_SUFFIX = ".json"
# bytes, of one record
_MAX_BYTES = 16 << 20


def refuse_taken(name: str, taken: Collection[str]) -> None:
    """Raises UsageError for the name of another experiment."""
    if name in taken:
        raise UsageError(
            f"there is an experiment {name!r} already",
            hint=f"another name, or mltrack exp remove {name}",
        )


def _is_record(file: str) -> bool:
    # a dot is of one that is half written
    return file.endswith(_SUFFIX) and not file.startswith(".")


class Ask(Enum):
    """What another command asks of whoever works on an experiment."""

    STOP = "stop"
    """End it; it can be started again."""
    CANCEL = "cancel"
    """End it for good."""


class Shelf:
    """The experiments of one clone."""

    def __init__(self, project: Project) -> None:
        self._top = project.repository.top
        self.path = project.experiments_path
        self._queue = os.path.join(self.path, "queue")
        self._asked = os.path.join(self.path, "asked")
        self._locks: NameLocks | None = None
        self._held: set[str] = set()
        self.broken: dict[str, FormatError] = {}
        """Records that cannot be read, by the name of their file or ref."""

    # looking

    def all(self) -> list[Experiment]:
        """Returns all experiments, oldest first; those that cannot be read are in
        ``broken``.
        """
        found = {one.name: one for one in self.kept()}
        # an experiment that is in both places is done, and its file a leftover
        for one in self.waiting():
            found.setdefault(one.name, one)
        return sorted(found.values(), key=lambda one: (one.created, one.name))

    def kept(self) -> list[Experiment]:
        """Returns the experiments that are done."""
        found = []
        for ref in snapshot.refs_with_messages(EXPERIMENTS, self._top):
            with self._noted(ref.name):
                one = record.parse(ref.message, ref.name)
                name = ref.name.removeprefix(EXPERIMENTS)
                # the ref's name counts: it may have been renamed by git
                found.append(replace(one, name=name, commit=ref.commit))
        return found

    def waiting(self) -> list[Experiment]:
        """Returns the experiments that are not done."""
        files = [file for file in sorted(names_in(self._queue)) if _is_record(file)]
        # killed between the two, somebody left the file of one that is done
        done = set(self._refs()) if files else set()
        found = []
        for name in (file.removesuffix(_SUFFIX) for file in files):
            if name not in done:
                with self._noted(name + _SUFFIX):
                    one = self._read(name)
                    if one is not None:
                        found.append(one)
        return found

    def _refs(self) -> list[str]:
        refs = refs_below(EXPERIMENTS, self._top)
        return [ref.removeprefix(EXPERIMENTS) for ref in refs]

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        try:
            yield
        except FormatError as error:
            way = "git update-ref -d" if name.startswith(EXPERIMENTS) else "rm"
            place = name if way != "rm" else os.path.join(self._queue, name)
            hint = error.hint or f"{way} {place}, if it cannot be mended"
            self.broken[name] = FormatError(error.message, hint=hint)

    def get(self, name: str) -> Experiment:
        """Returns the experiment of a name; raises UsageError, with the nearest one, if
        there is none; FormatError for one that cannot be read.
        """
        found = {one.name: one for one in self.all()}
        if name not in found:
            for place in (name + _SUFFIX, EXPERIMENTS + name):
                if place in self.broken:
                    raise self.broken[place]
            near = nearest(name, list(found))
            raise UsageError(
                f"there is no experiment {name!r}", hint=near or "mltrack exp show"
            )
        return found[name]

    def check_name(self, name: str) -> None:
        """Raises UsageError for what is no name, or what git calls something else: a
        branch of that name would be meant wherever a revision is named.
        """
        names.check_name(name)
        if snapshot.is_known(name, self._top):
            raise UsageError(
                f"git has a branch, a tag or a commit {name!r} already",
                hint=f"another name, such as exp-{name}",
            )

    def has(self, name: str) -> bool:
        """Returns whether a name is taken."""
        return name in self.taken()

    def new_names(self, count: int) -> list[str]:
        """Returns names that nobody chose, and none of which is taken."""
        # not seeded: two clones must not make the same names
        chance = random.SystemRandom()
        taken = self.taken()
        made: list[str] = []
        for _ in range(count):
            made.append(names.made(chance, taken.__contains__))
            taken.add(made[-1])
        return made

    def taken(self) -> set[str]:
        """Returns the names that no other experiment can have: also of records that
        cannot be read, and of refs that are none.
        """
        names = self._refs()
        files = [
            file.removesuffix(_SUFFIX)
            for file in names_in(self._queue)
            if _is_record(file)
        ]
        # where a ref lies below another name, git makes none of that name
        return {*names, *(one for name in names for one in parents(name)), *files}

    def _read(self, name: str) -> Experiment | None:
        data = read_bounded(self._file(name), _MAX_BYTES)
        if data is None:
            return None
        text = data.decode("utf-8", "surrogateescape")
        one = record.parse(text, self._file(name))
        if one.name != name:
            raise FormatError(
                f"{self._file(name)} speaks of another experiment, {one.name!r}"
            )
        if one.state is State.RUNNING and not self.is_held(name):
            # whoever ran it is gone
            return replace(one, state=State.STOPPED)
        return one

    def _file(self, name: str) -> str:
        return os.path.join(self._queue, name + _SUFFIX)

    # changing

    def add(self, experiments: Iterable[Experiment]) -> None:
        """Notes experiments that are to run. Raises UsageError for a name that is
        taken; then none is noted.
        """
        make_directories(self._queue)
        # one at a time: two commands might make the same name
        with locked(os.path.join(self.path, "lock")):
            taken = self.taken()
            fresh = list(experiments)
            for one in fresh:
                refuse_taken(one.name, taken)
                taken.add(one.name)
            self._hold_bases(fresh)
            try:
                for one in fresh:
                    self.put(one)
            except BaseException:
                # part of a sweep is nothing that anybody asked for
                for one in fresh:
                    self.forget(one.name)
                raise

    def _hold_bases(self, fresh: Iterable[Experiment]) -> None:
        """Names the bases of all that is not done by refs, so that neither git nor gc
        takes for garbage what they lead to: no branch need have them.
        """
        wanted = {one.base for one in fresh}
        here = set(refs_below(BASES, self._top))
        changes = [(BASES + one, one, "") for one in wanted if BASES + one not in here]
        known = {BASES + one for one in (*wanted, *(w.base for w in self.waiting()))}
        # of a record that cannot be read nobody knows the base
        if not self.broken:
            changes += [(ref, "", ref.removeprefix(BASES)) for ref in here - known]
        snapshot.change_refs(changes, self._top)

    def tidy(self) -> None:
        """Lets go of what only experiments that have ended needed."""
        if os.path.isdir(self._queue):
            with locked(os.path.join(self.path, "lock")):
                self._hold_bases(())

    def put(self, one: Experiment) -> None:
        """Writes the record of an experiment that is not done."""
        write_atomic(self._file(one.name), record.write(one).encode())

    def finish(self, done: list[tuple[Experiment, dict[str, bytes | None]]]) -> None:
        """Makes experiments commits, each with the files that it changes, durably; only
        then their files go.
        """
        commits = [
            snapshot.NewCommit(
                EXPERIMENTS + one.name,
                one.base,
                record.message(one),
                one.ended or one.created,
                files,
            )
            for one, files in done
        ]
        if commits:
            snapshot.write_commits(commits, self._top)
        for one, _ in done:
            self.forget(one.name)

    def forget(self, name: str) -> None:
        """Removes the record of an experiment that is not done, or not any more."""
        with suppress(FileNotFoundError):
            os.unlink(self._file(name))

    # who works on one

    @property
    def locks(self) -> NameLocks:
        if self._locks is None:
            make_directories(self.path)
            self._locks = NameLocks(os.path.join(self.path, "names.lock"))
        return self._locks

    def take(self, name: str) -> bool:
        """Holds an experiment against other processes; returns whether that is possible
        now.
        """
        if name in self._held or not self.locks.take(f"experiment {name}"):
            return False
        self._held.add(name)
        return True

    def release(self, name: str) -> None:
        self._held.discard(name)
        self.locks.release(f"experiment {name}")

    def current(self, name: str) -> Experiment | None:
        """Returns an experiment that this process holds as it is noted now; None if it
        is done, was taken out of the queue, or cannot be read.
        """
        try:
            return self._read(name)
        except FormatError:
            return None

    def is_held(self, name: str) -> bool:
        """Returns whether this process or another one works on an experiment."""
        if name in self._held:
            return True
        # nobody has run one here, and whoever only looks makes no file for it
        place = os.path.join(self.path, "names.lock")
        if not os.path.exists(place) and not os.path.exists(place + ".d"):
            return False
        return self.locks.is_held(f"experiment {name}")

    # what others ask for

    def ask(self, name: str, what: Ask) -> None:
        """Leaves a word for whoever works on an experiment."""
        make_directories(self._asked)
        # beside, not in it: who looks must not take half of a word for one; and lost in
        # a power cut it is of no use any more
        place, data = os.path.join(self._asked, name), what.value.encode()
        write_atomic(place, data, aside=self.path, durable=False)

    def asked(self) -> dict[str, Ask]:
        """Returns what is asked for, by name; what cannot be read is left out."""
        found = {}
        for name in names_in(self._asked):
            with suppress(ValueError, FormatError):
                data = read_bounded(os.path.join(self._asked, name), 64) or b""
                found[name] = Ask(data.decode("ascii", "replace"))
        return found

    def heed(self, name: str) -> None:
        """Takes a word away: it was heeded, or is no matter any more."""
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._asked, name))
