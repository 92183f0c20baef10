"""Runs jobs on this machine, in the workspace itself.

Each command gets a process group of its own, so that cancelling ends all that it started, and no terminal to read
from. Its output goes into the log file, which survives this process.
"""

import os
import select
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mltrack.disk.durable import is_running, make_directories, names_in, opened
from mltrack.errors import StageFailedError
from mltrack.runners.job import Abilities, Job, Poll, State, Ticket

_GRACE_SECONDS = 10.0
_LOG_PIECE = 1 << 20


@dataclass(slots=True)
class _Running:
    """A job under way: the commands still to come, and the process of the present one."""

    job: Job
    commands: list[str]
    log: int
    process: "subprocess.Popen[bytes] | None" = None
    command: str = ""
    result: Poll | None = None
    cancelled: bool = False
    pidfd: int = -1
    mark: str = ""


class LocalRunner:
    """See :class:`mltrack.runners.runner.Runner`. ``jobs_path`` holds logs, ``<run key>/<attempt>.log``."""

    name = "local"
    abilities = Abilities(shares_files=True, survives=False)

    def __init__(self, root: str, jobs_path: str) -> None:
        self._root = root
        self._jobs_path = jobs_path
        self._marks_path = os.path.join(jobs_path, "running")
        self._running: dict[tuple[str, str], _Running] = {}

    def check(self) -> list[str]:
        return [] if os.access(self._root, os.W_OK) else [f"{self._root} cannot be written"]

    def recover(self) -> list[str]:
        """Ends what a process that is gone left running, and returns the labels of those jobs: the outputs that they go
        on writing are about to be written anew."""
        ended = []
        for name in names_in(self._marks_path):
            owner, group, started, label = [*name.split("-", 3), "", "", "", ""][:4]
            if not (owner.isdigit() and group.isdigit()) or is_running(int(owner)):
                continue
            if _start_time(int(group)) == started:
                os.killpg(int(group), signal.SIGKILL)
                ended.append(label)
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._marks_path, name))
        return ended

    def submit(self, job: Job) -> Ticket:
        directory = os.path.join(self._jobs_path, job.key)
        make_directories(directory)
        attempt = _next_attempt(directory)
        log_path = os.path.join(directory, attempt + ".log")
        ticket = Ticket(self.name, job.key, attempt, log_path)
        log = os.open(log_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        commands = [command for item in job.items for command in item.commands]
        running = self._running[ticket.key, ticket.attempt] = _Running(job, commands, log)
        try:
            self._start_next(running)
        except BaseException:
            if running.process is not None:
                _signal_group(running.process, signal.SIGKILL)
            self._finish(running, Poll(State.FAILED))
            raise
        return ticket

    def poll(self, ticket: Ticket, offset: int, wait: float) -> Poll:
        running = self._running.get((ticket.key, ticket.attempt))
        if running is None:
            return Poll(State.LOST)
        if running.result is None:
            self._advance(running, wait)
        with opened(ticket.log_path, os.O_RDONLY) as log:
            data = os.pread(log, _LOG_PIECE, offset)
        if running.result is None:
            return Poll(State.RUNNING, log=data, command=running.command)
        result = running.result
        return Poll(result.state, result.exit_code, data, result.command, result.peak_memory)

    def cancel(self, ticket: Ticket) -> None:
        running = self._running.get((ticket.key, ticket.attempt))
        if running is None or running.result is not None or running.process is None:
            return
        running.cancelled = True
        _signal_group(running.process, signal.SIGTERM)
        try:
            running.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        _signal_group(running.process, signal.SIGKILL)
        running.process.wait()
        self._finish(running, Poll(State.CANCELLED, running.process.returncode, command=running.command))

    def _start_next(self, running: _Running) -> None:
        running.command = running.commands.pop(0)
        directory = os.path.join(self._root, running.job.directory)
        try:
            with _interrupts_deferred():
                running.process = subprocess.Popen(
                    [running.job.shell, "-c", running.command],
                    cwd=directory,
                    env={**os.environ, **running.job.variables},
                    stdin=subprocess.DEVNULL,
                    stdout=running.log,
                    stderr=running.log,
                    start_new_session=True,
                )
        except OSError as error:
            what = (
                f"the directory {running.job.directory!r}"
                if not os.path.isdir(directory)
                else f"the shell {running.job.shell}"
            )
            raise StageFailedError(f"{running.job.label}: cannot start in {what}: {error.strerror}") from error
        running.pidfd = os.pidfd_open(running.process.pid)
        self._mark(running)

    def _advance(self, running: _Running, wait: float) -> None:
        assert running.process is not None
        ready, _, _ = select.select([running.pidfd], [], [], wait)
        if not ready:
            return
        code = running.process.wait()
        os.close(running.pidfd)
        running.pidfd = -1
        if code == 0 and running.commands:
            self._start_next(running)
            return
        self._finish(running, Poll(State.DONE if code == 0 else State.FAILED, code, command=running.command))

    def _finish(self, running: _Running, result: Poll) -> None:
        running.result = result
        if running.pidfd >= 0:
            os.close(running.pidfd)
            running.pidfd = -1
        os.close(running.log)
        self._unmark(running)

    def _mark(self, running: _Running) -> None:
        """Leaves a note of a process for whoever comes after this one was killed."""
        assert running.process is not None
        self._unmark(running)
        make_directories(self._marks_path)
        label = running.job.label.replace("/", "_")[:100]
        name = f"{os.getpid()}-{running.process.pid}-{_start_time(running.process.pid)}-{label}"
        running.mark = os.path.join(self._marks_path, name)
        with opened(running.mark, os.O_WRONLY | os.O_CREAT):
            pass

    def _unmark(self, running: _Running) -> None:
        if running.mark:
            with suppress(FileNotFoundError):
                os.unlink(running.mark)
            running.mark = ""


def _start_time(pid: int) -> str:
    """When a process started, in the kernel's ticks: with its number it names a process for good."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "gone"


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Keeps an interrupt from coming between the start of a process and our knowing of it; it comes right after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _: caught.append(got)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def _next_attempt(directory: str) -> str:
    numbers = [int(name[:-4]) for name in os.listdir(directory) if name.endswith(".log") and name[:-4].isdigit()]
    return str(max(numbers, default=0) + 1)
