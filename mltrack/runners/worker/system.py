"""What is asked of the operating system: processes of this machine, whole writes, the
words of its errors.
"""

from __future__ import annotations

import os
import pwd
import signal
import time
from contextlib import suppress
from typing import Any

VARIABLE = "MLTRACK_ATTEMPT"
"""Stands in the environment of a job's commands, with the token of the attempt: by it
they are known to be that job's.
"""
GRACE_SECONDS = 10.0
"""How long a command that was asked to end may take for it."""


def start_time(pid: int) -> str:
    """When a process started, in the kernel's ticks: with its number it names a process
    for good.
    """
    try:
        # field 22 of proc(5), counted from the one behind the name
        return _fields(pid)[19]
    except (OSError, IndexError):
        return "gone"


def carries(pid: int, token: str) -> bool:
    """Returns whether a process of this user is one of the attempt with this token."""
    # another user's process, or one that has ended: not ours in either case
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return f"{VARIABLE}={token}".encode() in file.read().split(b"\0")
    return False


def end_descendants() -> None:
    """Kills all processes below this one, until there are none: also those of other
    sessions and without our token.
    """
    # a child that was forked between look and kill is met in the next round
    for _ in range(50):
        parents: dict[int, list[int]] = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError, IndexError, ValueError):
                fields = _fields(int(name))
                if fields[0] != "Z":
                    parents.setdefault(int(fields[1]), []).append(int(name))
        pending = list(parents.get(os.getpid(), []))
        if not pending:
            break
        while pending:
            pid = pending.pop()
            pending += parents.get(pid, [])
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _fields(pid: int) -> list[str]:
    """The fields of proc(5)'s stat behind the name: state, parent, and so on."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        # the name may hold brackets and spaces itself
        return file.read().rpartition(")")[2].split()


def user_name() -> str:
    """Returns who this process belongs to, by name where there is one."""
    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return str(os.getuid())


def holder_note(label: str) -> dict[str, Any]:
    """Returns what a holder of GPUs says of itself to others."""
    return {
        "pid": os.getpid(),
        "started": start_time(os.getpid()),
        "label": label,
        "user": user_name(),
    }


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[: 1 << 20]) :]


def words_of(error: OSError) -> str:
    """Returns a system's error in words, with the path it is about."""
    shown = (
        f"{os.fsdecode(error.filename)}: "
        if isinstance(error.filename, (str, bytes))
        else ""
    )
    return f"{shown}{error.strerror or error}"
