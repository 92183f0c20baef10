"""Where a job's commands find their files: the workspace itself, or a place with the
declared inputs and nothing else.

With bubblewrap the sandbox stands at the project's own path: inputs are bound there,
read only, and the rest of the project cannot be seen. Without it the inputs are copied
to a directory of their own, which is a promise about relative paths only: a command
that names the project by its absolute path still finds it.
"""

import os
import shutil
import subprocess
from functools import cache as memoized
from typing import Protocol

from mltrack.errors import WorkspaceError
from mltrack.pipeline.paths import contains, leads_out
from mltrack.runners.job import Job
from mltrack.runners.scratch import Scratch


class Place(Protocol):
    """Where commands run; ``root`` is what they see as the project, and ``files`` where
    that lies for others.
    """

    root: str
    files: str

    def wrap(self, arguments: list[str], directory: str) -> list[str]:
        """Returns the arguments that run ``arguments`` in this place."""
        ...

    def collect(self, job: Job) -> None:
        """Brings the outputs to where they belong."""
        ...

    def rescue(self, job: Job) -> None:
        """Brings back the checkpoint of a job that did not end well, and what it logged."""
        ...

    def remove(self) -> None:
        """Removes what was made for the job."""
        ...


class Workspace:
    """The project as it stands."""

    def __init__(self, root: str) -> None:
        self.root = self.files = root

    def wrap(self, arguments: list[str], directory: str) -> list[str]:
        return arguments

    def collect(self, job: Job) -> None:
        pass

    def rescue(self, job: Job) -> None:
        pass

    def remove(self) -> None:
        pass


class Sandbox:
    """A directory of one job. Inputs are relative to ``project``; outputs come back by
    rename.
    """

    def __init__(self, project: str, job: Job, objects: str = "") -> None:
        """``objects`` is the directory that links to the cache lead into: inputs may be
        such links.
        """
        self._project = project
        self._objects = objects
        self._own = Scratch(project)
        self._scratch = self.files = self._own.path
        self._binds: list[str] = []
        self.is_hidden = can_bind()
        self.root = project if self.is_hidden else self._scratch
        try:
            self._fill(job)
        except BaseException:
            self.remove()
            raise

    def wrap(self, arguments: list[str], directory: str) -> list[str]:
        if not self.is_hidden:
            return arguments
        binds = [word for path in self._binds for word in ("--ro-bind", path, path)]
        return [
            "bwrap",
            # the machine stays as it is: only the project is replaced
            "--dev-bind",
            "/",
            "/",
            "--bind",
            self._scratch,
            self._project,
            *binds,
            # a killed mltrack takes the command along
            "--die-with-parent",
            "--chdir",
            directory,
            "--",
            *arguments,
        ]

    def collect(self, job: Job) -> None:
        for item in job.items:
            for path in item.outputs:
                self._own.bring_out(path)

    def rescue(self, job: Job) -> None:
        if job.checkpoint:
            self._own.bring_out(job.checkpoint)
        for item in job.items:
            for path in item.outputs:
                # what a command logged until it failed says why; its own outputs alone,
                # since other stages may log beside it
                if contains(job.live, path):
                    self._own.bring_out(path)

    def remove(self) -> None:
        self._own.remove()

    def _fill(self, job: Job) -> None:
        for path in job.inputs:
            if path not in job.files:
                self._bring(path)
        # copies: the command goes on from these, and writes to them
        for path in (*job.kept, *filter(None, (job.checkpoint,))):
            if os.path.lexists(os.path.join(self._project, path)):
                self._copy(path)
        for path, data in job.files.items():
            place = self._place(path)
            with open(place, "wb") as file:
                file.write(data)
        # a command finds the directories above its outputs, as in the workspace
        for item in job.items:
            for path in item.outputs:
                self._place(path)
                # what is left out of an output stays there, and outlives the run
                if path not in job.kept and os.path.isdir(
                    os.path.join(self._project, path)
                ):
                    self._copy(path)
        os.makedirs(os.path.join(self._scratch, job.directory), exist_ok=True)
        if self.is_hidden:
            self._binds += interpreters(self._project)
            inner = (
                os.path.relpath(self._objects, self._project)
                if self._objects
                else os.pardir
            )
            # the cache is hidden like the rest: links into it would lead nowhere
            if not leads_out(inner) and os.path.isdir(self._objects):
                os.makedirs(os.path.join(self._scratch, inner), exist_ok=True)
                self._binds.append(self._objects)

    def _bring(self, path: str) -> None:
        source = os.path.join(self._project, path)
        if not self.is_hidden:
            self._copy(path)
            return
        place = self._place(path)
        # a bind needs something of the same kind to stand on
        if os.path.isdir(source):
            os.makedirs(place, exist_ok=True)
        elif not os.path.lexists(place):
            with open(place, "wb"):
                pass
        self._binds.append(source)

    def _copy(self, path: str) -> None:
        source, place = os.path.join(self._project, path), self._place(path)
        if os.path.isdir(source):
            shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, place)

    def _place(self, path: str) -> str:
        """Where a path lies in the sandbox, with the directories above it made."""
        place = os.path.normpath(os.path.join(self._scratch, path))
        if not place.startswith(self._scratch + os.sep):
            raise WorkspaceError(f"{path!r} leads out of the sandbox")
        os.makedirs(os.path.dirname(place), exist_ok=True)
        return place


@memoized
def can_bind() -> bool:
    """Returns whether bubblewrap is there and may do its work."""
    if shutil.which("bwrap") is None:
        return False
    # tried, since containers and some kernels refuse it
    probe = subprocess.run(
        ["bwrap", "--dev-bind", "/", "/", "--die-with-parent", "true"],
        capture_output=True,
    )
    return probe.returncode == 0


def interpreters(project: str) -> list[str]:
    """Virtual environments that stand in the project: programs to run with, not inputs
    to read.
    """
    with os.scandir(project) as found:
        return [
            entry.path
            for entry in found
            if os.path.isfile(os.path.join(entry.path, "pyvenv.cfg"))
        ]
