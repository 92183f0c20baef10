"""What every runner has that works in the workspace, within one process, and never refuses: nothing to do."""

from mltrack.runners.job import Job, Ticket


class LocalOnly:
    """The part of :class:`mltrack.runners.runner.Runner` that stands-in of tests share."""

    def check(self) -> list[str]:
        return []

    def recover(self) -> list[str]:
        return []

    def lacks(self, resources: object) -> None:
        return None

    def holds(self, job: Job) -> str:
        return ""

    def fetch(self, ticket: Ticket) -> None:
        pass

    def detach(self, ticket: Ticket) -> bool:
        return False

    def settle(self, ticket: Ticket) -> None:
        pass

    def reject(self, ticket: Ticket) -> None:
        pass
