"""Notes of the processes that run now, for whoever comes after this one was killed.

One file per mltrack process, ``<pid>-<start time>``, of lines that are only ever appended: ``+ {json}`` for a command that
was started, ``- PID`` for one that has ended.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import names_in, read_bounded, write_all
from mltrack.runners.process import start_time

MAX_BYTES = 256 << 20


class Mark(NamedTuple):
    """One command under way: its process group, when that started in the kernel's ticks, what it is for, its log."""

    pid: int
    started: str
    label: str
    log_path: str
    moment: float


class Marks:
    """The notes below ``path``; those of this process are written, those of others read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._own = ""
        self._descriptor = -1

    def note(self, pid: int, label: str, log_path: str) -> None:
        """Notes a command that was just started."""
        if self._descriptor < 0:
            os.makedirs(self._path, exist_ok=True)
            self._own = f"{os.getpid()}-{start_time(os.getpid())}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(os.path.join(self._path, self._own), flags, 0o644)
        mark = Mark(pid, start_time(pid), label, log_path, time.time())
        write_all(self._descriptor, f"+ {json.dumps(mark._asdict())}\n".encode())

    def forget(self, pid: int) -> None:
        """Notes that a command has ended."""
        write_all(self._descriptor, f"- {pid}\n".encode())

    def close(self) -> None:
        """Removes the notes of this process."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._path, self._own))

    def under_way(self) -> list[Mark]:
        """Returns the commands that any process has running here."""
        return [
            mark for name in names_in(self._path) for mark in self._read(name) if start_time(mark.pid) == mark.started
        ]

    def end_leftovers(self) -> list[str]:
        """Ends the commands of processes that are gone, and returns their labels."""
        ended = []
        for name in names_in(self._path):
            owner, _, started = name.partition("-")
            if not owner.isdigit() or start_time(int(owner)) == started:
                continue
            for mark in self._read(name):
                if start_time(mark.pid) == mark.started:
                    os.killpg(mark.pid, signal.SIGKILL)
                    ended.append(mark.label)
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._path, name))
        return ended

    def _read(self, name: str) -> Iterator[Mark]:
        """The commands that were started and not noted as ended; a torn last line is passed over."""
        marks: dict[int, Mark] = {}
        data = read_bounded(os.path.join(self._path, name), MAX_BYTES) or b""
        for line in data.decode("utf-8", "replace").splitlines():
            with suppress(ValueError, TypeError):
                if line.startswith("+ "):
                    mark = Mark(**json.loads(line[2:]))
                    marks[mark.pid] = mark
                else:
                    marks.pop(int(line[2:]), None)
        yield from marks.values()
