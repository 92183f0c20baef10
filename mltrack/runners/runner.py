"""The runner protocol: a place that runs commands."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from mltrack.errors import UsageError
from mltrack.objects.content import Content
from mltrack.runners.job import (
    Abilities,
    Job,
    KnownJob,
    MachineReport,
    Origin,
    Poll,
    Seen,
    Shortage,
    Ticket,
)


class Runner(ABC):
    """Runs jobs. Every kind subclasses it, and passes
    tests/conformance/test_runners.py.

    What has a body here is what a runner does whose jobs end with the process that
    submitted them, and which keeps nothing. It belongs to the thread that opened it.
    """

    name: str

    @property
    @abstractmethod
    def abilities(self) -> Abilities:
        """What it can do; connects first where that is needed. Raises RemoteError if it
        cannot be reached.
        """

    @abstractmethod
    def report(self) -> list[MachineReport]:
        """Returns what each of its machines has, and what keeps it from working, with
        what to do about it.
        """

    @abstractmethod
    def lacks(self, resources: Mapping[str, float]) -> Shortage | None:
        """Returns what there is not enough of for one job with these claims; None if
        there is enough of all.
        """

    # jobs

    @abstractmethod
    def submit(self, job: Job, origin: Origin | None = None) -> Ticket:
        """Takes a job and returns at once. One with the same key that is under way is
        found, not doubled; of a runner whose jobs survive, also one that ended and
        whose result nobody took. ``origin`` has the bytes of its inputs.
        """

    @abstractmethod
    def poll(self, asked: Mapping[Ticket, Seen]) -> dict[Ticket, Poll]:
        """Returns the states of jobs, and what of their logs and items is new to
        whoever asks, at once.
        """

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Returns when a job may have ended, at the latest after ``seconds``."""

    def fetch(self, ticket: Ticket) -> None:
        """Puts the outputs of a job that is done where they belong in the project, but
        for those that are left where they were made. What stands there must have been
        moved out of the way.
        """

    @abstractmethod
    def cancel(self, tickets: list[Ticket]) -> None:
        """Ends jobs with everything that they started; those that have ended are left
        alone. Interrupted once more, it leaves them no time to clean up.
        """

    def settle(self, ticket: Ticket) -> None:
        """Notes that what became of a job was taken: the next one with its key is a new
        attempt.
        """

    def reject(self, ticket: Ticket) -> None:
        """Like :meth:`settle`, for a job whose result is of no use: it is never found
        again.
        """

    def forget(self, ticket: Ticket) -> None:
        """Removes what is kept of a job that has ended, its log too."""

    def recover(self) -> list[str]:
        """Deals with what processes that are gone left running here; returns the labels
        of jobs that it ended.
        """
        return []

    def close(self) -> None:
        """Lets go of what this process holds; jobs that survive it go on."""

    # jobs that survive

    def holds(self, job: Job) -> str:
        """Returns the state of a job with this key that :meth:`submit` would find, ''
        if it would start a new one.
        """
        return ""

    def detach(self, ticket: Ticket) -> bool:
        """Waits until a job needs this process no longer, and returns True; False if it
        is over by then, or always needs it.
        """
        return False

    def jobs(self) -> list[KnownJob]:
        """Returns all jobs that it knows, of the hosts that can be asked."""
        return []

    def silent(self) -> dict[str, str]:
        """Returns the hosts that cannot be asked, by name, each with what is wrong."""
        return {}

    def follow(self, job: KnownJob, offset: int, seconds: float) -> tuple[str, bytes]:
        """Returns a known job's state, and its log from ``offset`` on, once either says
        something new or time is over. Raises RemoteError where its host cannot be
        asked.
        """
        raise UsageError(
            f"the jobs of {self.name} end with the command that started them"
        )

    def values(self, job: KnownJob) -> dict[str, float]:
        """Returns the last values that a known job has logged, by name, while it runs;
        none where it logs none.
        """
        return {}

    def end(self, job: KnownJob) -> None:
        """Asks a known job to end with all that it started; returns at once."""
        raise UsageError(
            f"the jobs of {self.name} end with the command that started them"
        )

    def drop(self, job: KnownJob) -> None:
        """Notes that nobody wants what became of a known job."""

    # what stays where it was made

    def bring(self, contents: list[Content]) -> list[Content]:
        """Gets contents that its hosts keep into the cache; returns those that they
        did.
        """
        return []

    def release(self, keys: set[str]) -> None:
        """Lets go of what jobs with these run keys left on purpose: it is here now."""
