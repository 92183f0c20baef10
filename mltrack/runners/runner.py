"""The runner protocol: a place that runs commands."""

from typing import Protocol

from mltrack.runners.job import Abilities, Job, Poll, Ticket


class Runner(Protocol):
    """Runs jobs. Every implementation passes tests/conformance/test_runners.py."""

    @property
    def name(self) -> str: ...

    @property
    def abilities(self) -> Abilities: ...

    def check(self) -> list[str]:
        """Returns what keeps this runner from working, each with what to do about it; nothing if it is fit."""
        ...

    def recover(self) -> list[str]:
        """Deals with what processes that are gone left running here; returns the labels of jobs that it ended."""
        ...

    def submit(self, job: Job) -> Ticket:
        """Starts a job and returns at once."""
        ...

    def poll(self, ticket: Ticket, offset: int) -> Poll:
        """Returns the job's state and its log from ``offset`` on, at once."""
        ...

    def wait(self, seconds: float) -> None:
        """Returns when a job may have ended, at the latest after ``seconds``."""
        ...

    def cancel(self, tickets: list[Ticket]) -> None:
        """Ends jobs with everything that they started; those that have ended are left alone. Interrupted once more, it
        leaves them no time to clean up."""
        ...

    def forget(self, ticket: Ticket) -> None:
        """Removes what is kept of a job that has ended, its log too."""
        ...

    def close(self) -> None:
        """Lets go of what this process holds; jobs that survive it go on."""
        ...
