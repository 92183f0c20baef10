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

    def poll(self, ticket: Ticket, offset: int, wait: float) -> Poll:
        """Returns the job's state and its log from ``offset`` on; waits up to ``wait`` seconds for its end."""
        ...

    def cancel(self, ticket: Ticket) -> None:
        """Ends a job with everything that it started; one that has ended is left alone."""
        ...
