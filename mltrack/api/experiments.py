"""Experiments as the library's users hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from mltrack.api import runs
from mltrack.api.tables import Records
from mltrack.errors import StageFailedError, UsageError
from mltrack.experiments import keeping, running, sharing
from mltrack.experiments.difference import Difference, difference
from mltrack.experiments.logs import Log, logs
from mltrack.experiments.looking import METRICS, PARAMS, sheet
from mltrack.experiments.record import Experiment, State
from mltrack.experiments.shelf import Ask, Shelf
from mltrack.experiments.sweep import Axis, parse_axis
from mltrack.experiments.wanted import Wanted, experiments
from mltrack.verbs.sources import quiet

if TYPE_CHECKING:
    from mltrack.api.project import Project
    from mltrack.experiments.fleet import Happening
    from mltrack.verbs.session import Session


class Found(Records[Experiment]):
    """Experiments: a list, which becomes a table as ``mltrack exp show --csv`` has it:
    a column for each param and each metric.
    """

    def _rows(self) -> list[dict[str, Any]]:
        found = sheet(self)
        columns = [
            *("name", "state", "note", "tags", "base", "source"),
            *(f"{METRICS}.{name}" for name in found.metrics),
            *(f"{PARAMS}.{name}" for name in found.params),
            *("seconds", "created"),
        ]
        return [{name: row.get(name) for name in columns} for row in found.rows]


class Experiments:
    """The experiments of a project. Each call opens the project and closes it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @contextmanager
    def _opened(self) -> Iterator[tuple[Session, Shelf]]:
        with self._project._workspace() as session:
            yield session, Shelf(session.project)

    # looking

    def show(self, where: str = "", sort: str = "") -> Found:
        """Returns experiments, oldest first: those that a condition is true for, and by
        a value, with a dash in front the largest first. See ``mltrack exp show``.
        """
        with self._opened() as (_, shelf):
            found = sheet(shelf.all())
            found = found.where(where) if where else found
            if sort:
                by = sort.removeprefix("-")
                found = found.ordered(by, descending=sort.startswith("-"))
            return Found(found.experiments)

    def get(self, name: str) -> Experiment:
        """Returns one experiment; raises UsageError if there is none."""
        with self._opened() as (_, shelf):
            return shelf.get(name)

    def diff(self, old: str, new: str) -> Difference:
        """Returns how two experiments, or revisions of git's, differ."""
        with self._opened() as (session, shelf):
            a, b = (keeping.at(session, shelf, name) for name in (old, new))
            return difference(session, a, b)

    def logs(self, name: str, stage: str = "") -> list[Log]:
        """Returns what the stages of an experiment printed."""
        with self._opened() as (session, shelf):
            return logs(session, shelf, name, stage)

    # running

    def run(
        self,
        *targets: str,
        set: Mapping[str, object] | None = None,
        sweep: Mapping[str, Sequence[object] | str] | None = None,
        params: Sequence[Mapping[str, object]] = (),
        random: int = 0,
        seed: int = 0,
        source: str = "",
        name: str = "",
        note: str = "",
        tags: Sequence[str] = (),
        queue: bool = False,
        jobs: int = 0,
        runner: str = "",
        pull: bool = False,
        on_event: Callable[[Happening], object] = lambda event: None,
    ) -> Found:
        """Runs the pipeline with other params, beside the workspace, and returns the
        experiments. ``set`` are params of all of them; of ``sweep`` each value is
        tried, or what a text means to ``-S``, in all combinations or ``random`` of them; ``params`` are whole sets.
        With ``queue`` they are only noted. ``on_event`` is called with what happens, as
        it happens.

        Raises StageFailedError once all have ended, if one failed.
        """
        with self._opened() as (session, shelf):
            wanted = Wanted(
                targets,
                _axes(set, sweep),
                random,
                seed,
                tuple(dict(runs.given(one)) for one in params),
                source,
                name,
                note,
                tuple(tags),
            )
            chosen = experiments(session, shelf, wanted)
            options = running.RunOptions(jobs, runner, pull)
            work = running.Runs(session, shelf, options)
            work.check_data(source)
            work.check(chosen)
            shelf.add(chosen)
            if queue:
                return Found(chosen)
            return self._carry_out(work, shelf, chosen, on_event)

    def start(
        self,
        *chosen: str,
        jobs: int = 0,
        runner: str = "",
        pull: bool = False,
        on_event: Callable[[Happening], object] = lambda event: None,
    ) -> Found:
        """Runs what is queued or was stopped; named ones also if they failed."""
        with self._opened() as (session, shelf):
            options = running.RunOptions(jobs, runner, pull)
            found = running.startable(shelf, chosen)
            work = running.Runs(session, shelf, options)
            return self._carry_out(work, shelf, found, on_event)

    def _carry_out(
        self,
        work: running.Runs,
        shelf: Shelf,
        chosen: Sequence[Experiment],
        on_event: Callable[[Happening], object],
    ) -> Found:
        with closing(work.events(chosen)) as happenings:
            for happening in happenings:
                on_event(happening)
        asked = {one.name for one in chosen}
        found = [one for one in shelf.all() if one.name in asked]
        failed = [one.name for one in found if one.state is State.FAILED]
        if failed:
            raise StageFailedError(
                f"failed: {', '.join(failed)}", hint=f"mltrack exp logs {failed[0]}"
            )
        return Found(found)

    def stop(self, *chosen: str) -> None:
        """Asks for the end of experiments that are under way; all of them by default."""
        self._ask(chosen, Ask.STOP)

    def cancel(self, *chosen: str) -> None:
        """Asks for the end of experiments for good."""
        self._ask(chosen, Ask.CANCEL)

    def _ask(self, chosen: Sequence[str], what: Ask) -> None:
        with self._opened() as (_, shelf):
            keeping.ask(shelf, chosen, what)

    # keeping

    def apply(self, name: str, *, force: bool = False) -> keeping.Applied:
        """Makes the workspace have the files of an experiment."""
        with self._opened() as (session, shelf):
            return keeping.apply(session, shelf, name, force=force)

    def branch(self, name: str, branch: str) -> str:
        """Makes a branch of an experiment; returns its commit."""
        with self._opened() as (session, shelf):
            return keeping.branch(session.project, shelf, name, branch)

    def rename(self, old: str, new: str) -> None:
        """Gives an experiment another name."""
        with self._opened() as (session, shelf):
            keeping.rename(session.project, shelf, old, new)

    def note(self, name: str, text: str) -> Experiment:
        """Writes a line about an experiment."""
        with self._opened() as (session, shelf):
            return keeping.describe(session.project, shelf, name, note=text, tags=())

    def tag(self, name: str, *tags: str) -> Experiment:
        """Adds tags to an experiment; one behind a dash is removed."""
        with self._opened() as (session, shelf):
            return keeping.describe(session.project, shelf, name, note=None, tags=tags)

    def remove(self, *chosen: str) -> None:
        """Removes experiments."""
        with self._opened() as (session, shelf):
            keeping.remove(session.project, shelf, chosen)

    def save(self, name: str = "", note: str = "", *tags: str) -> Experiment:
        """Makes an experiment of the workspace as it is now."""
        with self._opened() as (session, shelf):
            wanted = name or shelf.new_names(1)[0]
            shelf.check_name(wanted)
            return keeping.save(session, shelf, wanted, note, tags)

    # sharing

    def push(
        self, *chosen: str, remote: str = "", git_remote: str = ""
    ) -> sharing.Exchanged:
        """Sends experiments, all that are done by default."""
        with self._opened() as (session, _):
            return sharing.push(session, chosen, git_remote, remote, quiet)[0]

    def fetch(self, *chosen: str, git_remote: str = "") -> sharing.Exchanged:
        """Brings the refs of experiments."""
        with self._opened() as (session, _):
            return sharing.fetch(session, chosen, git_remote)

    def pull(
        self, *chosen: str, remote: str = "", git_remote: str = ""
    ) -> sharing.Exchanged:
        """Brings experiments with all that they name."""
        with self._opened() as (session, _):
            return sharing.pull(session, chosen, git_remote, remote, quiet)[0]


def _axes(
    given: Mapping[str, object] | None,
    sweep: Mapping[str, Sequence[object] | str] | None,
) -> tuple[Axis, ...]:
    """Params of all experiments, and those of which each value is tried."""
    axes = [Axis(key, (value,), None) for key, value in runs.given(given)]
    for key, values in (sweep or {}).items():
        if isinstance(values, str):
            # as on the command line: a list, a range, or a distribution to draw from
            axes.append(parse_axis(f"{key}={values}"))
            continue
        if not isinstance(values, Iterable):
            raise UsageError(
                f"sweep: {key} is one value, {values!r}", hint="give a list, or use set"
            )
        plain = tuple(runs.given({key: value})[0][1] for value in values)
        axes.append(Axis(key, plain, None))
    return tuple(axes)
