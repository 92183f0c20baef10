"""Logs of jobs as files: where they lie, and what is noted beside those of jobs that
did not end well.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import names_in, opened, read_bounded
from mltrack.errors import FormatError
from mltrack.runners.job import Ticket

LOGS, RUNNING = "logs", "running"
"""Below the directory of jobs: logs, with what became of those that failed; notes of
commands under way.
"""
VERSION = 1
_MAX_BYTES = 1 << 16
_PIECE = 1 << 20


class Ended(NamedTuple):
    """A job that gave no result: what it was for, how it ended, and where its log is."""

    label: str
    state: str
    exit_code: int | None
    started: float
    path: str


def note_failure(
    ticket: Ticket, label: str, state: str, exit_code: int | None, started: float
) -> None:
    """Leaves beside the log what became of the job, for whoever asks for its log later."""
    facts = {
        "mltrack": VERSION,
        "label": label,
        "runner": ticket.runner,
        "state": state,
        "exit_code": exit_code,
        "started": round(started, 3),
        "ended": round(time.time(), 3),
    }
    path = note_path(ticket.log_path)
    with suppress(OSError), open(path, "w", encoding="utf-8") as file:
        json.dump(facts, file, sort_keys=True)


def note_path(log_path: str) -> str:
    return log_path.removesuffix(".log") + ".json"


def read_log(ticket: Ticket, offset: int) -> bytes:
    """Returns what a job has printed from ``offset`` on, up to a piece."""
    with (
        suppress(FileNotFoundError),
        opened(ticket.log_path, os.O_RDONLY) as descriptor,
    ):
        if os.fstat(descriptor).st_size > offset:
            return os.pread(descriptor, _PIECE, offset)
    return b""


def ended(jobs_path: str, label: str) -> Iterator[Ended]:
    """Yields the jobs of a label that gave no result and whose logs are kept."""
    directory = os.path.join(jobs_path, LOGS)
    for name in names_in(directory):
        if name.endswith(".json"):
            with suppress(ValueError, KeyError, TypeError, OSError, FormatError):
                facts = json.loads(
                    read_bounded(os.path.join(directory, name), _MAX_BYTES) or b""
                )
                if facts["label"] == label:
                    path = os.path.join(directory, name.removesuffix(".json") + ".log")
                    yield Ended(
                        label,
                        str(facts["state"]),
                        facts["exit_code"],
                        float(facts["started"]),
                        path,
                    )
