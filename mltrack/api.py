"""mltrack from Python: what the command line does, with records in the place of text.

Nothing here prints, asks, or keeps anything between two calls: each opens the project,
does its work and closes it. So it may be used from several threads, after a fork, and
inside a stage. Errors are those of :mod:`mltrack.errors`, with ``message`` and ``hint``.
"""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from mltrack import project as projects
from mltrack.engine.events import Event, StageFailed
from mltrack.errors import MltrackError, PartlyDoneError, StageFailedError, UsageError
from mltrack.events import Progress
from mltrack.git import source
from mltrack.verbs import add as add_verb
from mltrack.verbs import checkout as checkout_verb
from mltrack.verbs import elsewhere, listing, reading, results, transfers
from mltrack.verbs import status as status_verb
from mltrack.verbs import why as why_verb
from mltrack.verbs.add import AddResult
from mltrack.verbs.checkout import CheckoutOptions, CheckoutResult
from mltrack.verbs.listing import Difference, Listed
from mltrack.verbs.results import Values
from mltrack.verbs.session import Session
from mltrack.verbs.sources import quiet
from mltrack.verbs.status import Status
from mltrack.verbs.transfers import FetchResult, PullResult, Scope, TransferResult
from mltrack.verbs.why import Explanation

Moving = Callable[[Progress], None]
"""Is called with how far a transfer is."""


class Project:
    """A project: that of a directory here, or of another repository.

    ``place`` is a directory in it, a repository's address, or its name in the settings.
    With ``rev`` everything is read as of that git revision. Without it the workspace is
    read; of a repository at an address, the newest commit.
    """

    def __init__(
        self, place: str | os.PathLike[str] = ".", rev: str | None = None
    ) -> None:
        self._place = os.fspath(place)
        self._rev = rev or ""

    def __repr__(self) -> str:
        rev = f", rev={self._rev!r}" if self._rev else ""
        return f"mltrack.Project({self._place!r}{rev})"

    # reading

    def ls(self, *targets: str, recursive: bool = False) -> list[Listed]:
        """Returns what is tracked; of a named directory what is in it."""
        with self.session() as session:
            return listing.ls(session, [*targets], recursive=recursive)

    def diff(self, old: str = "HEAD", new: str = "", *targets: str) -> list[Difference]:
        """Returns the files that differ between two revisions; ``new`` is what this
        project is opened at.
        """
        with self.session() as session:
            return listing.diff(session, old, new or session.named, [*targets])

    def read(self, path: str) -> bytes:
        """Returns the bytes of a file."""
        with self.open(path, "rb") as file:
            data = file.read()
            assert isinstance(data, bytes)
            return data

    def open(
        self,
        path: str,
        mode: str = "r",
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Opens a file for reading, as :func:`open` does: the one in the workspace if
        it is there, else the recorded one. A large file that is not here is read from
        the remote, range by range.
        """
        if sorted(mode.replace("t", "")) not in (["r"], ["b", "r"]):
            raise UsageError(f"mltrack.open reads, and mode is {mode!r}")
        if "b" in mode and (encoding or errors or newline):
            raise UsageError("a binary file has no encoding, errors or newline")
        with ExitStack() as stack:
            session = stack.enter_context(self.session())
            closing = stack.pop_all().close
            try:
                binary = reading.open_file(session, path, closing=closing)
            except BaseException:
                closing()
                raise
        if "b" in mode:
            return binary  # type: ignore[return-value]
        # every reader here is one that a text layer takes
        return io.TextIOWrapper(cast(Any, binary), encoding or "utf-8", errors, newline)

    def path(self, path: str) -> Path:
        """Returns where a file or directory is on this machine, for reading only. If it
        is not in the workspace it is fetched, to a place that is the same for all who
        ask for the same bytes.
        """
        with self.session() as session:
            return Path(reading.local_path(session, path))

    def params(self, *files: str) -> Values:
        """Returns the params, by file and dotted key."""
        with self.session() as session:
            return results.params(session, "", [*files] or None)

    def metrics(self, *files: str) -> Values:
        """Returns the metrics, by file and dotted key."""
        with self.session() as session:
            return results.metrics(session, "", [*files] or None)

    # the workspace

    def status(self, *targets: str, remote: str = "") -> Status:
        """Returns what changed, and what ``repro`` would do."""
        with self._workspace() as session:
            return status_verb.status(session, [*targets], remote)

    def why(self, *targets: str) -> list[Explanation]:
        """Returns for each stage why it would run, or not."""
        with self._workspace() as session:
            return why_verb.why(session, [*targets])

    def add(self, *paths: str) -> AddResult:
        """Tracks files and directories, or records their new state."""
        with self._workspace() as session:
            return add_verb.add(session, [*paths])

    def push(
        self, *targets: str, remote: str = "", on_progress: Moving = quiet
    ) -> TransferResult:
        """Copies what is recorded to a remote."""
        with self._workspace() as session:
            return transfers.push(session, _scope(targets, remote), on_progress)

    def fetch(
        self, *targets: str, remote: str = "", on_progress: Moving = quiet
    ) -> FetchResult:
        """Brings what is recorded into the cache."""
        with self._workspace() as session:
            return transfers.fetch(session, _scope(targets, remote), on_progress)

    def pull(
        self,
        *targets: str,
        remote: str = "",
        force: bool = False,
        on_progress: Moving = quiet,
    ) -> PullResult:
        """Brings what is recorded, and checks it out."""
        with self._workspace() as session:
            return transfers.pull(
                session, _scope(targets, remote), on_progress, force=force
            )

    def checkout(self, *targets: str, force: bool = False) -> CheckoutResult:
        """Updates the workspace to what is recorded."""
        with self._workspace() as session:
            return checkout_verb.checkout(
                session, [*targets], CheckoutOptions(force=force)
            )

    def repro(
        self,
        *targets: str,
        set: Mapping[str, object] | None = None,
        jobs: int = 0,
        force: bool = False,
        pull: bool = False,
        keep_going: bool = False,
        on_event: Callable[[Event], object] = lambda event: None,
    ) -> list[Event]:
        """Runs the stages whose inputs changed; returns what happened. ``on_event`` is
        called with each event as it happens. ``set`` are params, as for ``--set``.

        Raises StageFailedError once the others are done, and PartlyDoneError for
        stages whose inputs changed while they ran.
        """
        from mltrack.verbs.repro import Repro, ReproOptions  # noqa: PLC0415 - 30 ms, for who runs stages

        options = ReproOptions(
            targets,
            force=force,
            jobs=jobs,
            keep_going=keep_going,
            pull=pull,
            overrides=tuple(f"{key}={value}" for key, value in (set or {}).items()),
        )
        happened: list[Event] = []
        with self._workspace() as session:
            work = Repro(session, options)
            for event in work.run(work.plan()):
                happened.append(event)
                on_event(event)
        failed = [event.stage for event in happened if isinstance(event, StageFailed)]
        if failed:
            raise StageFailedError(
                f"failed: {', '.join(failed)}", hint=f"mltrack logs {failed[0]}"
            )
        if work.outcome.unrecorded:
            raise PartlyDoneError(
                "not recorded, since a dependency changed during the run: "
                f"{', '.join(work.outcome.unrecorded)}"
            )
        return happened

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Opens it for the length of a block, for what is built on mltrack's own parts,
        which may change with any version.
        """
        here = not source.is_url(self._place) and os.path.isdir(self._place)
        if here and not self._rev:
            with Session(projects.find(self._place)) as session:
                yield session
            return
        place = self._place
        if here:
            found = projects.find(place)
            inner = os.path.relpath(found.path, found.repository.top)
            place = f"{found.repository.top}#{inner if inner != os.curdir else ''}"
        else:
            place = elsewhere.place_of(place, os.curdir)
        with elsewhere.open_elsewhere(place, self._rev) as session:
            yield session

    @contextmanager
    def _workspace(self) -> Iterator[Session]:
        if self._rev or source.is_url(self._place):
            raise UsageError(
                f"{self!r} has no workspace",
                hint="open the project of a directory, without rev",
            )
        with self.session() as session:
            yield session


def _scope(targets: tuple[str, ...], remote: str) -> Scope:
    return Scope(targets, remote=remote)


def _project(repo: str | None, rev: str | None) -> Project:
    return Project(repo or ".", rev)


def open(
    path: str,
    mode: str = "r",
    *,
    repo: str | None = None,
    rev: str | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> IO[Any]:
    """Opens a file of a project for reading; see :meth:`Project.open`."""
    return _project(repo, rev).open(
        path, mode, encoding=encoding, errors=errors, newline=newline
    )


def read(path: str, *, repo: str | None = None, rev: str | None = None) -> bytes:
    """Returns the bytes of a file of a project."""
    return _project(repo, rev).read(path)


def path(path: str, *, repo: str | None = None, rev: str | None = None) -> Path:
    """Returns where a file or directory is on this machine; see :meth:`Project.path`."""
    return _project(repo, rev).path(path)


def params(*files: str, repo: str | None = None, rev: str | None = None) -> Values:
    """Returns params, by file and dotted key."""
    return _project(repo, rev).params(*files)


def metrics(*files: str, repo: str | None = None, rev: str | None = None) -> Values:
    """Returns metrics, by file and dotted key."""
    return _project(repo, rev).metrics(*files)


__all__ = ["MltrackError", "Project", "metrics", "open", "params", "path", "read"]
