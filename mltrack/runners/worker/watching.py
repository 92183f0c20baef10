"""What is watched while a job's commands run, by who runs them: the job's stop rules, and
how busy the machine is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, Mapping, NamedTuple, Sequence

# the same place here and in the worker's file
from ...logger.values import read
from .stopping import Stops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...logger.monitor import Monitor

LIVE = "MLTRACK_LIVE"
"""Tells the commands where to log."""
_EVERY = 1.0
"""Seconds between two samples of the machine."""
_MAX_VALUES = 1 << 20
"""Bytes: who looks on shows a line of it."""


class Wishes(NamedTuple):
    """What a job wants: to log below ``live``, an absolute path; its stop rules, as
    rows; whether the machine is sampled.
    """

    live: str
    stop: Sequence[Sequence[Any]] = ()
    monitor: bool = False


class Watch:
    """Watches one job. ``tell`` gets each warning; moments are of the monotonic clock."""

    def __init__(
        self,
        wishes: Wishes,
        environment: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        self._wishes, self._environment, self._tell = wishes, environment, tell
        self._stops = Stops((), "", 0.0)
        self._monitor: Monitor | None = None

    def begin(self, moment: float) -> None:
        """Starts the clocks."""
        self._stops = Stops(self._wishes.stop, self._wishes.live, moment)
        if self._wishes.monitor:
            # 5 ms, for nothing where nobody asks for it
            from ...logger.monitor import Monitor  # noqa: PLC0415

            directory = os.path.join(self._wishes.live, "system")
            self._monitor = Monitor(directory, _EVERY, self._environment)

    @property
    def next_moment(self) -> float:
        """When :meth:`look` has something to do at the earliest."""
        sample = self._monitor.next_moment if self._monitor is not None else math.inf
        return min(self._stops.next_moment, sample)

    def look(self, moment: float) -> str:
        """Does what is due; returns why the job has to stop, '' if it may go on."""
        if self._monitor is not None:
            try:
                self._monitor.look(moment)
            except OSError as error:
                # a disk that is full is told by the command itself
                self._monitor = None
                self._tell(f"the machine is not sampled any more: {error}")
        reason = ""
        for broken in self._stops.look(moment):
            if broken.warns:
                self._tell(broken.words)
            else:
                reason = reason or broken.words
        return reason

    def pause(self) -> None:
        """Lets go of files: what was logged is about to be hashed."""
        if self._monitor is not None:
            self._monitor.close()


def log_variables(
    environment: Mapping[str, str], live: str, library: str
) -> dict[str, str]:
    """Returns the variables by which a command finds the logger, in a directory or file
    ``library``, and where it logs. What is on the path already comes first.
    """
    path = os.pathsep.join(filter(None, (environment.get("PYTHONPATH", ""), library)))
    return {"PYTHONPATH": path, LIVE: live}


def own_library() -> str:
    """Returns what the worker's own file has on its path: the logger is in it."""
    above = os.path.abspath(__file__)
    for _ in ("worker", "runners", "package", "file"):
        above = os.path.dirname(above)
    return above


def last_values(live: str) -> dict[str, Any]:
    """Returns the last values that were logged below a directory."""
    path = os.path.join(live, "metrics.json")
    try:
        if os.stat(path).st_size > _MAX_VALUES:
            return {}
    except OSError:
        return {}
    return read(path)


def warning(words: str) -> bytes:
    """Returns a warning as a line of the job's log."""
    return f"mltrack: warning: {words}\n".encode()
