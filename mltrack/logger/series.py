"""Series: one CSV file per name, of a step and a value in each row, appended to by
single writes.
"""

from __future__ import annotations

import os
from typing import Union

from .files import append, open_to_append, path_of

Number = Union[int, float]
# open files: a process may have 1,024, and the program wants some as well
_MAX_OPEN = 256


class Series:
    """The series below a directory: of one thread at a time, and of any number of
    processes.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._open: dict[str, int] = {}

    def add(self, name: str, step: Number, value: Number) -> None:
        """Appends a row; raises ValueError for what cannot be a name."""
        descriptor = self._open.get(name)
        if descriptor is None:
            descriptor = self._begin(name)
        append(descriptor, f"{step},{value!r}\n".encode())

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def _begin(self, name: str) -> int:
        if len(self._open) >= _MAX_OPEN:
            self.close()
        path = os.path.join(self._directory, *path_of(name).split("/")) + ".csv"
        descriptor = open_to_append(path, f"step,{cell(name)}\n".encode())
        self._open[name] = descriptor
        return descriptor


def cell(value: object) -> str:
    """Returns a value as a cell of CSV; None is an empty one."""
    text = "" if value is None else str(value)
    if any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
