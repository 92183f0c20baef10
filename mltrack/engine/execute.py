"""Makes a plan happen: a queue of stages whose inputs are settled, as many at once as
slots and resources allow.

For each stage that is taken: decide again with what is known now; then skip, restore,
or run. One thread does all of it and tells what happens as events; commands run beside
it. Two processes that work in one workspace take turns stage by stage: each is taken
under a lock of its own, and whoever comes second finds the first one's result.
"""

import time
from collections.abc import Generator, Iterator

from mltrack.engine import attempt as attempts
from mltrack.engine.claims import Turns
from mltrack.engine.commit import Basis
from mltrack.engine.events import (
    Event,
    StageDetached,
    StageFailed,
    StageFinished,
    StageFound,
    StageRestored,
    StageRetried,
    StageSkipped,
    StageStarted,
    StageWaiting,
    Tick,
    UndeclaredWrites,
)
from mltrack.engine.fault import Failed, Fault, refused
from mltrack.engine.outcome import Lanes, Limits, Outcome
from mltrack.engine.parts import Engine
from mltrack.engine.queue import Queue
from mltrack.engine.running import NOTHING_UPCOMING, Attempt
from mltrack.engine.undeclared import Interval, undeclared_writes
from mltrack.errors import (
    FormatError,
    MissingObjectError,
    MltrackError,
    RemoteError,
    Terminated,
)
from mltrack.pipeline.plan import Step, Verdict, decide
from mltrack.pipeline.reason import Cause
from mltrack.pipeline.stage import NONE, Inputs, Stage
from mltrack.runners.failures import RULES
from mltrack.runners.job import Failure, Poll, State
from mltrack.runners.runner import Runner

# seconds: how often readers hear of time, and what others hold is tried again
TICK_SECONDS = 0.1
_NEED_NO_RUN = (Verdict.SKIP, Verdict.RESTORE)
_MAX_MISFITS = 1000
"""How far the queue is searched for a stage whose claims fit."""


class Execution:
    """One plan being carried out, whose steps wait in ``queue``; ``outcome`` is filled.

    What is done stays done, whatever ends this: each finished stage is noted before the
    next is taken.
    """

    def __init__(
        self,
        engine: Engine,
        queue: Queue,
        limits: Limits,
        turns: Turns,
        lanes: Lanes | None = None,
    ) -> None:
        """``lanes`` are shared with executions that go on beside this one."""
        self.outcome = Outcome()
        self._engine = engine
        self._limits = limits
        self._turns = turns
        self._lanes = lanes or Lanes(limits.jobs)
        self._queue = queue
        self._running: dict[str, Attempt] = {}
        self._told: set[str] = set()
        self._intervals: list[Interval] = []
        self._writers: dict[str, tuple[str, ...]] = {}
        self._extra: dict[str, int] = {}

    def events(self) -> Iterator[Event]:
        """Carries out the plan."""
        try:
            while not self.is_over:
                yield from self.take()
                yield from self._wait()
                yield from self.look()
                # not after each stage: the journal has its result already
                self._engine.recorder.committer.settle_if_due()
        except BaseException as error:
            self.leave(error)
            raise
        yield from self.end()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be taken, and nothing runs."""
        if self._running:
            return False
        return self._stops or not (self._queue.has_ready or self._queue.is_waiting)

    @property
    def busy(self) -> list[Runner]:
        """The runners that have a job of this execution now."""
        return list(
            {
                id(attempt.runner): attempt.runner for attempt in self._running.values()
            }.values()
        )

    @property
    def running(self) -> list[Attempt]:
        """The attempts that are under way."""
        return list(self._running.values())

    def end(self) -> Iterator[Event]:
        """Notes what was not reached, once it is over, and tells what remains to be
        told.
        """
        self.outcome.not_reached += self._queue.unreached()
        yield from self._tell_undeclared_writes()

    def leave(self, error: BaseException) -> None:
        """Ends what runs here; where the person interrupts, also what runs elsewhere.
        What has ended well by then is left for the next repro to take.
        """
        ends_all = isinstance(error, KeyboardInterrupt) and not isinstance(
            error, Terminated
        )
        running = self.running
        ended = [
            attempt
            for attempt in running
            if ends_all or not attempt.runner.abilities.survives
        ]
        self._engine.placement.cancel(
            (attempt.runner, attempt.ticket) for attempt in ended
        )
        for attempt in running:
            # asked once more: it may have ended before it could be cancelled
            place = attempt.poll()
            # what cannot be asked may go on; what is done has a result to be taken
            is_ended = place.state.is_over and place.state not in (
                State.UNREACHABLE,
                State.DONE,
            )
            if attempt in ended:
                attempt.way.keep_checkpoint(attempt)
                if is_ended:
                    attempt.runner.settle(attempt.ticket)
            (self.outcome.ended if is_ended else self.outcome.go_on).append(
                (attempt.stage.address, place.place)
            )

    def abandon(self) -> None:
        """Ends what runs, wherever it does, and gives back all that this execution
        holds, while others go on.
        """
        self.leave(KeyboardInterrupt())
        for address, attempt in self._running.items():
            self._lanes.give()
            self._engine.placement.give(attempt.runner, attempt.stage)
            self._turns.release(address)
        self._running.clear()
        # those in a pause before another try hold theirs, too
        for address in self._queue.unreached():
            self._turns.release(address)

    @property
    def _stops(self) -> bool:
        return bool(self.outcome.failed) and not self._limits.keep_going

    def take(self) -> Iterator[Event]:
        """Takes the stages that can be taken now and that there is room for."""
        if self._stops:
            return
        yield from self._try_again()
        queue = self._queue
        queue.bring_back()
        misfits: list[int] = []
        while queue.has_ready and len(misfits) < _MAX_MISFITS and not self._stops:
            place, step = queue.first()
            may_run = step.verdict in (Verdict.RUN, Verdict.WAIT)
            # what is skipped or restored needs no slot, and goes on beside what runs
            if may_run and self._lanes.is_full:
                break
            queue.take()
            if may_run and not self._fits(step.stage):
                # passed over, not waited for: a smaller one behind it may fit
                misfits.append(place)
                continue
            yield from self._take(place, step)
        for place in misfits:
            queue.put_back(place)

    def _try_again(self) -> Iterator[Event]:
        """Starts stages whose pause after a failure is over, with what they depend on
        as it is now.
        """
        moment = time.monotonic()
        while not self._lanes.is_full:
            again = self._queue.due(moment)
            if again is None or not self._fits(again.step.stage):
                return
            self._queue.take_due()
            # its lock and claims were kept during the pause: nobody else began it
            decided = yield from self._decide_again(again.step)
            if decided is None:
                continue
            step, inputs = decided
            # the person has put its inputs back to what has a result, perhaps
            if step.verdict in _NEED_NO_RUN:
                yield from self._end_at_once(step, inputs)
            else:
                yield from self._start(step, again.number, inputs)

    def _take(self, place: int, step: Step) -> Iterator[Event]:
        address = step.stage.address
        inputs: Inputs | None = None
        had_room = step.verdict in (Verdict.RUN, Verdict.WAIT)
        if step.verdict is not Verdict.SKIP:
            # before deciding: another's result is either awaited, or seen by the look
            if not self._turns.begin(step.stage):
                yield from self._wait_for_others(place, address)
                return
            decided = yield from self._decide_again(step)
            if decided is None:
                return
            step, inputs = decided
        # after deciding: a stage that is skipped keeps nobody from its files
        if step.verdict is not Verdict.SKIP and not self._turns.take(step):
            self._turns.release(address)
            yield from self._wait_for_others(place, address)
            return
        if step.verdict in _NEED_NO_RUN:
            yield from self._end_at_once(step, inputs)
        elif had_room or (not self._lanes.is_full and self._fits(step.stage)):
            yield from self._start(step, 1, inputs)
        else:
            # it was to be restored, and has to run after all: it waits for a place like
            # the others
            self._turns.release(address)
            self._queue.put_back(place, step)

    def _end_at_once(self, step: Step, inputs: Inputs | None) -> Iterator[Event]:
        """Skips or restores a stage."""
        address = step.stage.address
        if step.verdict is Verdict.SKIP:
            self._note_absent(step)
            self.outcome.skipped.append(address)
            yield StageSkipped(address, step.reasons, is_away=step.record is not None)
        else:
            try:
                yield from self._restore(step, inputs)
            except (MissingObjectError, RemoteError) as error:
                # a remote was lost since the plan was made: no matter of the others
                yield from self._fail(address, refused(error).fault, ())
                return
            self.outcome.restored.append(address)
        self._settle(address)

    def _wait_for_others(self, place: int, address: str) -> Iterator[Event]:
        """Puts a stage aside that another process works on, or reads from; it is tried
        again. One event says so, once.
        """
        self._queue.put_aside(place)
        if address not in self._told:
            self._told.add(address)
            yield StageWaiting(address)

    def _decide_again(
        self, step: Step
    ) -> Generator[Event, None, tuple[Step, Inputs] | None]:
        """Returns the step with what is known now, and the inputs that were looked at
        for it; None if it has failed, since what it reads cannot be had or read.
        """
        try:
            return self._decided(step)
        except (FormatError, MissingObjectError, RemoteError) as error:
            yield from self._fail(step.stage.address, refused(error).fault, ())
            return None

    def _decided(self, step: Step) -> tuple[Step, Inputs]:
        engine, stage = self._engine, step.stage
        engine.recorder.locks.refresh_if_changed(stage)
        # before the look, which would take the directory without them for another
        if any(engine.tree.learner.absent.below(dep) for dep in stage.deps):
            # what lies below a directory that it reads counts as a part of that
            engine.supply.bring_parts(stage)
        engine.tree.learner.forget(stage)
        # others ran for hours, perhaps: what stood there when the plan was made says
        # nothing now
        engine.tree.checkout.observer.forget([out.path for out in stage.outs])
        known = engine.tree.learner.learn(stage, NOTHING_UPCOMING, ())
        return decide(
            stage, known, engine.policy.facts, engine.policy.options
        ), known.inputs

    def _settle(self, address: str) -> None:
        """Lets go of a stage that has its result."""
        self._turns.release(address)
        self.outcome.not_reached += self._queue.settle(address)

    def _settle_without(self, address: str) -> None:
        """Lets go of a stage without a result: nothing follows it."""
        self._turns.release(address)
        self.outcome.not_reached += self._queue.fail(address)

    def _note_absent(self, step: Step) -> None:
        if step.record is not None:
            for reason in step.reasons:
                if reason.cause is Cause.OUTPUT_MISSING:
                    self._engine.tree.learner.absent[reason.subject] = step.record.outs[
                        reason.subject
                    ]

    def _restore(self, step: Step, inputs: Inputs | None) -> Iterator[Event]:
        engine, stage, record = self._engine, step.stage, step.record
        assert record is not None
        yield from engine.results.restore(engine, stage, record.outs)
        if step.from_run_cache and inputs is not None:
            basis = Basis(inputs, engine.policy.facts.shell, step.key)
            engine.recorder.committer.note_restored(stage, basis, record.outs)
        yield StageRestored(stage.address, step.reasons, step.from_run_cache)

    def _start(
        self, step: Step, number: int, seen: Inputs | None = None
    ) -> Iterator[Event]:
        stage = step.stage
        try:
            attempt = yield from attempts.begin(
                self._engine, step, number, seen, self._running
            )
        except Failed as failed:
            yield from self._fail(stage.address, failed.fault, ())
            return
        self._lanes.take()
        if attempt.found:
            yield StageFound(
                stage.address, step.reasons, attempt.ticket.runner, attempt.found
            )
        else:
            yield StageStarted(
                stage.address,
                stage.cmd,
                step.reasons,
                attempt.ticket.attempt,
                attempt.ticket.runner,
            )
        # it goes on, and is found by its key: nothing here need wait for it
        if self._limits.detach and attempt.runner.detach(attempt.ticket):
            del self._running[stage.address]
            self._lanes.give()
            self._engine.placement.give(attempt.runner, stage)
            self._turns.release(stage.address)
            self._queue.leave(stage.address)
            self.outcome.detached.append(stage.address)
            yield StageDetached(
                stage.address, attempt.ticket.runner, attempt.poll().place
            )

    def _fits(self, stage: Stage) -> bool:
        """Whether a stage's claims are free where it would run; one that can run
        nowhere is taken, to fail.
        """
        placement = self._engine.placement
        try:
            return placement.fits(placement.runner_for(stage), stage)
        except MltrackError:
            # taken, so that the error is told as the failure of this stage
            return True

    def _wait(self) -> Iterator[Event]:
        """Waits until something may have happened."""
        if self._running:
            self._engine.placement.wait(self.busy, TICK_SECONDS)
            yield Tick()
        # nothing runs here: what is waited for is a pause, or another process
        elif self._queue.is_waiting:
            time.sleep(TICK_SECONDS)

    def look(self) -> Iterator[Event]:
        """Asks what became of what runs, and takes the results."""
        attempts_now = self.running
        for runner in self.busy:
            asked = {
                attempt.ticket: attempt.seen
                for attempt in attempts_now
                if attempt.runner is runner
            }
            polls = runner.poll(asked)
            for attempt in attempts_now:
                if attempt.runner is runner:
                    result = yield from attempts.follow(attempt, polls[attempt.ticket])
                    if result is not None:
                        yield from self._end(attempt, result)

    def _end(self, attempt: Attempt, result: Poll) -> Iterator[Event]:
        stage, address = attempt.stage, attempt.stage.address
        # before its result is taken: if that fails, there is nothing to cancel
        del self._running[address]
        self._lanes.give()
        self._engine.placement.give(attempt.runner, stage)
        # also of one that failed: what it wrote undeclared stands there all the same
        interval = attempt.way.interval(attempt)
        if interval is not None:
            self._intervals.append(interval)
        try:
            unrecorded = yield from attempts.complete(self._engine, attempt, result)
        except Failed as failed:
            retried = self._retry(attempt, failed.fault)
            if retried is not None:
                yield retried
            else:
                yield from self._fail(address, failed.fault, attempt.last_lines())
            return
        for path in result.writes:
            self._writers[path] = (*self._writers.get(path, ()), address)
        if unrecorded:
            self.outcome.unrecorded.append(address)
        else:
            self.outcome.ran.append(address)
        seconds = (
            result.seconds
            if result.seconds is not None
            else time.monotonic() - attempt.clock
        )
        earlier = attempt.ticket.runner if result.was_over else ""
        yield StageFinished(address, seconds, unrecorded, earlier, result.sent)
        if unrecorded:
            # its followers would read what belongs to no known inputs
            self._settle_without(address)
        else:
            self._settle(address)

    def _retry(self, attempt: Attempt, fault: Fault) -> StageRetried | None:
        """Puts a stage that failed in the queue once more, if the rule for this kind of
        failure says so: tries for faults that are not the command's come first, and do
        not count.
        """
        stage, address = attempt.stage, attempt.stage.address
        rule = RULES.get(fault.failure) if fault.failure is not None else None
        if rule is None or self._stops:
            return None
        tries, number, pause = stage.execution.tries, attempt.number, rule.pause
        is_extra = self._extra.get(address, 0) < rule.extra
        if is_extra:
            self._extra[address] = self._extra.get(address, 0) + 1
        elif rule.counts and number < tries:
            pause = stage.execution.backoff * 2 ** (number - 1)
            number += 1
        else:
            return None
        self._queue.try_again(attempt.step, time.monotonic() + pause, number)
        return StageRetried(address, fault, number, tries, pause, is_extra=is_extra)

    def _fail(
        self, address: str, fault: Fault, last_lines: tuple[str, ...]
    ) -> Iterator[Event]:
        self.outcome.failed.append(address)
        if fault.failure is Failure.UNREACHABLE:
            self.outcome.unreachable.append(address)
        self._settle_without(address)
        yield StageFailed(address, fault, last_lines)

    def _tell_undeclared_writes(self) -> Iterator[Event]:
        if self._engine.policy.check == NONE:
            return
        for written in undeclared_writes(
            self._engine.tree.path,
            self._engine.tree.outputs,
            self._intervals,
            self._writers,
        ):
            yield UndeclaredWrites(written.path, written.stages)
