"""A stage that runs now, and the steps of a run that depend on where it takes place."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from mltrack.engine.events import Event
from mltrack.engine.undeclared import Interval
from mltrack.pipeline.plan import Step, Upcoming
from mltrack.pipeline.reason import Reason
from mltrack.pipeline.stage import Inputs, Stage
from mltrack.runners.job import Job, Origin, Poll, Seen, Ticket
from mltrack.runners.runner import Runner
from mltrack.workspace.stillness import Moment

# of what a failed command printed: a traceback, as a rule, and less than a screen
LAST_LINES = 20
NOTHING_UPCOMING = Upcoming()
Prepared = tuple[Job, Origin | None]


class Way(Protocol):
    """The steps of a run that depend on where it takes place."""

    def bring(self, stage: Stage) -> tuple[str, ...]:
        """Gets what the stage reads and is not here; returns the paths that were
        brought.
        """
        ...

    def moments(self, before: Inputs) -> dict[str, Moment]:
        """Returns the stamps of what the command will read and what can change under
        it.
        """
        ...

    def prepare(self, step: Step, job: Job) -> Generator[Event, None, Prepared]:
        """Makes the job ready to be submitted, and the place where it runs."""
        ...

    def make_room(self, stage: Stage) -> Iterator[Event]:
        """Makes room for the outputs of a job that has ended well."""
        ...

    def changed(self, attempt: "Attempt") -> tuple[Reason, ...]:
        """Returns what of the inputs is another than before the run, and makes its
        result one of nobody knows what.
        """
        ...

    def interval(self, attempt: "Attempt") -> Interval | None:
        """Returns when its command may have written to the workspace; None for never."""
        ...

    def keep_checkpoint(self, attempt: "Attempt") -> None:
        """Keeps what an attempt that did not end well had saved of its state."""
        ...

    def keep_logged(self, attempt: "Attempt", result: Poll) -> Iterator[Event]:
        """Puts what an attempt that failed has logged where its outputs belong."""
        ...

    def forget_checkpoint(self, attempt: "Attempt") -> None:
        """Removes what an attempt that ended well had saved."""
        ...


@dataclass(slots=True)
class Attempt:
    """One stage that runs now."""

    step: Step
    number: int
    before: Inputs
    runner: Runner
    way: Way
    ticket: Ticket
    started: float
    clock: float
    seen: Seen = field(default_factory=Seen)
    tail: bytes = b""
    is_resumed: bool = False
    found: str = ""
    """The state of the job that was found, where it was not started by this attempt."""
    moments: dict[str, Moment] = field(default_factory=dict)
    """The stamps of what it reads, as they were when that was hashed."""
    placed: tuple[str, tuple[str, ...], str, str] = ("", (), "", "")
    """Where it was last told to be: host, GPUs, state, what is wrong."""

    @property
    def stage(self) -> Stage:
        return self.step.stage

    def poll(self) -> Poll:
        """Returns where its job stands now."""
        return self.runner.poll({self.ticket: self.seen})[self.ticket]

    def interval(self) -> Interval:
        return Interval(self.stage.address, int(self.started * 1e9), time.time_ns())

    def last_lines(self) -> tuple[str, ...]:
        return tuple(self.tail.decode("utf-8", "replace").splitlines()[-LAST_LINES:])
