"""Notes of the commands that run now, for whoever comes after this process was killed.

One file per mltrack process, ``<pid>-<start time>``, of lines that are only ever
appended: ``+ {json}`` before a command is started, ``= TOKEN PID`` once it runs, ``-
TOKEN`` when it has ended. The token stands in the command's environment too: by it a
process is known to be that command, and one which was started and not noted any more is
still found.
"""

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from mltrack.disk.durable import names_in, read_bounded, write_all
from mltrack.runners.worker.system import bearers, carries, start_time

# in bytes; a command takes some 250: enough for a million of them
MAX_BYTES = 256 << 20


class Mark(NamedTuple):
    """One command under way: its token, what it is for, its log, when it was begun; and
    once it runs its process group.
    """

    token: str
    label: str
    log_path: str
    moment: float
    pid: int = 0


class Marks:
    """The notes below ``path``; those of this process are written, those of others
    read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._own = ""
        self._descriptor = -1

    def plan(self, label: str, log_path: str) -> str:
        """Notes a command that is about to be started; returns the token for its
        environment.
        """
        mark = Mark(secrets.token_hex(16), label, log_path, time.time())
        if self._descriptor < 0:
            os.makedirs(self._path, exist_ok=True)
            self._own = f"{os.getpid()}-{start_time(os.getpid())}"
            # appended, each line in one write: a kill tears the last one at most
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(
                os.path.join(self._path, self._own), flags, 0o644
            )
        # not synced: after a power cut nothing runs that would have to be found
        write_all(self._descriptor, f"+ {json.dumps(mark[:4])}\n".encode())
        return mark.token

    def note(self, token: str, pid: int) -> None:
        """Notes the process group of a command that was started."""
        write_all(self._descriptor, f"= {token} {pid}\n".encode())

    def forget(self, token: str) -> None:
        """Notes that a command has ended."""
        if self._descriptor >= 0:
            write_all(self._descriptor, f"- {token}\n".encode())

    def close(self) -> None:
        """Removes the notes of this process."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._path, self._own))

    def under_way(self) -> list[Mark]:
        """Returns the commands that any process has running here."""
        marks = [mark for name in names_in(self._path) for mark in self._read(name)]
        # by the token: the number may be another process's by now
        return [mark for mark in marks if mark.pid and carries(mark.pid, mark.token)]

    def end_leftovers(self) -> list[str]:
        """Ends the commands of processes that are gone, and returns their labels."""
        ended = []
        for name in names_in(self._path):
            owner, _, started = name.partition("-")
            # its process lives: what it runs is its own affair
            if not owner.isdigit() or start_time(int(owner)) == started:
                continue
            for mark in self._read(name):
                # by the token: one killed between start and note has no number here
                for group in _groups_with(mark.token):
                    with suppress(ProcessLookupError):
                        os.killpg(group, signal.SIGKILL)
                        ended.append(mark.label)
            # last: killed before, the next command finds and ends the rest
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._path, name))
        return ended

    def _read(self, name: str) -> Iterator[Mark]:
        """The commands that were begun and not noted as ended; a torn last line is
        passed over.
        """
        marks: dict[str, Mark] = {}
        data = read_bounded(os.path.join(self._path, name), MAX_BYTES) or b""
        for line in data.decode("utf-8", "replace").splitlines():
            kind, _, rest = line.partition(" ")
            with suppress(ValueError, TypeError, KeyError):
                if kind == "+":
                    mark = Mark(*json.loads(rest))
                    marks[mark.token] = mark
                elif kind == "=":
                    token, pid = rest.split(" ")
                    marks[token] = marks[token]._replace(pid=int(pid))
                elif kind == "-":
                    marks.pop(rest, None)
        yield from marks.values()


def _groups_with(token: str) -> set[int]:
    """The process groups of this user that carry the token in their environment."""
    found = set()
    for pid in bearers(token):
        with suppress(OSError):
            found.add(os.getpgid(pid))
    return found
