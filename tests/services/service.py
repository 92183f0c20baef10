"""What every service has: a process, a port, a place for its files."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

READY_SECONDS = 120


class Missing(Exception):
    """A service cannot run here; says why."""


class Service:
    """One or more processes that belong together; ``stop`` ends them, by pid, with all
    that they started.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    def launch(
        self, command: list[str], name: str, **variables: str
    ) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.directory,
                env={**os.environ, **variables},
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def wait(
        self, is_ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str
    ) -> None:
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if is_ready():
                return
            if process.poll() is not None:
                break
            time.sleep(0.05)
        log = (self.directory / f"{name}.log").read_text(errors="replace")[-1000:]
        self.stop()
        raise RuntimeError(f"{name} did not come up: {log}")

    def stop(self) -> None:
        for process in reversed(self.processes):
            for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
                if process.poll() is None:
                    try:
                        os.killpg(process.pid, number)
                        process.wait(patience)
                    except (ProcessLookupError, subprocess.TimeoutExpired):
                        continue
        self.processes.clear()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(name: str, install: str) -> str:
    """Returns the path of a program, also of one beside this Python; raises Missing
    with what to install.
    """
    found = shutil.which(
        name,
        path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
    )
    if found is None:
        raise Missing(f"{name} is not installed ({install})")
    return found


def library(name: str, install: str) -> None:
    """Raises Missing unless a Python library can be imported."""
    import importlib.util

    if importlib.util.find_spec(name) is None:
        raise Missing(f"the library {name} is not installed ({install})")
