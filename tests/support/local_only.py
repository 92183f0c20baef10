"""A runner that works in the workspace, within one process, and never refuses: what
stand-ins of tests share.
"""

from collections.abc import Mapping

from mltrack.runners.job import Abilities, MachineReport, Poll, Seen, Ticket, Works
from mltrack.runners.runner import Runner


class LocalOnly(Runner):
    """Subclasses submit jobs, and say where one stands."""

    @property
    def abilities(self) -> Abilities:
        return Abilities(Works.IN_PLACE, survives=False)

    def report(self) -> list[MachineReport]:
        return []

    def lacks(self, resources: object) -> None:
        return None

    def poll(self, asked: Mapping[Ticket, Seen]) -> dict[Ticket, Poll]:
        return {ticket: self.now(ticket, seen) for ticket, seen in asked.items()}

    def now(self, ticket: Ticket, seen: Seen) -> Poll:
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        pass

    def cancel(self, tickets: list[Ticket]) -> None:
        pass
