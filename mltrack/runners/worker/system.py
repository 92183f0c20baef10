"""What is asked of the operating system: processes of this machine, whole writes, the
words of its errors.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

VARIABLE = "MLTRACK_ATTEMPT"
"""Stands in the environment of a job's commands, with the token of the attempt: by it
they are known to be that job's.
"""
GRACE_SECONDS = 10.0
"""How long a command that was asked to end may take for it."""
MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes: what getrusage(2) counts the memory of a process in."""


_ASKED = {
    "proc": lambda: os.path.exists("/proc/self/stat"),
    # macOS has these locks too, in a struct of another shape
    "name-locks": lambda: sys.platform == "linux",
    # the C library has it there; to load ctypes and ask costs more than all of this
    "syncfs": lambda: sys.platform == "linux",
}


def has(ability: str) -> bool:
    """Returns whether what not every system has may be used: ``proc``, ``name-locks``
    or ``syncfs``, by the same variable as where mltrack itself runs.
    """
    allowed = os.environ.get("MLTRACK_ABILITIES")
    if allowed is not None and ability not in allowed.split(","):
        return False
    return _ASKED[ability]()


def start_time(pid: int) -> str:
    """When a process started, as the system says it: with its number it names a process
    for good.
    """
    if not has("proc"):
        return _ps("-o", "lstart=", "-p", str(pid)).strip() or "gone"
    try:
        # field 22 of proc(5), counted from the one behind the name
        return _fields(pid)[19]
    except (OSError, IndexError):
        return "gone"


def carries(pid: int, token: str) -> bool:
    """Returns whether a process of this user is one of the attempt with this token."""
    if has("proc"):
        return f"{VARIABLE}={token}".encode() in _environment(pid)
    return pid in bearers(token)


def bearers(token: str) -> list[int]:
    """Returns the processes of this user that are of the attempt with this token."""
    if has("proc"):
        pids = map(int, filter(str.isdigit, os.listdir("/proc")))
        return [pid for pid in pids if carries(pid, token)]
    # BSD's way to ask for the environment too, which Linux's ps takes
    rows = map(str.split, _ps("axeww", "-o", "pid=,command=").splitlines())
    mark = f"{VARIABLE}={token}"
    return [int(row[0]) for row in rows if mark in row]


def _environment(pid: int) -> list[bytes]:
    # another user's process, or one that has ended: not ours in either case
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return file.read().split(b"\0")
    return []


def end_descendants() -> None:
    """Kills all processes below this one, until there are none: also those of other
    sessions and without our token.
    """
    # a child that was forked between look and kill is met in the next round
    for _ in range(50):
        parents: dict[int, list[int]] = {}
        for pid, parent in _running():
            parents.setdefault(parent, []).append(pid)
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


def _running() -> Iterator[tuple[int, int]]:
    """Yields each process that runs, and its parent."""
    if has("proc"):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError, IndexError, ValueError):
                fields = _fields(int(name))
                if fields[0] != "Z":
                    yield int(name), int(fields[1])
        return
    own = subprocess.Popen(  # not run(): its number is needed
        ["ps", "-A", "-o", "pid=,ppid=,stat="],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    text, _ = own.communicate()
    for line in text.splitlines():
        pid, parent, state = line.split()[:3]
        # ps is itself one of them, and has ended
        if not state.startswith("Z") and int(pid) != own.pid:
            yield int(pid), int(parent)


def _ps(*arguments: str) -> str:
    """What ps(1) says, '' where it fails or is not there."""
    with suppress(OSError):
        return subprocess.run(
            ["ps", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # times are compared as text
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
            text=True,
            errors="surrogateescape",
            check=False,
        ).stdout
    return ""


def _fields(pid: int) -> list[str]:
    """The fields of proc(5)'s stat behind the name: state, parent, and so on."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        # the name may hold brackets and spaces itself
        return file.read().rpartition(")")[2].split()


def cpus() -> int:
    """Returns how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
