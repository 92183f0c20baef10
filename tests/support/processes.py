"""Asking the kernel about processes."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = 30.0


def is_alive(pid: int) -> bool:
    """Returns whether a process runs; one that ended and was not waited for does not."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


def ends(pid: int) -> bool:
    """Returns whether a process ends soon: a signal that was sent is not yet a process
    that is gone.
    """
    return comes(lambda: not is_alive(pid))


def comes(is_so: Callable[[], bool]) -> bool:
    """Returns whether something becomes so, soon."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def sleeper(**variables: str) -> "subprocess.Popen[bytes]":
    """Starts a process of a session of its own, which does nothing, and whose
    environment can be read from now on: the kernel shows it a moment after the start.
    """
    made = subprocess.Popen(
        ["sleep", "600"], env={**os.environ, **variables}, start_new_session=True
    )
    while not Path(f"/proc/{made.pid}/environ").read_bytes():
        time.sleep(0.001)
    return made
