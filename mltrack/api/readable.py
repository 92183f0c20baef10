"""What can be read of any project, at any revision."""

from __future__ import annotations

import os
from typing import IO, Any

from mltrack.api import lazily, notebook
from mltrack.api.files import Text, open_file
from mltrack.api.place import Place
from mltrack.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mltrack.api.graphs import Dag
    from mltrack.api.notebook import Moving
    from mltrack.api.tables import Records, Values
    from mltrack.pipeline.stage import Stage
    from mltrack.verbs.du import Usage
    from mltrack.verbs.get import Got
    from mltrack.verbs.listing import Difference, Listed
    from mltrack.verbs.log import Commit
    from mltrack.verbs.logs import Log
    from mltrack.verbs.plots import Drawn
    from mltrack.verbs.results import ValueChange


class Readable(Place):
    """A project, for reading."""

    def ls(self, *targets: str, recursive: bool = False) -> Records[Listed]:
        """Returns what is tracked; of a named directory what is in it."""
        with self.session() as session:
            return _table(lazily.listing.ls(session, [*targets], recursive=recursive))

    def diff(
        self, old: str = "HEAD", new: str = "", *targets: str
    ) -> Records[Difference]:
        """Returns the files that differ between two revisions; ``new`` is what this
        project is opened at.
        """
        with self.session() as session:
            new = new or session.named
            return _table(lazily.listing.diff(session, old, new, [*targets]))

    def du(self, *targets: str) -> Records[Usage]:
        """Returns how much data there is, and how much of it is in the cache."""
        with self.session() as session:
            return _table(lazily.du.du(session, [*targets]))

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
        return open_file(self, path, mode, Text(encoding, errors, newline))

    def path(self, path: str) -> Path:
        """Returns where a file or directory is on this machine, for reading only. If it
        is not in the workspace it is fetched, to a place that is the same for all who
        ask for the same bytes.
        """
        from pathlib import Path  # noqa: PLC0415 - 7 ms, for who asks for one

        with self.session() as session:
            return Path(lazily.reading.local_path(session, path))

    def get(
        self,
        *paths: str,
        out: str | os.PathLike[str] = "",
        force: bool = False,
        on_progress: Moving | None = None,
    ) -> Got:
        """Copies files and directories out of the project, as of its newest commit
        unless ``rev`` is given: into the current directory, or to ``out``.
        """
        here = os.getcwd()
        to = os.path.join(here, os.fspath(out)) if out else here + os.sep
        with (
            lazily.elsewhere.open_elsewhere(self._address, self._rev) as session,
            notebook.shown(on_progress) as report,
        ):
            return lazily.get.get(session, [*paths], to, force=force, report=report)

    def log(self, *targets: str, most: int = 0) -> list[Commit]:
        """Returns the commits that recorded other versions of the targets, or of any
        data, newest first; at most ``most`` unless that is 0.
        """
        with self.session() as session:
            return lazily.log.log(session, [*targets], self._rev, most)

    # results

    def params(self, *files: str) -> Values:
        """Returns the params, by file and dotted key."""
        with self.session() as session:
            return _values(lazily.results.params(session, "", [*files] or None))

    def metrics(self, *files: str) -> Values:
        """Returns the metrics, by file and dotted key."""
        with self.session() as session:
            return _values(lazily.results.metrics(session, "", [*files] or None))

    def params_diff(self, old: str = "HEAD", new: str = "") -> Records[ValueChange]:
        """Returns the params that differ between two revisions, as ``diff`` does."""
        with self.session() as session:
            read = lazily.results.params
            before, after = read(session, old), read(session, new)
            return _table(lazily.results.diff(before, after))

    def metrics_diff(self, old: str = "HEAD", new: str = "") -> Records[ValueChange]:
        """Returns the metrics that differ between two revisions, as ``diff`` does."""
        with self.session() as session:
            read, same = lazily.results.metrics, lazily.results.same_measure
            before, after = read(session, old), read(session, new)
            return _table(lazily.results.diff(before, after, is_same=same))

    def plots(self, *targets: str, revs: Sequence[str] = ()) -> Drawn:
        """Returns the plots, with the data of each of ``revs``, else of what this
        project is opened at.
        """
        with self.session() as session:
            revisions = [*revs] or [session.named]
            return lazily.plots.plots(session, revisions, [*targets] or None)

    # pipelines

    def stages(self) -> list[Stage]:
        """Returns the stages, each after those that it depends on."""
        with self.session() as session:
            return lazily.stage.list_stages(session.view)

    def dag(self, *targets: str, files: bool = False) -> Dag:
        """Returns for each stage what it depends on; with ``targets`` only what leads
        to them, with ``files`` for each file.
        """
        from mltrack.api.graphs import Dag  # noqa: PLC0415 - for who asks for one

        with self.session() as session:
            return Dag(lazily.dag.dag(session, [*targets], files=files))

    def logs(self, stage: str) -> Records[Log]:
        """Returns the logs of a stage that are kept, the latest first."""
        with self.session() as session:
            return _table(lazily.logs.logs(session, stage))

    def printed(self, stage: str, run: int = 1) -> bytes:
        """Returns what a stage's commands printed, in the last run or an earlier one,
        counted back from the last. Raises UsageError where that is not kept.
        """
        with self.session() as session:
            found = lazily.logs.logs(session, stage)
            if not 0 < run <= len(found):
                raise UsageError(
                    f"{len(found)} logs of {stage!r} are kept, and run is {run}",
                    hint=f"mltrack logs {stage} --list",
                )
            chosen = lazily.logs.chosen(found, run)
            return b"".join(lazily.logs.pieces(session, chosen))


def _table(records: list[Any]) -> Records[Any]:
    from mltrack.api.tables import Records  # noqa: PLC0415 - for who asks for one

    return Records(records)


def _values(found: dict[str, dict[str, Any]]) -> Values:
    from mltrack.api.tables import Values  # noqa: PLC0415 - for who asks for one

    return Values(found)
