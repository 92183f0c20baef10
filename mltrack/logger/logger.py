"""What a program logs while it runs: ``from mltrack import log``.

Standard library only, Python 3.8 and later, and nothing of the rest of mltrack: the
runners put this room where a command finds it, also on hosts that have no mltrack.
Files are appended to by single writes or replaced by rename, so that a killed program
keeps what it logged, and several processes may log at once.
"""

from __future__ import annotations

import json
import math
import os
import threading
from typing import Any, Mapping

from .adapting import Adapters, Sink
from .files import append, open_to_append, path_of, replace
from .places import Place
from .series import Number, Series, cell
from .values import Values


class Logger(Adapters):
    """Logs numbers by step: ``log(step=3, loss=0.5)``, or ``log({"val/loss": 0.5})``.

    Files are written below ``live/`` in the directory where the program logs first.
    ``MLTRACK_LIVE`` names another one. Each number goes into the series of its name,
    and as the last value into ``metrics.json``. Without ``step`` it is the one after
    the last call's. Raises TypeError for what is no number, ValueError for what cannot
    be a name.

    Threads and processes may use it at once. Of several ranks (``RANK``) the first one
    logs there, and each other one below ``live/ranks/``.
    """

    def __init__(self) -> None:
        self.sinks: list[Sink] = []
        self._place: Place | None = None
        self._next: Number = 0
        self._lock = threading.Lock()
        self._series: Series | None = None
        self._values: Values | None = None
        self._params: Values | None = None
        if hasattr(os, "register_at_fork"):
            # a lock that another thread held, and values that the parent writes itself
            os.register_at_fork(after_in_child=self._renew)

    def __call__(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        step: Number | None = None,
        **metrics: Any,
    ) -> None:
        """Logs numbers; see the class."""
        if values:
            metrics = {**values, **metrics}
        numbers = {
            # most are plain already
            name: value if type(value) is float else _number(name, value)
            for name, value in metrics.items()
        }
        with self._lock:
            series, noted = self._series, self._values
            if series is None or noted is None:
                series, noted = self._begin()
            step = self._next if step is None else _number("step", step)
            self._next = step + 1
            for name, value in numbers.items():
                series.add(name, step, value)
        noted.note(numbers)
        for sink in self.sinks:
            sink.metrics(step, numbers)

    def param(
        self,
        name: str | Mapping[str, Any] | None = None,
        value: Any = None,
        /,
        **more: Any,
    ) -> None:
        """Notes what the program was run with, in ``params.json``: ``log.param("lr",
        0.1)``, ``log.param(lr=0.1)``, or a mapping.
        """
        given = {name: value} if isinstance(name, str) else dict(name or {})
        given.update(more)
        for key in given:
            path_of(key)
        plain = {key: _plain(one) for key, one in given.items()}
        with self._lock:
            if self._params is None:
                self._params = Values(self.place.path("params.json"))
            noted = self._params
        noted.note(plain)
        for sink in self.sinks:
            sink.params(plain)

    def image(self, name: str, image: Any, step: Number | None = None) -> str:
        """Keeps a picture below ``plots/images/``, and returns where: of a file, an array,
        a figure of matplotlib, or an image of Pillow. With a step all of them stay.
        """
        from .pictures import write  # noqa: PLC0415 - for who has pictures

        return write(self.place.kept("plots/images", path_of(name), step), image)

    def text(self, name: str, text: str, step: Number | None = None) -> None:
        """Appends a text to ``texts/NAME.jsonl``."""
        row: dict[str, Any] = {} if step is None else {"step": step}
        row["text"] = str(text)
        path = self.place.path("texts", path_of(name)) + ".jsonl"
        descriptor = open_to_append(path, b"")
        try:
            append(descriptor, json.dumps(row, ensure_ascii=False).encode() + b"\n")
        finally:
            os.close(descriptor)

    def table(self, name: str, rows: Any, step: Number | None = None) -> str:
        """Keeps a table as ``tables/NAME.csv``, and returns where: of rows that are
        mappings, of columns by name, or a data frame. With a step all of them stay.
        """
        if hasattr(rows, "to_dict"):  # of pandas
            rows = rows.to_dict("list")
        elif hasattr(rows, "to_dicts"):  # of polars
            rows = rows.to_dicts()
        if isinstance(rows, Mapping):
            names = list(rows)
            found = [dict(zip(names, row)) for row in zip(*rows.values())]
        else:
            found = [dict(row) for row in rows]
            names = list(dict.fromkeys(key for row in found for key in row))
        lines = [",".join(map(cell, names))]
        lines += [",".join(cell(row.get(key)) for key in names) for row in found]
        path = self.place.kept("tables", path_of(name), step) + ".csv"
        replace(path, ("\n".join(lines) + "\n").encode())
        return path

    def system(self, every: float = 1.0) -> None:
        """Samples the machine from here on, every so many seconds: processors, memory,
        disk, network, and NVIDIA GPUs, into series below ``system/``.
        """
        from .monitor import start  # noqa: PLC0415 - for who wants it

        start(self.place.path("system"), every)

    def flush(self) -> None:
        """Writes what ``metrics.json`` and ``params.json`` do not have yet."""
        for values in (self._values, self._params):
            if values is not None:
                values.flush()

    def clear(self) -> None:
        """Removes what an earlier run has logged in the same place: series are appended
        to, else.
        """
        for values in (self._values, self._params):
            if values is not None:
                values.drop()
        self.place.clear()
        if self._series is not None:
            self._series.close()
        self._renew()
        self._next = 0

    @property
    def place(self) -> Place:
        """Where this process logs."""
        if self._place is None:
            self._place = Place.of(os.environ, os.getcwd())
        return self._place

    def _begin(self) -> tuple[Series, Values]:
        self._series = Series(self.place.path("plots"))
        self._values = Values(self.place.path("metrics.json"))
        return self._series, self._values

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._series = self._values = self._params = None


def _number(name: str, value: Any) -> Number:
    """A value as a plain number: of numpy and torch too."""
    if isinstance(value, bool):
        return int(value)
    if type(value) in (int, float):
        return value  # type: ignore[no-any-return]
    try:
        # an array of one element, a tensor; else what says itself that it is a number
        found = value.item() if hasattr(value, "item") else float(value)
        if isinstance(found, bool):
            return int(found)
        if isinstance(found, (int, float)) and not isinstance(value, str):
            return found
    except (TypeError, ValueError, RuntimeError):
        pass
    raise TypeError(
        f"{name} must be a number, not {value!r:.80}; log.text, log.image and log.table "
        "take other things"
    )


def _plain(value: Any) -> Any:
    """A value as JSON has it; what it has not, as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


log = Logger()
