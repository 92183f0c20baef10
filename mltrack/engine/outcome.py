"""How far an execution may go, and what became of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """``jobs`` commands run at once; ``keep_going`` goes on with what does not depend
    on a stage that failed. With ``detach`` jobs that survive are handed over, as many
    as are ready, and not waited for.
    """

    jobs: int = 1
    keep_going: bool = False
    detach: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of the stages, by address."""

    ran: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    detached: list[str] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    """Those that an interrupt ended, with the host that had them, '' for this machine.
    """
    go_on: list[tuple[str, str]] = field(default_factory=list)
    """Those that go on, or are done there, and whose results the next repro takes."""
    unreachable: list[str] = field(default_factory=list)
    """Of those that failed, those whose runner could not be reached."""


class Lanes:
    """How many commands may run at once, and how many do: those of all executions that
    share it.
    """

    def __init__(self, jobs: int) -> None:
        self._free = jobs

    @property
    def is_full(self) -> bool:
        return self._free <= 0

    def take(self) -> None:
        self._free -= 1

    def give(self) -> None:
        self._free += 1
