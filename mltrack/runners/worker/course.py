"""The course of a job's commands: which runs now, what became of an item, when time is
over. This machine's runner and a host's supervisor follow the same one; how a command is
started and ended is theirs.
"""

from __future__ import annotations

import signal
from typing import NamedTuple, Sequence

from .system import GRACE_SECONDS
from .watching import Watch

_NEVER = float("inf")


class Ended(NamedTuple):
    """What became of an item: the command that failed and its exit code, negative for a
    signal; 0 and the last command where none did.
    """

    id: str
    exit_code: int
    command: str
    seconds: float


class Course:
    """The commands of ``items``, each ``(id, commands)``, one after another. An item
    ends with its first command that fails, and does not keep the next from running;
    ``timeout`` seconds after :meth:`begin` all of it ends, and so it does when ``watch``
    says so: ``stopped`` is why. Moments are of the monotonic clock.
    """

    def __init__(
        self,
        items: Sequence[tuple[str, Sequence[str]]],
        timeout: float | None,
        watch: Watch | None = None,
    ) -> None:
        self._items = [(name, list(commands)) for name, commands in items]
        self._timeout = timeout
        self._began = 0.0
        self._ends_at = self._kills_at = _NEVER
        self._watch = watch
        self.timed_out = False
        self.stopped = ""
        self.done: list[Ended] = []

    def begin(self, moment: float) -> None:
        """Starts the clocks of the job and of its first item."""
        self._began = moment
        if self._timeout is not None:
            self._ends_at = moment + self._timeout
        if self._watch is not None:
            self._watch.begin(moment)

    @property
    def is_over(self) -> bool:
        return self.is_cut_short or not self._items

    @property
    def is_cut_short(self) -> bool:
        """Whether commands are ended that would have gone on."""
        return self.timed_out or bool(self.stopped)

    @property
    def command(self) -> str:
        """The command that runs now, or is to be started; only while it is not over."""
        return self._items[0][1][0]

    @property
    def next_moment(self) -> float:
        """When :meth:`overdue` has something to say at the earliest."""
        watched = self._watch.next_moment if self._watch is not None else _NEVER
        return min(self._ends_at, self._kills_at, watched)

    @property
    def first_failure(self) -> Ended | None:
        return next((one for one in self.done if one.exit_code != 0), None)

    def overdue(self, moment: float) -> int:
        """Returns the signal that a command must get which still runs at a moment: 0
        for none, the one that asks when time is over, and after a grace the one that
        does not.
        """
        if moment >= self._kills_at:
            return int(signal.SIGKILL)
        if self._watch is not None and not self.is_cut_short:
            self.stopped = self._watch.look(moment)
        if moment >= self._ends_at or (self.stopped and self._kills_at == _NEVER):
            self.timed_out = not self.stopped
            # asked once: from here on only the kill is due
            self._ends_at, self._kills_at = _NEVER, moment + GRACE_SECONDS
            return int(signal.SIGTERM)
        return 0

    def note_end(self, code: int, moment: float) -> Ended | None:
        """Notes how the command ended; returns what became of its item, None if another
        command of it follows.
        """
        name, commands = self._items[0]
        command = commands.pop(0)
        if code == 0 and commands and not self.is_cut_short:
            return None
        # a command that took its time, and ended well when it was asked to, still failed
        failed = code or (-int(signal.SIGTERM) if self.is_cut_short else 0)
        if self._watch is not None:
            self._watch.pause()
        ended = Ended(name, failed, command, moment - self._began)
        self._items.pop(0)
        self._began = moment
        self.done.append(ended)
        return ended


def arguments(shell: str, command: str, setup: str = "") -> list[str]:
    """Returns how a shell is asked to run a command. One of several lines stops at the
    first that fails; ``setup`` runs before it, in the same shell.
    """
    stops = "\n" in command.strip()
    if not setup:
        return [shell, *(["-e"] if stops else []), "-c", command]
    # not the shell's -e: a setup may go on after a command that fails
    return [shell, "-c", f"{_SETUP.format(setup)}{_STOP if stops else ''}{command}"]


_STOP = "set -e\n"
_SETUP = (
    "trap 'echo \"mltrack: the setup of this runner failed\" >&2' EXIT\n"
    "{}\n"
    "trap - EXIT\n"
)
"""A setup that ends the shell (as a file that is not there does in some) is told from a
command that does.
"""
