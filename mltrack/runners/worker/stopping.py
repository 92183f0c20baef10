"""Stop rules: when a command that still runs is of no use any more, told from what it
logs.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from typing import Any, Iterator, NamedTuple, Sequence

NAN, INFINITE, NO_PROGRESS, SILENCE = "nan", "infinite", "no-progress", "silence"
MAXIMUM = "max"
# seconds between two looks
_EVERY = 0.5
# bytes of a series at once
_PIECE = 1 << 20


class Rule(NamedTuple):
    """One rule. ``kind`` is one of the four above, ``name`` the series it is about,
    ``amount`` steps or seconds, ``direction`` what counts as progress; with ``warns``
    it is only told.
    """

    kind: str
    name: str
    amount: float
    direction: str
    warns: bool


class Broken(NamedTuple):
    """What is wrong, in words, and whether that is only told."""

    words: str
    warns: bool


class Stops:
    """The rules of a job that logs below ``live``. Moments are of the monotonic clock."""

    def __init__(self, rows: Sequence[Sequence[Any]], live: str, moment: float) -> None:
        self._rules = [
            _RULES[row[0]](Rule(*row), live, moment)
            # of a newer client: nothing is known of it here
            for row in rows
            if row[0] in _RULES
        ]
        self.next_moment = moment if self._rules else math.inf

    def look(self, moment: float) -> list[Broken]:
        """Returns what is wrong now and was not before, if it is time to look."""
        if moment < self.next_moment:
            return []
        self.next_moment = moment + _EVERY
        found = []
        for one in self._rules:
            words = one.look(moment)
            if words:
                found.append(Broken(words, one.rule.warns))
        return found


class _NotFinite:
    """A value that is no number, or is infinite; told once."""

    def __init__(self, rule: Rule, live: str, moment: float) -> None:
        self.rule = rule
        self._rows = _Followed(rule.name, live)
        self._told = False

    def look(self, moment: float) -> str:
        is_bad = math.isnan if self.rule.kind == NAN else math.isinf
        bad = [(step, value) for step, value in self._rows.new() if is_bad(value)]
        if not bad or self._told:
            return ""
        self._told = True
        return f"{self.rule.name} is {bad[0][1]} at step {bad[0][0]:g}"


class _NoProgress:
    """A series whose best value is many steps old; told once for each best value."""

    def __init__(self, rule: Rule, live: str, moment: float) -> None:
        self.rule = rule
        self._rows = _Followed(rule.name, live)
        self._best = math.nan
        self._best_step = self._last_step = 0.0
        self._told = False

    def look(self, moment: float) -> str:
        for step, value in self._rows.new():
            self._last_step = step
            if self._is_better(value):
                self._best, self._best_step, self._told = value, step, False
        if self._told or self._last_step - self._best_step < self.rule.amount:
            return ""
        self._told = True
        return (
            f"no progress in {self.rule.name} for {self.rule.amount:g} steps: best "
            f"{self._best:g} at step {self._best_step:g}, now step {self._last_step:g}"
        )

    def _is_better(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if math.isnan(self._best):
            return True
        is_max = self.rule.direction == MAXIMUM
        return value > self._best if is_max else value < self._best


class _Silence:
    """Nothing logged for long; told once, until something is."""

    def __init__(self, rule: Rule, live: str, moment: float) -> None:
        self.rule = rule
        self._live = live
        self._heard = moment
        self._told = False

    def look(self, moment: float) -> str:
        if moment - self._heard < self.rule.amount:
            return ""
        # only now: walking the files costs more than comparing numbers
        age = time.time() - _newest(self._live)
        if moment - age > self._heard:
            self._heard, self._told = moment - age, False
        silent = moment - self._heard
        if self._told or silent < self.rule.amount:
            return ""
        self._told = True
        return f"nothing was logged for {silent:.0f} s"


_RULES: dict[str, Any] = {
    NAN: _NotFinite,
    INFINITE: _NotFinite,
    NO_PROGRESS: _NoProgress,
    SILENCE: _Silence,
}


class _Followed:
    """The rows of a series that were not seen yet."""

    def __init__(self, name: str, live: str) -> None:
        self._path = os.path.join(live, "plots", *name.split("/")) + ".csv"
        self._offset = 0
        self._rest = b""

    def new(self) -> Iterator[tuple[float, float]]:
        while True:
            data = b""
            with suppress(OSError), open(self._path, "rb") as file:
                # begun anew: what was seen is gone
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                data = file.read(_PIECE)
            if not data:
                return
            self._offset += len(data)
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                # the header is no row, and neither is what is not two numbers
                with suppress(ValueError):
                    step, value = line.split(b",")
                    yield float(step), float(value)


def _newest(live: str) -> float:
    """When a file below a directory changed last, but for what a monitor samples."""
    newest = 0.0
    for directory, names, files in os.walk(live):
        if directory == live and "system" in names:
            names.remove("system")
        for name in files:
            with suppress(OSError):
                newest = max(newest, os.stat(os.path.join(directory, name)).st_mtime)
    return newest
