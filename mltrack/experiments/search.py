"""A search for the best params: a sampler of Optuna's proposes them, experiments try
them. The study is a file, so that an interrupted one goes on.
"""

import os
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from mltrack.disk.durable import make_directories
from mltrack.engine.pipelines import nearest
from mltrack.errors import UsageError, how_to_add
from mltrack.experiments.base import workspace_base
from mltrack.experiments.distribution import LOGUNIFORM, RANDINT, UNIFORM
from mltrack.experiments.fleet import Happening
from mltrack.experiments.record import Experiment, State
from mltrack.experiments.running import Runs
from mltrack.experiments.sweep import Axis
from mltrack.experiments.wanted import Wanted, experiments

_EXPERIMENT = "experiment"
"""The attribute of a trial that names its experiment."""
_PLAIN = (type(None), bool, int, float, str)


class Goal(NamedTuple):
    """The metric that is to be small, or large. ``file`` is '' for whichever file has
    it.
    """

    file: str
    key: str
    minimize: bool

    def value_of(self, one: Experiment) -> float | None:
        """Returns the metric of an experiment; None for one that has none."""
        for path, values in one.metrics.items():
            value = values.get(self.key)
            if self.file not in ("", path) or isinstance(value, bool):
                continue
            # a loss that is no number tells a sampler nothing
            if isinstance(value, int | float) and value == value:
                return float(value)
        return None


class Search(NamedTuple):
    """What is searched, and how far: ``trials`` in all, those of earlier runs of the
    same ``study`` among them.
    """

    wanted: Wanted
    goal: Goal
    trials: int
    study: str


def goal_of(text: str, *, minimize: bool) -> Goal:
    """Returns the goal that ``[FILE:]KEY`` names."""
    # as tables name it, too
    file, _, key = text.removeprefix("metrics.").rpartition(":")
    if not key:
        raise UsageError(f"{text!r} names no metric", hint="metrics.json:loss, or loss")
    return Goal(file, key, minimize)


class Searching:
    """A search under way, on the workspace as it was when it was opened. Raises
    UsageError where Optuna is not installed, or a param has values that it cannot choose
    from.
    """

    def __init__(self, runs: Runs, asked: Search) -> None:
        _check_axes(asked.wanted.axes)
        self._runs = runs
        self._asked = asked
        self._base = workspace_base(runs.session)
        self._study = _study(runs, asked, self._base.tree)

    def events(self) -> Generator[Happening, None, None]:
        """Runs experiments until there are as many trials as wanted."""
        runs, asked, study = self._runs, self._asked, self._study
        yield from _settle_open(runs, study, asked.goal)
        while (rest := asked.trials - _count(study)) > 0:
            trials = [study.ask() for _ in range(min(rest, runs.jobs))]
            chosen: list[Experiment] = []
            for trial in trials:
                found = self._wanted(trial)
                if not chosen:
                    runs.check(found)
                runs.shelf.add(found)
                # from here on, whatever ends this, it is known whose trial it is
                trial.set_user_attr(_EXPERIMENT, found[0].name)
                chosen += found
            yield from runs.events(chosen)
            _check_goal(asked.goal, [runs.shelf.get(one.name) for one in chosen])
            for trial, one in zip(trials, chosen, strict=True):
                _tell(study, trial.number, runs.shelf.get(one.name), asked.goal)

    def best(self) -> Experiment | None:
        """Returns the best experiment of the study, of all its runs; None where none has
        the metric, or the best was removed.
        """
        try:
            name = self._study.best_trial.user_attrs.get(_EXPERIMENT, "")
        except ValueError:
            # no trial has ended well
            return None
        return {one.name: one for one in self._runs.shelf.all()}.get(name)

    def _wanted(self, trial: Any) -> list[Experiment]:
        """The experiment that tries what a trial proposes."""
        asked = self._asked.wanted
        values = {axis.name: _proposed(trial, axis) for axis in asked.axes}
        name = asked.name and f"{asked.name}-{trial.number + 1}"
        wanted = replace(asked, sets=(values,), axes=(), name=name)
        return experiments(self._runs.session, self._runs.shelf, wanted, self._base)


def _check_goal(goal: Goal, tried: Sequence[Experiment]) -> None:
    """Raises UsageError, with the nearest name, where experiments have metrics and none
    of them is the goal: all further ones would be in vain.
    """
    known = {key for one in tried for values in one.metrics.values() for key in values}
    is_there = any(goal.value_of(one) is not None for one in tried)
    if known and not is_there and all(one.state is State.DONE for one in tried):
        raise UsageError(
            f"no metric is called {goal.key!r}",
            hint=nearest(goal.key, sorted(known))
            or f"known: {', '.join(sorted(known))}",
        )


def _settle_open(
    runs: Runs, study: Any, goal: Goal
) -> Generator[Happening, None, None]:
    """Ends trials that an earlier run left open: their experiments are run if they are
    not done.
    """
    open_trials = {
        trial.user_attrs.get(_EXPERIMENT, ""): trial.number
        for trial in study.get_trials(deepcopy=False)
        if not trial.state.is_finished()
    }
    known = {one.name: one for one in runs.shelf.all()}
    left = [
        one
        for name, one in known.items()
        if name in open_trials and one.state in (State.QUEUED, State.STOPPED)
    ]
    yield from runs.events(left)
    after = {one.name: one for one in runs.shelf.all()}
    for name, number in open_trials.items():
        _tell(study, number, after.get(name), goal)


def _tell(study: Any, number: int, one: Experiment | None, goal: Goal) -> None:
    from optuna.trial import TrialState  # noqa: PLC0415 - 300 ms, for who searches

    value = goal.value_of(one) if one is not None and one.state is State.DONE else None
    if value is None:
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, value)


def _count(study: Any) -> int:
    return len(study.get_trials(deepcopy=False))


def _study(runs: Runs, asked: Search, tree: str) -> Any:
    try:
        import optuna  # noqa: PLC0415 - 300 ms, for who searches
    except ModuleNotFoundError:
        raise UsageError(
            "--sampler optuna requires optuna, which is not installed here",
            hint=how_to_add("optuna"),
        ) from None
    from optuna.storages import JournalStorage  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    # what it says of each trial, we say in our own words
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    above = os.path.join(runs.shelf.path, "studies")
    make_directories(above)
    place = os.path.join(above, f"{asked.study or _name(runs, asked, tree)}.journal")
    study = optuna.create_study(
        study_name="study",
        storage=JournalStorage(JournalFileBackend(place)),
        direction="minimize" if asked.goal.minimize else "maximize",
        load_if_exists=True,
    )
    # one that goes on must not propose once more what it began with
    seed = asked.wanted.seed + _count(study)
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    return study


def _name(runs: Runs, asked: Search, tree: str) -> str:
    """A name for a study by what is searched, and in which code: the same search goes
    on by itself, and results of other code are no part of it.
    """
    text = repr((asked.wanted.axes, asked.wanted.targets, asked.goal, tree))
    return runs.session.project.algorithm.hex_of(text.encode())[:16]


def _check_axes(axes: Sequence[Axis]) -> None:
    for axis in axes:
        for value in axis.values:
            if len(axis.values) > 1 and not isinstance(value, _PLAIN):
                raise UsageError(
                    f"{axis.name}: a sampler cannot choose among lists and mappings",
                    hint="give numbers or texts, or leave --sampler away",
                )


def _proposed(trial: Any, axis: Axis) -> Any:
    """The value of a param that a trial proposes."""
    found = axis.distribution
    if found is None:
        if len(axis.values) == 1:
            return axis.values[0]
        return trial.suggest_categorical(axis.name, axis.values)
    if found.kind in (UNIFORM, LOGUNIFORM):
        low, high = found.arguments
        is_log = found.kind == LOGUNIFORM
        return trial.suggest_float(axis.name, low, high, log=is_log)
    if found.kind == RANDINT:
        low, high = found.arguments
        return trial.suggest_int(axis.name, low, high - 1)
    return trial.suggest_categorical(axis.name, found.arguments)
