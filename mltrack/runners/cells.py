"""Runs jobs on this machine, each in a cell: a directory of its own, filled with what
the job reads, while the project's files stay as they are.

Large files and directories are links to objects that all cells share, and that are
looked at again once a job has ended, as on a host (docs/internals/decisions, 16).
"""

import base64
import json
import os
import shutil
from contextlib import suppress

from mltrack.disk.durable import read_bounded, write_atomic
from mltrack.errors import MissingObjectError, WorkspaceError
from mltrack.objects.content import EXEC, FILE, Content
from mltrack.pipeline.paths import contains
from mltrack.runners.job import Abilities, Job, Origin, Ticket, Works
from mltrack.runners.local import LocalRunner
from mltrack.runners.sandbox import Place, interpreters
from mltrack.runners.scratch import Scratch
from mltrack.runners.worker.inputs import Inputs
from mltrack.runners.worker.objects import Content as Row
from mltrack.runners.worker.objects import Damaged, Objects

# bytes: what is smaller is copied, so that a command may change what it was given
_COPIED = 64 << 10
_MAX_NOTE = 1 << 16


class Store:
    """The objects that cells share, and what jobs that did not end well saved of their
    state. ``programs`` is a directory whose virtual environments cells show.
    """

    def __init__(self, place: str, objects: Objects, programs: str) -> None:
        self.objects, self.programs = objects, programs
        self._checkpoints = os.path.join(place, "checkpoints")

    def bring(self, contents: list[Content], origin: Origin) -> None:
        """Gets contents, with all that lies below them; raises MissingObjectError for
        what is nowhere.
        """
        rows = [(content.kind, content.hex, content.size) for content in contents]
        lacking = self.objects.missing(rows)
        while lacking:
            for hex_digest in lacking:
                self._bring_one(hex_digest, origin)
            former = set(lacking)
            # what lies below a tree is known once that is here
            lacking = self.objects.missing(rows)
            if former & set(lacking):
                raise MissingObjectError(
                    f"{min(lacking)} changed while it was copied",
                    hint="run this again when nothing writes to it",
                )

    def _bring_one(self, hex_digest: str, origin: Origin) -> None:
        found = origin.find(hex_digest)
        if found is None:
            raise MissingObjectError(
                f"the object {hex_digest} is not in the cache", hint="mltrack fetch"
            )
        if isinstance(found, bytes):
            self.objects.put(hex_digest, found)
            return
        temporary = self.objects.temporary()
        try:
            shutil.copyfile(found, temporary)
            # of the copy: it is these bytes that jobs will read
            if self.objects.digest_of(temporary) == hex_digest:
                self.objects.publish(temporary, self.objects.path_of(hex_digest))
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

    def checkpoint(self, key: str) -> Row | None:
        """Returns what an earlier attempt at a job saved of its state, if it is here."""
        data = read_bounded(os.path.join(self._checkpoints, key), _MAX_NOTE)
        if data is None:
            return None
        with suppress(ValueError, TypeError):
            row = Row(*json.loads(data))
            if not self.objects.missing([(row.kind, row.hex, row.size)]):
                return row
        return None

    def keep_checkpoint(self, key: str, path: str) -> None:
        """Takes the directory in which a job saved its state, for the next attempt."""
        if not os.path.isdir(path) or not os.listdir(path):
            return
        row = self.objects.take_in(path)
        self.objects.settle()
        os.makedirs(self._checkpoints, exist_ok=True)
        # after the objects that it names
        write_atomic(os.path.join(self._checkpoints, key), json.dumps(row).encode())

    def forget_checkpoint(self, key: str) -> None:
        """Removes what was saved for a job that has ended well."""
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._checkpoints, key))


class Cell:
    """The directory of one job. See :class:`mltrack.runners.sandbox.Place`; ``project``
    is where its outputs are moved to.
    """

    def __init__(self, project: str, job: Job, origin: Origin, store: Store) -> None:
        self._job, self._store = job, store
        self._own = Scratch(project)
        self._is_kept = False
        self.root = self.files = self._own.path
        self._inputs = Inputs(self.root, _row(job, store), store.objects)
        try:
            store.bring(list(_as_objects(job).values()), origin)
            self._inputs.place()
            for program in interpreters(store.programs):
                os.symlink(program, os.path.join(self.root, os.path.basename(program)))
        except Damaged as error:
            self._own.remove()
            raise WorkspaceError(str(error)) from error
        except BaseException:
            self._own.remove()
            raise

    def wrap(self, arguments: list[str], directory: str) -> list[str]:
        return arguments

    def collect(self, job: Job) -> None:
        """Keeps the outputs until they are asked for; raises OSError where a command
        wrote into what others read, too.
        """
        try:
            self._inputs.check()
        except Damaged as error:
            raise OSError(0, str(error)) from error
        self._is_kept = True

    def rescue(self, job: Job) -> None:
        for item in job.items:
            for path in item.outputs:
                # what it logged until it failed says why
                if contains(job.live, path):
                    self._own.bring_out(path)
        if job.checkpoint:
            # without it the next attempt starts anew, which is slow and true
            with suppress(OSError, Damaged):
                place = os.path.join(self.root, job.checkpoint)
                self._store.keep_checkpoint(job.key, place)

    def remove(self) -> None:
        if not self._is_kept:
            self._own.remove()

    def bring_out(self) -> None:
        """Moves the outputs of a job that is done to where they belong."""
        for item in self._job.items:
            for path in item.outputs:
                self._own.bring_out(path)

    def drop(self) -> None:
        """Removes a cell whose outputs were kept."""
        if self._is_kept:
            self._is_kept = False
            self._own.remove()


class CellRunner(LocalRunner):
    """This machine, in cells; resources and GPU slots are those of :class:`LocalRunner`.
    ``root`` is where outputs are moved to by :meth:`fetch`.
    """

    def __init__(
        self,
        root: str,
        jobs_path: str,
        store: Store,
        capacity: dict[str, float] | None = None,
        locks: str = "",
    ) -> None:
        super().__init__(root, jobs_path, capacity, locks)
        self._store = store
        self._abilities = Abilities(
            Works.APART, survives=False, capacity=capacity or {}
        )

    def _place(self, job: Job, origin: Origin | None) -> Place:
        assert origin is not None
        return Cell(self._root, job, origin, self._store)

    def fetch(self, ticket: Ticket) -> None:
        place = self.place_of(ticket)
        if isinstance(place, Cell):
            place.bring_out()

    def settle(self, ticket: Ticket) -> None:
        place = self.place_of(ticket)
        if isinstance(place, Cell):
            place.drop()

    def reject(self, ticket: Ticket) -> None:
        self.settle(ticket)

    def forget(self, ticket: Ticket) -> None:
        # it was taken: what an earlier attempt had saved is of no use any more
        self._store.forget_checkpoint(ticket.key)
        super().forget(ticket)


def _as_objects(job: Job) -> dict[str, Content]:
    """The inputs that are no files written anew."""
    return {path: one for path, one in job.inputs.items() if path not in job.files}


def _row(job: Job, store: Store) -> dict[str, object]:
    """A job as hosts know it, as far as placing its inputs asks for it."""
    small = [
        path
        for path, content in _as_objects(job).items()
        if content.kind in (FILE, EXEC) and content.size <= _COPIED
    ]
    saved = store.checkpoint(job.key) if job.checkpoint else None
    return {
        "directory": job.directory,
        "kept": [*job.kept, *small],
        "inputs": [[path, *content] for path, content in _as_objects(job).items()],
        "files": {
            path: base64.b64encode(data).decode() for path, data in job.files.items()
        },
        "items": [{"outputs": item.outputs} for item in job.items],
        "checkpoint": job.checkpoint,
        "checkpoint_content": list(saved) if saved is not None else None,
    }
