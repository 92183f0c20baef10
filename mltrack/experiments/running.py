"""``exp run`` and ``exp start``: experiments are run."""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import groupby

from mltrack.engine.outcome import Limits
from mltrack.engine.parts import Policy
from mltrack.engine.placement import Placement
from mltrack.errors import (
    ConfigError,
    FormatError,
    GitError,
    PipelineError,
    UsageError,
)
from mltrack.experiments.batch import Batch
from mltrack.experiments.fleet import Fleet, Happening, ended
from mltrack.experiments.lacking import refuse_lacking
from mltrack.experiments.record import Experiment, State
from mltrack.experiments.shelf import Shelf
from mltrack.experiments.stand import Stand, standing
from mltrack.experiments.trial import Ground, Trial
from mltrack.experiments.turns import Keys
from mltrack.formats import params_file
from mltrack.git import snapshot
from mltrack.objects.content import Content
from mltrack.pipeline.paths import contains
from mltrack.pipeline.plan import Facts, Options
from mltrack.runners import capacity
from mltrack.runners.cells import CellRunner, Store
from mltrack.runners.kinds import local
from mltrack.runners.kinds.ssh import CACHE_LIMIT, GPU_LOCKS, settings_of
from mltrack.runners.logs import RUNNING
from mltrack.runners.marks import Marks
from mltrack.runners.names import LOCAL
from mltrack.runners.runner import Runner
from mltrack.runners.scratch import remove_leftovers
from mltrack.runners.worker import hashing
from mltrack.runners.worker.objects import Objects
from mltrack.verbs import places, planning
from mltrack.verbs.places import ProjectRunners
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources

# bytes: what cells keep of inputs from one command to the next, where nothing is set
_ROOM = 10 * 10**9


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How experiments are carried out. ``jobs`` is 0 for what the settings say,
    ``runner`` '' for what stages or settings say.
    """

    jobs: int = 0
    runner: str = ""
    pull: bool = False
    detach: bool = False
    use_run_cache: bool = True


class CellRunners(ProjectRunners):
    """The runners of a project, with outputs that land in a stand; this machine's works
    in cells.
    """

    def __init__(self, session: Session, stand: Stand) -> None:
        super().__init__(stand.session.project)
        self._asking = session.project
        self._path = session.project.experiments_path

    def open(self, name: str) -> Runner:
        if name != LOCAL:
            return super().open(name)
        project = self._asking
        given = project.settings.runner(name)
        algorithm = project.algorithm.name
        found = hashing.find(algorithm, self._path)
        if found is None:
            raise ConfigError(f"this Python has no library for {algorithm} digests")
        objects = Objects(self._path, algorithm, found)
        limited = given.get(CACHE_LIMIT.name)
        objects.evict(settings_of(name, given, {}).limit if limited else _ROOM, set())
        return CellRunner(
            self._project.path,
            project.jobs_path,
            Store(self._path, objects, project.path),
            {**capacity.machine(), **local.KIND.amounts(given)},
            given.get(GPU_LOCKS.name) or "",
        )


@dataclass(frozen=True, slots=True)
class Runs:
    """Experiments to be run, for the one who asks."""

    session: Session
    shelf: Shelf
    options: RunOptions

    @property
    def jobs(self) -> int:
        """How many stages run at once."""
        return (
            self.options.jobs or self.session.project.settings.number("repro.jobs") or 1
        )

    def check_data(self, source: str = "") -> None:
        """Raises UsageError where the workspace holds other data than its pointers say,
        and an experiment would read what they say; nothing for those that start from
        another experiment, ``source``.
        """
        if source:
            return
        session = self.session
        deps = planning.read_by(session.view.graph.stages.values())
        for path, content, seen in planning.unlike_pointers(session, deps):
            comparison = session.checkout.comparison
            if not comparison.is_part_of(seen, path, content):
                raise UsageError(
                    f"{path!r} differs from its pointer, and experiments read what "
                    "pointers say",
                    hint=f"mltrack add {path}, or mltrack checkout {path}",
                )

    def check(self, chosen: Sequence[Experiment]) -> None:
        """Raises UsageError for a param that no stage depends on, a target that is none,
        or files that experiments do not have, before anything is noted.
        """
        if chosen:
            with ExitStack() as stack:
                ground = self.ground(chosen[0], stack)
                # all of them set the same params to other values
                for one in _by_params(chosen):
                    trial = Trial(ground, one.given, one.targets)
                    refuse_lacking(trial)
                    self._check_given(one, trial)

    def _check_given(self, one: Experiment, trial: Trial) -> None:
        """Raises UsageError for a param that none of the stages depends on."""
        session = trial.ground.stand.session
        plain = session.view.graph.stages
        stages = [trial.graph.stages[address] for address in trial.addresses]
        # where a template holds it, the stages are others by it
        if any(plain.get(stage.address) != stage for stage in stages):
            return
        for path, values in one.given.items():
            data = session.project.read(path)
            known = params_file.load(data, path) if data is not None else {}
            for key, value in values.items():
                if any(contains(dep, path) for one in stages for dep in one.deps):
                    continue
                if not any(
                    file.path == path
                    and (
                        file.keys is None
                        or params_file.concerning(known, {key: value}, file.keys, path)
                    )
                    for stage in stages
                    for file in stage.params
                ):
                    raise UsageError(
                        f"no stage depends on {path}:{key}, so setting it changes "
                        "nothing",
                        hint=f"name it under `params` of the stage that reads it: "
                        f"params: [{path}: [{key}]]",
                    )

    def events(self, chosen: Iterable[Experiment]) -> Generator[Happening, None, None]:
        """Runs experiments, those of one base together."""
        ordered = sorted(chosen, key=lambda one: one.base)
        groups = [
            list(found) for _, found in groupby(ordered, key=lambda one: one.base)
        ]
        groups.sort(key=lambda group: min(one.created for one in group))
        for group in groups:
            group.sort(key=lambda one: one.created)
            with ExitStack() as stack:
                try:
                    ground = self.ground(group[0], stack)
                except (FormatError, PipelineError) as error:
                    # of this base: those of others have nothing to do with it
                    yield from ended(self.shelf, group, error.message)
                    continue
                self._end_leftovers(ground)
                place = os.path.join(self.shelf.path, "keys.lock")
                run_cache = self.session.project.run_cache
                keys = Keys(place, ground.batch, run_cache)
                stack.callback(keys.close)
                limits = Limits(self.jobs, keep_going=True, detach=self.options.detach)
                try:
                    yield from Fleet(ground, self.shelf, keys, limits, group).events()
                finally:
                    ground.batch.discard()
        self.shelf.tidy()

    def _end_leftovers(self, ground: Ground) -> None:
        """Ends commands that a process which was killed left running, and removes what
        they worked in: what they do is about to be done again.
        """
        project = self.session.project
        with closing(Marks(os.path.join(project.jobs_path, RUNNING))) as marks:
            marks.end_leftovers()
        # after the commands, which may still write there
        remove_leftovers(ground.stand.session.project.path)

    def ground(self, one: Experiment, stack: ExitStack) -> Ground:
        """Returns what the experiments of one base share, until the stack ends. Raises
        FormatError or PipelineError for a base from which none can start.
        """
        session, project = self.session, self.session.project
        try:
            tree = snapshot.tree_of(one.base, project.repository.top)
        except GitError:
            raise FormatError(
                f"{one.name} starts from {one.base[:10]!r}, which is no commit here",
                hint=f"mltrack exp remove {one.name}",
            ) from None
        stack.enter_context(project.cache.in_use())
        stand = stack.enter_context(standing(project, tree))
        elsewhere = Sources(session) if self.options.pull else None
        facts = _facts(stand.session, elsewhere)
        settings = project.settings
        policy = Policy(
            facts,
            Options(use_run_cache=self.options.use_run_cache, absent_is_fine=True),
            check=settings.text("repro.check"),
            trace=settings.text("repro.trace"),
            project=project.job_name,
        )
        if self.options.runner:
            places.check_name(project, self.options.runner)
        placement = Placement(
            CellRunners(session, stand),
            settings.text("repro.runner"),
            self.options.runner,
            self.options.detach,
        )
        stack.callback(placement.close)
        batch = Batch(project.cache, project.run_cache)
        state = (one.head, one.head != one.base)
        return Ground(stand, session, batch, placement, policy, elsewhere, state)


def _by_params(chosen: Sequence[Experiment]) -> list[Experiment]:
    """One experiment for each set of params that are set, whatever to."""
    found: dict[str, Experiment] = {}
    for one in chosen:
        names = sorted((path, *values) for path, values in one.given.items())
        found.setdefault(repr(names), one)
    return list(found.values())


def _facts(session: Session, elsewhere: Sources | None) -> Facts:
    """What plans may ask about past results: here also of those that were made since it
    was asked last.
    """
    cache = session.project.cache
    known: set[Content] = set()

    def is_cached(content: Content) -> bool:
        if content not in known:
            if not cache.holds(content):
                # another process may have put it there since the last look
                cache.reload()
            if cache.holds(content) or (
                elsewhere is not None and elsewhere.has(content)
            ):
                known.add(content)
        return content in known

    return planning.facts(session)._replace(is_cached=is_cached)


def startable(shelf: Shelf, chosen: Sequence[str]) -> list[Experiment]:
    """Returns the experiments that can be started: those that wait or were stopped, or
    those that are named, failed ones too. Raises UsageError for one that is under way or
    done.
    """
    if not chosen:
        return [
            one for one in shelf.waiting() if one.state in (State.QUEUED, State.STOPPED)
        ]
    found = []
    for name in chosen:
        one = shelf.get(name)
        if one.state in (State.DONE, State.RUNNING):
            words = "done" if one.state is State.DONE else "under way"
            raise UsageError(f"the experiment {name!r} is {words}")
        found.append(replace(one, state=State.QUEUED))
    return found
