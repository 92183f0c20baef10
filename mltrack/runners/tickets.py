"""Tickets of jobs that outlive a command: one small file each, ``jobs/<run
key>/<attempt>.json``.

They are written once a host has the job, and removed when its result was taken. Nothing
depends on them but the list of jobs on hosts that cannot be reached: a job is found by
its key, on the host itself, by any clone.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from mltrack.disk.durable import make_directories, names_in, read_bounded, write_atomic
from mltrack.errors import FormatError

if TYPE_CHECKING:
    from mltrack.runners.job import Ticket  # `status` reads tickets, and runs nothing

VERSION = 1
_MAX_BYTES = 1 << 16
_KEY = re.compile(r"(?:none-)?[0-9a-f]{32,64}\Z")


class Noted(NamedTuple):
    """A ticket as it was noted. ``number`` is the attempt's on the host."""

    runner: str
    host: str
    key: str
    number: int
    attempt: str
    label: str
    submitted: float
    log_path: str


class Tickets:
    """The tickets below ``path``."""

    def __init__(self, path: str) -> None:
        self._path = path

    def note(
        self,
        ticket: "Ticket",
        runner: str,
        host: str,
        key: str,
        number: int,
        label: str,
    ) -> None:
        """Notes where a job is; a ticket that cannot be written loses nothing but a
        line in a list.
        """
        facts = {
            "mltrack": VERSION,
            "runner": runner,
            "host": host,
            "key": key,
            "number": number,
            "attempt": ticket.attempt,
            "label": label,
            "submitted": round(time.time(), 3),
            "log_path": ticket.log_path,
        }
        with suppress(OSError):
            make_directories(os.path.join(self._path, key))
            write_atomic(
                self._file(key, ticket.attempt),
                json.dumps(facts, sort_keys=True).encode(),
                durable=False,
            )

    def forget(self, key: str, attempt: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._file(key, attempt))
        with suppress(OSError):
            os.rmdir(os.path.join(self._path, key))

    def all(self) -> Iterator[Noted]:
        """Yields every ticket that can be read."""
        for key in names_in(self._path):
            if _KEY.match(key):
                yield from self.of(key)

    def of(self, key: str) -> Iterator[Noted]:
        """Yields the tickets of a key."""
        for name in names_in(os.path.join(self._path, key)):
            with suppress(
                ValueError, TypeError, KeyError, AttributeError, OSError, FormatError
            ):
                facts = json.loads(
                    read_bounded(os.path.join(self._path, key, name), _MAX_BYTES) or b""
                )
                if facts.pop("mltrack") == VERSION:
                    yield Noted(**facts)

    def _file(self, key: str, attempt: str) -> str:
        return os.path.join(self._path, key, f"{attempt}.json")
