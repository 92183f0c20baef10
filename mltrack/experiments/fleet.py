"""Runs experiments: all stages of all of them in one queue, with one set of lanes,
resources and GPU slots. One that fails stops nobody.
"""

import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mltrack.engine.events import Event, StageFailed, Tick
from mltrack.engine.execute import TICK_SECONDS, Execution
from mltrack.engine.outcome import Lanes, Limits
from mltrack.engine.queue import Queue
from mltrack.engine.running import Attempt
from mltrack.errors import MltrackError
from mltrack.experiments import outcome
from mltrack.experiments.record import (
    FAILED,
    RUNNING,
    UNCHANGED,
    Done,
    Experiment,
    State,
    Values,
)
from mltrack.experiments.shelf import Ask, Shelf
from mltrack.experiments.trial import Ground, Trial, now
from mltrack.experiments.turns import Keys, KeyTurns
from mltrack.pipeline.plan import Verdict
from mltrack.pipeline.stage import LIVE
from mltrack.runners.job import KnownJob
from mltrack.runners.runner import Runner

# experiments that are under way at once at most; most of them wait for a key that
# another one holds, or for a lane
_MOST_UNDER_WAY = 64
# seconds: how often what runs is noted, for `exp show --live`
_NOTE_SECONDS = 1.0
# seconds: how soon `exp stop` is heeded
_LOOK_SECONDS = 0.5


CANCELLED = "cancelled"
"""Why an experiment failed that somebody cancelled."""


class OfExperiment(NamedTuple):
    """Something happened in an experiment."""

    experiment: str
    event: Event


class Began(NamedTuple):
    """An experiment was taken out of the queue."""

    experiment: Experiment


class Ended(NamedTuple):
    """An experiment is over; once it is DONE it is a commit."""

    experiment: Experiment


Happening = OfExperiment | Began | Ended | Tick


@dataclass(slots=True)
class _UnderWay:
    """An experiment that was begun."""

    experiment: Experiment
    trial: Trial
    execution: Execution
    turns: KeyTurns
    failed: StageFailed | None = None
    logged: Values = field(default_factory=dict)
    noted: Experiment | None = None
    """What was last written of it while it is under way."""


def _values_of(attempt: Attempt) -> Values:
    """The last values that an attempt has logged, by the file that they belong to."""
    stage, ticket = attempt.stage, attempt.ticket
    # a host's connection is its own thread's, which watches the job: nobody may ask
    # beside it. `job attach` shows these
    if attempt.runner.abilities.survives:
        return {}
    job = KnownJob(ticket.key, stage.address, "", "", 0, "", ticket.attempt)
    values = attempt.runner.values(job)
    live = stage.execution.live or os.path.join(stage.wdir, LIVE)
    return {os.path.join(live, "metrics.json"): {**values}} if values else {}


@dataclass(slots=True)
class Fleet:
    """Experiments of one base that are to run."""

    ground: Ground
    shelf: Shelf
    keys: Keys
    limits: Limits
    pending: list[Experiment]
    _active: list[_UnderWay] = field(default_factory=list)
    _finished: list[tuple[Experiment, Trial]] = field(default_factory=list)
    _told: list[Ended] = field(default_factory=list)
    _look_at: float = 0.0
    _note_at: float = 0.0

    def events(self) -> Generator[Happening, None, None]:
        """Runs them; whatever ends this, what is done is kept, and the others can be
        started again.
        """
        self.pending.reverse()  # taken from its end
        for waiting in self.pending:
            # said to who had it before
            self.shelf.heed(waiting.name)
        lanes = Lanes(self.limits.jobs)
        try:
            while self.pending or self._active:
                self._end_what_was_asked_for()
                yield from self._take(lanes)
                yield from self._wait()
                for one in self._active:
                    yield from self._of(one, one.execution.look())
                yield from self._end_those_that_are_over()
                self._note_values()
                self.ground.batch.settle_if_due()
                yield from self._tell()
            self.ground.batch.settle()
        except BaseException as error:
            self._leave(error)
            raise
        yield from self._tell()

    def _tell(self) -> Iterator[Happening]:
        """Tells of experiments that have become commits."""
        told, self._told = self._told, []
        yield from told

    def _note_values(self) -> None:
        """Notes where experiments are and what their stages have logged so far, for who
        looks at them meanwhile.
        """
        if time.monotonic() < self._note_at:
            return
        self._note_at = time.monotonic() + _NOTE_SECONDS
        for one in self._active:
            metrics: Values = {}
            stages = []
            known = dict(one.trial.notes.done)
            for attempt in one.execution.running:
                address = attempt.stage.address
                stages.append(address)
                # by its key what it prints is found
                known[address] = Done(RUNNING, attempt.ticket.key)
                metrics.update(_values_of(attempt))
            noted = replace(
                one.experiment,
                stage=", ".join(stages),
                metrics=metrics,
                stages=known,
            )
            if stages and noted != one.noted:
                self.shelf.put(noted)
                one.noted = noted

    def _of(self, one: _UnderWay, events: Iterator[Event]) -> Iterator[Happening]:
        """The events of an experiment, each with its name."""
        for event in events:
            if isinstance(event, StageFailed):
                one.failed = event
                # at once: what it logged must not lie there for the next one
                one.logged = outcome.take_logged(one.trial, event.stage)
            # there is one for all, whoever has something to run
            if not isinstance(event, Tick):
                yield OfExperiment(one.experiment.name, event)

    def _end_what_was_asked_for(self) -> None:
        """Ends experiments that another command asked to end."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_SECONDS
        asked = self.shelf.asked()
        # what waits stays in the queue; its word is left for whoever else would take it
        self.pending = [one for one in self.pending if one.name not in asked]
        for one in [one for one in self._active if one.experiment.name in asked]:
            name = one.experiment.name
            self.shelf.heed(name)
            one.execution.abandon()
            self._active.remove(one)
            if asked[name] is Ask.CANCEL:
                self._told.append(self._end_failed(one.experiment, CANCELLED))
            else:
                self._stop(one.experiment)
                self._told.append(Ended(self.shelf.get(name)))

    def _take(self, lanes: Lanes) -> Iterator[Happening]:
        """Takes stages of what is under way, the oldest first, and begins more
        experiments while there is room for their stages.
        """
        for one in self._active:
            yield from self._of(one, one.execution.take())
        while (
            self.pending and not lanes.is_full and len(self._active) < _MOST_UNDER_WAY
        ):
            name = self.pending.pop().name
            if not self.shelf.take(name):
                continue  # another process works on it
            # as it is by now: another process may have finished it, or somebody have
            # taken it out of the queue, or written about it
            experiment = self.shelf.current(name)
            if experiment is None:
                self.shelf.release(name)
                continue
            begun = self._begin(experiment, lanes)
            if isinstance(begun, Ended):
                yield begun
                continue
            yield Began(begun.experiment)
            self._active.append(begun)
            yield from self._of(begun, begun.execution.take())

    def _begin(self, experiment: Experiment, lanes: Lanes) -> "_UnderWay | Ended":
        experiment = replace(
            experiment, state=State.RUNNING, started=now(), ended=0.0, reason=""
        )
        self.shelf.put(experiment)
        try:
            trial = Trial(self.ground, experiment.given, experiment.targets)
            plan = trial.plan()
            problem = next(
                (
                    step.problem
                    for step in plan.steps
                    if step.problem is not None and step.verdict is Verdict.RUN
                ),
                None,
            )
            if problem is not None:
                raise problem
        except MltrackError as error:
            # its own matter: a param that makes no pipeline, for one
            return self._end_failed(experiment, error.message)
        queue = Queue(plan, trial.upstream)
        turns = KeyTurns(self.keys)
        execution = Execution(trial.engine(), queue, self.limits, turns, lanes)
        return _UnderWay(experiment, trial, execution, turns)

    def _wait(self) -> Iterator[Happening]:
        busy: dict[int, Runner] = {
            id(runner): runner for one in self._active for runner in one.execution.busy
        }
        if busy:
            self.ground.placement.wait(list(busy.values()), TICK_SECONDS)
            yield Tick()
        elif self._active and not any(one.execution.is_over for one in self._active):
            # nothing runs here: another process, or a pause, is waited for
            time.sleep(TICK_SECONDS)

    def _end_those_that_are_over(self) -> Iterator[Happening]:
        for one in [one for one in self._active if one.execution.is_over]:
            self._active.remove(one)
            yield from self._of(one, one.execution.end())
            yield from self._end(one)

    def _end(self, one: _UnderWay) -> Iterator[Happening]:
        became = one.execution.outcome
        if became.detached:
            self._stop(one.experiment)
            return
        for address in became.skipped:
            one.trial.notes.done.setdefault(address, Done(UNCHANGED))
        if became.failed or became.unrecorded or became.not_reached:
            reason = outcome.reason(one.failed)
            stage = one.failed.stage if one.failed is not None else ""
            failed = replace(one.experiment, stage=stage)
            # for who asks what it printed
            key = one.turns.keys.get(stage, "")
            one.trial.notes.done[stage] = Done(FAILED, key)
            # its metrics, too: they may say why
            self.ground.batch.settle()
            with_values = outcome.with_values(failed, one.trial)
            metrics = {**with_values.metrics, **one.logged}
            yield self._end_failed(replace(with_values, metrics=metrics), reason)
            return
        done = replace(one.experiment, state=State.DONE, ended=now(), stage="")
        self._finished.append((done, one.trial))
        # a ref names only what is durable
        self.ground.batch.after(self._keep)

    def _keep(self) -> None:
        """Makes commits of what is done."""
        finished = []
        for one, trial in self._finished:
            try:
                # only now: until it was settled, nobody could read what they made
                found = outcome.with_values(one, trial), outcome.files(one, trial)
            except MltrackError as error:
                self._told.append(self._end_failed(one, error.message))
            else:
                finished.append(found)
        self._finished = []
        if not finished:
            return
        self.shelf.finish(finished)
        for experiment, _ in finished:
            self.shelf.release(experiment.name)
            self._told.append(Ended(experiment))

    def _end_failed(self, experiment: Experiment, reason: str) -> Ended:
        end = _failed(self.shelf, experiment, reason)
        self.shelf.release(experiment.name)
        return end

    def _stop(self, experiment: Experiment) -> None:
        self.shelf.put(replace(experiment, state=State.STOPPED))
        self.shelf.release(experiment.name)

    def _leave(self, error: BaseException) -> None:
        """Ends what runs, and keeps what is done."""
        for one in self._active:
            one.execution.leave(error)
            self._stop(one.experiment)
        self.ground.batch.settle()


def _failed(shelf: Shelf, experiment: Experiment, reason: str) -> Ended:
    failed = replace(experiment, state=State.FAILED, ended=now(), reason=reason)
    shelf.put(failed)
    return Ended(failed)


def ended(
    shelf: Shelf, experiments: Sequence[Experiment], reason: str
) -> Iterator[Ended]:
    """Ends experiments that cannot begin."""
    for one in experiments:
        if shelf.take(one.name):
            yield _failed(shelf, replace(one, started=now()), reason)
            shelf.release(one.name)
