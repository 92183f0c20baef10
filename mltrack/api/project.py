"""A project as the library's users hold it."""

from __future__ import annotations

from mltrack.api import lazily, runs
from mltrack.api.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from mltrack.api.experiments import Experiments, Found
    from mltrack.config.settings import Value
    from mltrack.engine.events import Event
    from mltrack.pipeline.plan import Plan
    from mltrack.pipeline.stage import Stage
    from mltrack.verbs.commit import CommitResult
    from mltrack.verbs.config import Level
    from mltrack.verbs.job import JobInfo
    from mltrack.verbs.machine import Check
    from mltrack.verbs.places import RunnerInfo
    from mltrack.verbs.remote import RemoteInfo
    from mltrack.verbs.repro import ReproOptions
    from mltrack.verbs.twice import Compared
    from mltrack.verbs.why import Explanation


class Project(Workspace):
    """A project: that of a directory here, or of another repository.

    ``place`` is a directory in it, a repository's address, or its name in the settings.
    With ``rev`` everything is read as of that git revision. Without it the workspace is
    read; of a repository at an address, the newest commit.
    """

    # experiments

    @property
    def exp(self) -> Experiments:
        """The project's experiments: ``exp.run``, ``exp.show`` and so on, as on the
        command line.
        """
        return lazily.experiments.Experiments(self)

    def exps(self, where: str = "", sort: str = "") -> Found:
        """Returns the experiments; see ``exp.show``."""
        return self.exp.show(where, sort)

    # stages

    def why(self, *targets: str) -> list[Explanation]:
        """Returns for each stage why it would run, or not."""
        with self._workspace() as session:
            return lazily.why.why(session, [*targets])

    def plan(
        self,
        *targets: str,
        set: Mapping[str, object] | None = None,
        force: bool = False,
        pull: bool = False,
    ) -> Plan:
        """Returns what ``repro`` would do, and runs nothing."""
        options = _options(targets, set, force=force, pull=pull)
        with self._workspace() as session:
            return lazily.repro.Repro(session, options).plan()

    def events(
        self,
        *targets: str,
        set: Mapping[str, object] | None = None,
        jobs: int = 0,
        force: bool = False,
        pull: bool = False,
        keep_going: bool = False,
        single_item: bool = False,
        downstream: bool = False,
        run_cache: bool = True,
        runner: str = "",
        detach: bool = False,
    ) -> Generator[Event, None, None]:
        """Runs the stages whose inputs changed; yields each event as it happens. They
        run while it is iterated, by one thread; ``close`` ends what runs. ``set`` are
        params of this run, as for ``--set``, with values of any kind that a params file
        holds.

        Raises StageFailedError once the others are done, and PartlyDoneError for
        stages whose inputs changed while they ran.
        """
        options = _options(
            targets,
            set,
            jobs=jobs,
            force=force,
            pull=pull,
            keep_going=keep_going,
            single_item=single_item,
            downstream=downstream,
            use_run_cache=run_cache,
            runner=runner,
            detach=detach,
        )
        with self._workspace() as session:
            yield from runs.events(session, options)

    def repro(
        self,
        *targets: str,
        set: Mapping[str, object] | None = None,
        jobs: int = 0,
        force: bool = False,
        pull: bool = False,
        keep_going: bool = False,
        single_item: bool = False,
        downstream: bool = False,
        run_cache: bool = True,
        runner: str = "",
        detach: bool = False,
        on_event: Callable[[Event], object] = lambda event: None,
    ) -> list[Event]:
        """Runs the stages whose inputs changed; returns what happened. ``on_event`` is
        called with each event as it happens. See ``events``, which yields them.
        """
        happened: list[Event] = []
        for event in self.events(
            *targets,
            set=set,
            jobs=jobs,
            force=force,
            pull=pull,
            keep_going=keep_going,
            single_item=single_item,
            downstream=downstream,
            run_cache=run_cache,
            runner=runner,
            detach=detach,
        ):
            happened.append(event)
            on_event(event)
        return happened

    def twice(
        self, *stages: str, set: Mapping[str, object] | None = None
    ) -> list[Compared]:
        """Brings stages up to date, runs them once more, and returns how their outputs
        compare. Raises StageFailedError if a command fails.
        """
        with self._workspace() as session:
            return runs.twice(session, _options(stages, set))

    def add_stage(
        self,
        name: str,
        cmd: str,
        *,
        deps: Sequence[str] = (),
        params: Sequence[str] = (),
        outs: Sequence[str] = (),
        outs_no_cache: Sequence[str] = (),
        metrics: Sequence[str] = (),
        metrics_no_cache: Sequence[str] = (),
        plots: Sequence[str] = (),
        plots_no_cache: Sequence[str] = (),
        wdir: str = "",
        desc: str = "",
        always_changed: bool = False,
        force: bool = False,
    ) -> Stage:
        """Declares a stage in ``mltrack.yaml``; with ``force`` in the place of one of
        that name. What is named ``no_cache`` is left to git.
        """
        new = lazily.stage.NewStage(
            name=name,
            cmd=cmd,
            deps=tuple(deps),
            params=tuple(params),
            outs=tuple(outs),
            outs_no_cache=tuple(outs_no_cache),
            metrics=tuple(metrics),
            metrics_no_cache=tuple(metrics_no_cache),
            plots=tuple(plots),
            plots_no_cache=tuple(plots_no_cache),
            wdir=wdir,
            desc=desc,
            always_changed=always_changed,
        )
        with self._acting() as session:
            return lazily.stage.add(session, new, force=force)

    def commit(self, *stages: str) -> CommitResult:
        """Records the present state of stages as if they had run."""
        with self._acting() as session:
            return lazily.commit.commit(session, [*stages])

    def freeze(self, *stages: str) -> list[str]:
        """Keeps stages from running even if their inputs change; returns those that
        were not frozen before.
        """
        with self._acting() as session:
            return lazily.freeze.set_frozen(session, [*stages], frozen=True)

    def unfreeze(self, *stages: str) -> list[str]:
        """Lets frozen stages run again; returns those that were frozen."""
        with self._acting() as session:
            return lazily.freeze.set_frozen(session, [*stages], frozen=False)

    # where stages run

    def runners(self) -> list[RunnerInfo]:
        """Returns the places where stages can run."""
        with self._workspace() as session:
            return lazily.places.list_runners(session.project)

    def jobs(self) -> list[JobInfo]:
        """Returns the jobs on hosts whose results nobody has taken, the latest first."""
        with self._workspace() as session, lazily.job.Jobs(session.project) as jobs:
            return jobs.all()

    def cancel(self, *names: str) -> list[tuple[JobInfo, str]]:
        """Ends jobs, named by their stages or ids, with all that they started; returns
        them with their states then.
        """
        with self._workspace() as session, lazily.job.Jobs(session.project) as jobs:
            # named by its stage and by its id it is one job
            chosen = {job.token: job for name in names for job in jobs.find_all(name)}
            return [(job, jobs.cancel(job)) for job in chosen.values()]

    # how it is set up

    def doctor(self) -> list[Check]:
        """Returns what was checked of the project and this machine."""
        with self._workspace() as session:
            return lazily.doctor.doctor(session)

    def remotes(self) -> list[RemoteInfo]:
        """Returns the remotes."""
        with self._workspace() as session:
            return lazily.remote.list_remotes(session.project)

    def add_remote(
        self,
        name: str,
        url: str,
        *,
        default: bool = False,
        local: bool = False,
        force: bool = False,
    ) -> RemoteInfo:
        """Names a remote; the first one becomes the default. With ``local`` only in
        this clone; with ``force`` in the place of one of that name.
        """
        options = lazily.remote.AddOptions(default, local, force)
        with self._acting() as session:
            return lazily.remote.add(session.project, name, url, options)

    def config(self, key: str = "") -> dict[str, Value]:
        """Returns a setting, or all of them, each with where it comes from. Secrets are
        not in it.
        """
        with self._workspace() as session:
            return lazily.config.show(session.project, key)

    def set_config(
        self, key: str, value: str | None, *, level: Level = "project"
    ) -> str:
        """Sets a key as ``mltrack config`` does, or removes it for None; returns the
        path of the file. ``level`` is ``project``, ``local`` for this clone, or ``user``
        for your own config.
        """
        with self._acting() as session:
            return lazily.config.change(session.project, key, value, level)


def _options(
    targets: tuple[str, ...], set: Mapping[str, object] | None, **others: object
) -> ReproOptions:
    return lazily.repro.ReproOptions(targets, overrides=runs.given(set), **others)  # type: ignore[arg-type]
