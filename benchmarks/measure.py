"""Timing whole commands: CPU and wall time, and the largest memory of any process in
them.
"""

import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import NamedTuple


class Measured(NamedTuple):
    """One run of a command: seconds of CPU (its children included), seconds of wall
    time, peak memory in MiB.
    """

    cpu: float
    wall: float
    peak: float


def run(command: list[str], cwd: Path, environment: dict[str, str]) -> Measured:
    """Runs a command to its end; raises RuntimeError with what it said if it fails."""
    with (cwd / ".." / "last-command.log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = (cwd / ".." / "last-command.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(
            f"{' '.join(command)[:200]} ended with {process.returncode}: {said}"
        )
    return Measured(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def median(runs: list[Measured]) -> Measured:
    return Measured(*(statistics.median(column) for column in zip(*runs, strict=True)))


def bytes_below(path: Path) -> int:
    """Returns the bytes of all files below a path, each inode once."""
    seen: set[int] = set()
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            state = os.lstat(os.path.join(directory, name))
            if state.st_ino not in seen:
                seen.add(state.st_ino)
                total += state.st_size
    return total
