"""Runs jobs on this machine, in the workspace itself or in a sandbox.

Each command gets a process group of its own, so that cancelling ends all that it started, and no terminal to read
from. Its output goes into the log file, which survives this process.
"""

import json
import os
import select
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from mltrack.errors import StageFailedError
from mltrack.runners import tracing
from mltrack.runners.capacity import GPUS, visible_gpus
from mltrack.runners.job import Abilities, Job, Poll, State, Ticket
from mltrack.runners.marks import VARIABLE, Marks
from mltrack.runners.process import GRACE_SECONDS, Process
from mltrack.runners.sandbox import Place, Sandbox, Workspace

_LOG_PIECE = 1 << 20
TICKET_VERSION = 1
LOGS, RUNNING = "logs", "running"
"""Below the directory of jobs: logs, with what became of those that failed; notes of commands under way."""


@dataclass(slots=True)
class _Running:
    """A job under way: the commands still to come, and the process of the present one."""

    job: Job
    ticket: Ticket
    commands: list[str]
    log: int
    place: Place
    trace: tracing.Trace | None
    started: float
    gpus: list[str] = field(default_factory=list)
    process: Process | None = None
    command: str = ""
    token: str = ""
    result: Poll | None = None
    deadline: float = float("inf")
    kill_at: float = float("inf")
    timed_out: bool = False
    peak_memory: int = 0


class LocalRunner:
    """See :class:`mltrack.runners.runner.Runner`.

    ``jobs_path`` holds logs, ``logs/<run key>-<attempt>.log``, and beside those of jobs that failed what became of them.
    ``capacity`` is how much of each resource jobs may claim together.
    """

    name = "local"

    def __init__(self, root: str, jobs_path: str, capacity: dict[str, float] | None = None) -> None:
        self._root = root
        self._logs_path = os.path.join(jobs_path, LOGS)
        self._marks = Marks(os.path.join(jobs_path, RUNNING))
        self._running: dict[tuple[str, str], _Running] = {}
        self.abilities = Abilities(shares_files=True, survives=False, capacity=capacity or {})
        self._gpus = visible_gpus(int(self.abilities.capacity.get(GPUS, 0)))

    def check(self) -> list[str]:
        return [] if os.access(self._root, os.W_OK) else [f"{self._root} cannot be written"]

    def recover(self) -> list[str]:
        """Ends what a process that is gone left running, and returns the labels of those jobs: the outputs that they go
        on writing are about to be written anew."""
        return self._marks.end_leftovers()

    def submit(self, job: Job) -> Ticket:
        os.makedirs(self._logs_path, exist_ok=True)
        ticket, log = self._open_log(job)
        place = Sandbox(self._root, job) if job.isolated else Workspace(self._root)
        trace = tracing.start(job.trace, place.root) if job.trace else None
        commands = [command for item in job.items for command in item.commands]
        running = _Running(job, ticket, commands, log, place, trace, time.time())
        self._running[ticket.key, ticket.attempt] = running
        if job.timeout is not None:
            running.deadline = time.monotonic() + job.timeout
        wanted = int(job.resources.get(GPUS, 0))
        running.gpus, self._gpus = self._gpus[:wanted], self._gpus[wanted:]
        try:
            self._start_next(running)
        except BaseException:
            if running.process is not None:
                running.process.signal(signal.SIGKILL)
                running.process.reap()
                self._marks.forget(running.token)
            self._finish(running, State.FAILED, None)
            raise
        return ticket

    def poll(self, ticket: Ticket, offset: int) -> Poll:
        running = self._running.get((ticket.key, ticket.attempt))
        if running is None:
            return Poll(State.LOST)
        if running.result is None:
            self._advance(running)
        grown = os.fstat(running.log).st_size > offset
        data = os.pread(running.log, _LOG_PIECE, offset) if grown else b""
        if running.result is None:
            return Poll(State.RUNNING, log=data, command=running.command)
        result = running.result
        return Poll(
            result.state, result.exit_code, data, result.command, result.peak_memory, result.timed_out,
            result.out_of_memory, result.reads, result.writes,
        )  # fmt: skip

    def wait(self, seconds: float) -> None:
        watched = select.poll()
        moment = time.monotonic()
        until = moment + seconds
        for running in self._running.values():
            if running.process is not None and running.result is None:
                watched.register(running.process.pidfd, select.POLLIN)
                until = min(until, running.deadline, running.kill_at)
        watched.poll(max(0.0, until - moment) * 1000)

    def cancel(self, tickets: list[Ticket]) -> None:
        wanted = {(ticket.key, ticket.attempt) for ticket in tickets}
        chosen = [running for name, running in self._running.items() if name in wanted and running.result is None]
        try:
            for running in chosen:
                if running.process is not None:
                    running.process.signal(signal.SIGTERM)
            until = time.monotonic() + GRACE_SECONDS
            for running in chosen:
                if running.process is not None and running.process.pidfd >= 0:
                    select.select([running.process.pidfd], [], [], max(0.0, until - time.monotonic()))
        finally:
            for running in chosen:
                if running.process is not None:
                    running.process.signal(signal.SIGKILL)
                    code = running.process.reap()
                    self._marks.forget(running.token)
                    self._finish(running, State.CANCELLED, code)

    def forget(self, ticket: Ticket) -> None:
        running = self._running.pop((ticket.key, ticket.attempt), None)
        if running is not None:
            os.close(running.log)
        for path in (ticket.log_path, ticket.log_path.removesuffix(".log") + ".json"):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def close(self) -> None:
        self._marks.close()

    def _open_log(self, job: Job) -> tuple[Ticket, int]:
        for attempt in count(1):
            log_path = os.path.join(self._logs_path, f"{job.key or 'no-key'}-{attempt}.log")
            with suppress(FileExistsError):
                log = os.open(log_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
                return Ticket(self.name, job.key, str(attempt), log_path), log
        raise AssertionError("unreachable")

    def _start_next(self, running: _Running) -> None:
        job = running.job
        running.command = running.commands.pop(0)
        directory = os.path.join(running.place.root, job.directory)
        running.token = self._marks.plan(job.label, running.ticket.log_path)
        variables = {**os.environ, **job.variables, "MLTRACK_ROOT": running.place.root, VARIABLE: running.token}
        if GPUS in job.resources:
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(running.gpus)
        arguments = [job.shell, "-c", running.command]
        if running.trace is not None:
            variables.update(running.trace.variables(variables))
            arguments = [*running.trace.prefix, *arguments]
        try:
            running.process = Process(running.place.wrap(arguments, directory), directory, variables, running.log)
        except OSError as error:
            what = f"the shell {job.shell}" if os.path.isdir(directory) else f"the directory {job.directory!r}"
            raise StageFailedError(f"{job.label}: cannot start in {what}: {error.strerror}") from error
        self._marks.note(running.token, running.process.pid)

    def _advance(self, running: _Running) -> None:
        process = running.process
        assert process is not None
        ready, _, _ = select.select([process.pidfd], [], [], 0)
        if not ready:
            self._enforce_timeout(running, process)
            return
        code = process.reap()
        self._marks.forget(running.token)
        running.peak_memory = max(running.peak_memory, process.peak_memory)
        if running.timed_out:
            process.signal(signal.SIGKILL)  # what of the group outlived its first process
        if code == 0 and running.commands and not running.timed_out:
            self._start_next(running)
            return
        self._finish(running, State.DONE if code == 0 and not running.timed_out else State.FAILED, code)

    def _enforce_timeout(self, running: _Running, process: Process) -> None:
        moment = time.monotonic()
        if moment >= running.kill_at:
            process.signal(signal.SIGKILL)
        elif moment >= running.deadline and not running.timed_out:
            running.timed_out = True
            running.deadline, running.kill_at = float("inf"), moment + GRACE_SECONDS
            process.signal(signal.SIGTERM)

    def _finish(self, running: _Running, state: State, code: int | None) -> None:
        self._gpus = sorted(self._gpus + running.gpus)
        running.gpus = []
        reads, writes = running.trace.opened() if running.trace is not None else (frozenset(), frozenset())
        out_of_memory = running.process is not None and running.process.out_of_memory
        running.result = Poll(
            state, code, b"", running.command, running.peak_memory, running.timed_out, out_of_memory, reads, writes
        )
        if state is State.DONE:
            running.place.collect(running.job)
        else:
            self._note_failure(running, state, code)
        running.place.remove()

    def _note_failure(self, running: _Running, state: State, code: int | None) -> None:
        """Leaves beside the log what became of the job, for whoever asks for its log later."""
        facts = {
            "mltrack": TICKET_VERSION, "label": running.job.label, "runner": self.name, "state": state.value,
            "exit_code": code, "started": round(running.started, 3), "ended": round(time.time(), 3),
        }  # fmt: skip
        path = running.ticket.log_path.removesuffix(".log") + ".json"
        with suppress(OSError), open(path, "w", encoding="utf-8") as file:
            json.dump(facts, file)
