"""The runner protocol: a place that runs commands."""

from collections.abc import Mapping
from typing import Protocol

from mltrack.runners.job import Abilities, Job, Origin, Poll, Shortage, Ticket


class Runner(Protocol):
    """Runs jobs. Every implementation passes tests/conformance/test_runners.py."""

    @property
    def name(self) -> str: ...

    @property
    def abilities(self) -> Abilities: ...

    def check(self) -> list[str]:
        """Returns what keeps this runner from working, each with what to do about it; nothing if it is fit."""
        ...

    def lacks(self, resources: Mapping[str, float]) -> Shortage | None:
        """Returns what there is not enough of for one job with these claims; None if there is enough of all."""
        ...

    def recover(self) -> list[str]:
        """Deals with what processes that are gone left running here; returns the labels of jobs that it ended."""
        ...

    def holds(self, job: Job) -> str:
        """Returns the state of a job with this key that :meth:`submit` would find, '' if it would start a new one."""
        ...

    def submit(self, job: Job, origin: Origin | None = None) -> Ticket:
        """Takes a job and returns at once. One with the same key that is under way is found, not doubled; of a runner whose
        jobs survive, also one that ended and whose result nobody took. ``origin`` has the bytes of its inputs."""
        ...

    def poll(self, ticket: Ticket, offset: int) -> Poll:
        """Returns the job's state and its log from ``offset`` on, at once."""
        ...

    def fetch(self, ticket: Ticket) -> None:
        """Puts the outputs of a job that is done where they belong in the project, but for those that are left where they
        were made. What stands there must have been moved out of the way."""
        ...

    def wait(self, seconds: float) -> None:
        """Returns when a job may have ended, at the latest after ``seconds``."""
        ...

    def cancel(self, tickets: list[Ticket]) -> None:
        """Ends jobs with everything that they started; those that have ended are left alone. Interrupted once more, it
        leaves them no time to clean up."""
        ...

    def detach(self, ticket: Ticket) -> bool:
        """Waits until a job needs this process no longer, and returns True; False if it is over by then, or always needs
        it."""
        ...

    def settle(self, ticket: Ticket) -> None:
        """Notes that what became of a job was taken: the next one with its key is a new attempt."""
        ...

    def reject(self, ticket: Ticket) -> None:
        """Like :meth:`settle`, for a job whose result is of no use: it is never found again."""
        ...

    def forget(self, ticket: Ticket) -> None:
        """Removes what is kept of a job that has ended, its log too."""
        ...

    def close(self) -> None:
        """Lets go of what this process holds; jobs that survive it go on."""
        ...
