"""Which runner each stage's job goes to, and how many jobs fit there at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from mltrack.engine.budget import Budget
from mltrack.errors import MltrackError, PipelineError, RemoteError
from mltrack.pipeline.stage import Stage
from mltrack.runners.job import Ticket
from mltrack.runners.runner import Runner

# seconds: waited on in turn, each keeps the results of the others so long
_SHORT_WAIT_SECONDS = 0.02


class Runners(Protocol):
    """Where runners are had by name."""

    def open(self, name: str) -> Runner:
        """Returns a runner; raises ConfigError if there is none."""
        ...

    def open_surviving(self, name: str) -> Runner:
        """Returns the runner of those jobs that outlive the command."""
        ...

    def is_surviving(self, name: str, key: str) -> bool:
        """Returns whether such a job of this run key is known beside the runner, and
        its result is yet to be taken.
        """
        ...

    def handed_over_to(self, key: str) -> str:
        """Returns the runner that was handed a job of a run key whose result nobody has
        taken; '' for none.
        """
        ...


@dataclass(slots=True)
class Placement:
    """The runners of one command, each opened when a stage first needs it.

    ``asked`` is the runner of every stage, as the person said; '' leaves it to the
    stages, and ``default`` to those that name none. With ``detaches`` jobs are to
    outlive the command.
    """

    runners: Runners
    default: str
    asked: str = ""
    detaches: bool = False
    _opened: dict[tuple[str, bool], Runner] = field(default_factory=dict)
    _failed: dict[tuple[str, bool], MltrackError] = field(default_factory=dict)
    _budgets: dict[int, Budget] = field(default_factory=dict)

    def names(self, stage: Stage) -> tuple[str, ...]:
        """Returns the runners that a stage may run on, the preferred one first."""
        return (
            (self.asked,) if self.asked else stage.execution.runners or (self.default,)
        )

    def runner_for(self, stage: Stage, key: str = "") -> Runner:
        """Returns the first of a stage's runners that can be reached and has what it
        claims.

        ``key`` is the run key, where a job of it that is under way may be taken over.
        Raises ConfigError for a runner that is not there, PipelineError if none has
        enough, RemoteError if none can be reached.
        """
        refusal: MltrackError | None = None
        claims = dict(stage.execution.resources)
        for name in self._names_with_noted(stage, key):
            try:
                runner = self._open(name, key)
            except RemoteError as error:
                # the first one: it is about the runner that the stage prefers
                refusal = refusal or error
                continue
            lacking = runner.lacks(claims)
            if lacking is None:
                return runner
            refusal = refusal or PipelineError(
                f"stage {stage.address!r} needs {lacking.words}{_left_out(runner)}",
                hint=(
                    f"mltrack config --local runner.{name}.{lacking.resource} "
                    f"{lacking.amount:g}, if there is that much"
                ),
            )
        assert refusal is not None
        raise refusal

    def _names_with_noted(self, stage: Stage, key: str) -> tuple[str, ...]:
        """A job that was handed over is asked for where it went, whatever the stage
        says now.
        """
        noted = self.runners.handed_over_to(key) if key and not self.asked else ""
        return (
            tuple(dict.fromkeys((noted, *self.names(stage))))
            if noted
            else self.names(stage)
        )

    def check(self, stages: Iterable[Stage]) -> None:
        """Raises what :meth:`runner_for` raises for any of the stages: before anything
        runs or is sent.
        """
        seen = set()
        for stage in stages:
            wanted = (self.names(stage), stage.execution.resources)
            if wanted not in seen:
                seen.add(wanted)
                self.runner_for(stage)

    def _open(self, name: str, key: str) -> Runner:
        survives = self.detaches or (bool(key) and self.runners.is_surviving(name, key))
        chosen = name, survives
        if chosen in self._failed:
            # asked once a command: each stage would wait for the same silent host
            raise self._failed[chosen]
        if chosen not in self._opened:
            runner = (
                self.runners.open_surviving(name)
                if survives
                else self.runners.open(name)
            )
            try:
                _ = runner.abilities  # which connects, where that is needed
            except BaseException as error:
                # what it opened on the way, threads among it, is not left behind
                runner.close()
                if isinstance(error, RemoteError):
                    self._failed[chosen] = error
                raise
            self._opened[chosen] = runner
        return self._opened[chosen]

    def recover(self) -> list[str]:
        """Deals with what killed processes left on the runners that are open; returns
        the labels of jobs that it ended.
        """
        return [label for runner in self.opened for label in runner.recover()]

    @property
    def opened(self) -> list[Runner]:
        return list(self._opened.values())

    def fits(self, runner: Runner, stage: Stage) -> bool:
        """Returns whether a stage's claims are free; where jobs may wait at the runner
        itself they always are.
        """
        # a host with a queue of its own knows better than we what is free there
        return runner.abilities.queues or self._budget(runner).fits(stage)

    def take(self, runner: Runner, stage: Stage) -> None:
        self._budget(runner).take(stage)

    def give(self, runner: Runner, stage: Stage) -> None:
        self._budget(runner).give(stage)

    def _budget(self, runner: Runner) -> Budget:
        if id(runner) not in self._budgets:
            self._budgets[id(runner)] = Budget(runner.abilities.capacity)
        return self._budgets[id(runner)]

    def wait(self, busy: list[Runner], seconds: float) -> None:
        """Returns when a job on one of the busy runners may have ended, at the latest
        after ``seconds``.
        """
        for runner in busy:
            runner.wait(seconds if len(busy) == 1 else _SHORT_WAIT_SECONDS)

    def cancel(self, tickets: Iterable[tuple[Runner, Ticket]]) -> None:
        """Ends jobs, wherever they are."""
        chosen = list(tickets)
        for runner in self.opened:
            own = [ticket for one, ticket in chosen if one is runner]
            if own:
                runner.cancel(own)

    def close(self) -> None:
        for runner in self.opened:
            runner.close()


def _left_out(runner: Runner) -> str:
    """The hosts that might have had enough, and could not be asked."""
    silent = runner.abilities.left_out.items()
    return "".join(f"; {host} is left out: {error}" for host, error in silent)
