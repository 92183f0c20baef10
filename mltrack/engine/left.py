"""Outputs whose bytes stayed on the host that made them: which, and where. They are
known, locked, and can be fetched.

The note is this worktree's own. Without it nothing is lost but the knowledge where to
ask: the stage would be run again, and its result be found on the host.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.disk.lock import locked
from mltrack.objects.content import Content

FILE_NAME = "left.json"
_VERSION = 1
# bytes: a row has some 200
_MAX_BYTES = 64 << 20


class Row(NamedTuple):
    """One output: what it is, the runner that has it, the host, and the run key of the
    job that made it.
    """

    path: str
    content: Content
    runner: str
    host: str
    key: str


class Left:
    """The outputs noted below ``directory``."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, FILE_NAME)
        self._read()

    def _read(self) -> None:
        self._rows: dict[str, Row] = {}
        data = read_bounded(self._path, _MAX_BYTES)
        if data:
            # damaged notes are none: the hosts still know their jobs
            with suppress(ValueError, TypeError, KeyError):
                found = json.loads(data)
                if found["mltrack"] == _VERSION:
                    rows = [
                        Row(path, Content(*content), *rest)
                        for path, content, *rest in found["rows"]
                    ]
                    self._rows = {row.path: row for row in rows}
        self._contents = {row.content.hex for row in self._rows.values()}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __bool__(self) -> bool:
        return bool(self._rows)

    def has(self, content: Content) -> bool:
        """Returns whether a content is one that was left somewhere."""
        return content.hex in self._contents

    def add(self, rows: Iterable[Row]) -> None:
        with self._alone():
            self._rows.update({row.path: row for row in rows})
            self._save()

    def forget(self, contents: Iterable[Content]) -> None:
        """Drops contents that are here now."""
        gone = {content.hex for content in contents}
        with self._alone():
            self._rows = {
                path: row
                for path, row in self._rows.items()
                if row.content.hex not in gone
            }
            self._save()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps others from writing, and reads what they wrote since."""
        make_directories(os.path.dirname(self._path))
        with locked(self._path + ".lock"):
            self._read()
            yield

    def _save(self) -> None:
        self._contents = {row.content.hex for row in self._rows.values()}
        document = {
            "mltrack": _VERSION,
            "rows": [list(row) for row in self._rows.values()],
        }
        # not durable: lost notes cost a run that is found on the host
        write_atomic(self._path, json.dumps(document).encode(), durable=False)
