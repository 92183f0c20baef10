"""Runs jobs on this machine, in the workspace itself or in a sandbox.

Each command gets a process group of its own, so that cancelling ends all that it
started, and no terminal to read from. Its output goes into the log file, which survives
this process.
"""

import os
import select
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from mltrack.errors import StageFailedError
from mltrack.runners import tracing
from mltrack.runners.capacity import GPU_MEMORY, GPUS, NOT_COUNTED, visible_gpus
from mltrack.runners.job import (
    Abilities,
    Failure,
    ItemResult,
    Job,
    KnownJob,
    MachineReport,
    Origin,
    Poll,
    Seen,
    Shortage,
    State,
    Ticket,
    Works,
)
from mltrack.runners.logs import LOGS, RUNNING, note_failure, note_path, read_log
from mltrack.runners.marks import Marks
from mltrack.runners.process import Process, is_readable
from mltrack.runners.runner import Runner
from mltrack.runners.sandbox import Place, Sandbox, Workspace
from mltrack.runners.scratch import remove_leftovers
from mltrack.runners.worker.course import Course, arguments
from mltrack.runners.worker.slots import Request, Slots, visible
from mltrack.runners.worker.system import (
    GRACE_SECONDS,
    VARIABLE,
    holder_note,
    words_of,
    write_all,
)
from mltrack.runners.worker.watching import (
    Watch,
    Wishes,
    last_values,
    log_variables,
    warning,
)

# seconds; systems clear /tmp of what nobody touched for days
_TOUCH_SECONDS = 3600.0
HANDED = os.path.join(os.path.dirname(__file__), "handed")
"""What commands get onto their path: the logger."""
_LINE_SECONDS = 0.05
"""How often those look that stand in line for a GPU."""


@dataclass(slots=True)
class _Running:
    """A job under way: the course of its commands, and the process of the present one.
    ``request`` are its GPUs, or its place in line for them.
    """

    job: Job
    ticket: Ticket
    course: Course
    log: int
    place: Place
    trace: tracing.Trace | None
    started: float
    request: Request | None = None
    process: Process | None = None
    command: str = ""
    token: str = ""
    result: Poll | None = None
    touch_at: float = 0.0
    peak_memory: int = 0


class LocalRunner(Runner):
    """This machine, in the workspace itself.

    ``jobs_path`` holds logs, ``logs/<run key>-<attempt>.log``, and beside those of jobs
    that failed what became of them. ``capacity`` is how much of each resource jobs may
    claim together; ``locks`` the directory of GPU locks, '' for the usual one.
    ``objects`` is where links to the cache lead, which sandboxes must show.
    """

    name = "local"

    def __init__(
        self,
        root: str,
        jobs_path: str,
        capacity: dict[str, float] | None = None,
        locks: str = "",
        objects: str = "",
    ) -> None:
        self._root = root
        self._objects = objects
        self._logs_path = os.path.join(jobs_path, LOGS)
        self._marks = Marks(os.path.join(jobs_path, RUNNING))
        self._running: dict[tuple[str, str], _Running] = {}
        self._abilities = Abilities(
            Works.IN_PLACE, survives=False, leaves=True, capacity=capacity or {}
        )
        self.slots = Slots(
            visible_gpus(int(self.abilities.capacity.get(GPUS, 0))), locks
        )

    @property
    def abilities(self) -> Abilities:
        return self._abilities

    def report(self) -> list[MachineReport]:
        problems = (
            []
            if os.access(self._root, os.W_OK)
            else [f"{self._root} cannot be written"]
        )
        return [
            MachineReport.of(
                "this machine",
                dict(self.abilities.capacity),
                self.slots.held(),
                problems,
            )
        ]

    def lacks(self, resources: Mapping[str, float]) -> Shortage | None:
        for name, amount in resources.items():
            there = self.abilities.capacity.get(name, 0.0)
            if name not in NOT_COUNTED and amount > there:
                return Shortage(
                    name, amount, f"{amount:g} of {name!r}; this machine has {there:g}"
                )
        return None

    def recover(self) -> list[str]:
        """Ends what a process that is gone left running, and returns the labels of
        those jobs: the outputs that they go on writing are about to be written anew.
        """
        ended = self._marks.end_leftovers()
        # after the commands, which may still write there
        remove_leftovers(self._root)
        return ended

    def submit(self, job: Job, origin: Origin | None = None) -> Ticket:
        for running in self._running.values():
            if job.key and running.job.key == job.key and running.result is None:
                return running.ticket
        os.makedirs(self._logs_path, exist_ok=True)
        ticket, log = self._open_log(job)
        place = self._place(job, origin)
        trace = tracing.start(job.trace, place.root) if job.trace else None
        items = [(item.id, item.commands) for item in job.items]
        course = Course(items, job.timeout, _watch(job, place, log))
        running = _Running(job, ticket, course, log, place, trace, time.time())
        self._running[ticket.key, ticket.attempt] = running
        try:
            if job.resources.get(GPUS):
                memory = int(job.resources.get(GPU_MEMORY, 0))
                running.request = self.slots.request(
                    int(job.resources[GPUS]), holder_note(job.label), memory
                )
            self._begin(running)
        except BaseException:
            self._drop(running)
            raise
        return ticket

    def _place(self, job: Job, origin: Origin | None) -> Place:
        """Where the commands of a job are to run."""
        if job.isolated:
            return Sandbox(self._root, job, self._objects)
        return Workspace(self._root)

    def place_of(self, ticket: Ticket) -> Place | None:
        """Returns where the commands of a job run, or ran; None for one that was
        forgotten.
        """
        running = self._running.get((ticket.key, ticket.attempt))
        return running.place if running is not None else None

    def values(self, job: KnownJob) -> dict[str, float]:
        for running in self._running.values():
            if running.job.key == job.key and running.result is None:
                live = os.path.join(running.place.files, running.job.live)
                return last_values(live)
        return {}

    def poll(self, asked: Mapping[Ticket, Seen]) -> dict[Ticket, Poll]:
        return {ticket: self._poll(ticket, seen) for ticket, seen in asked.items()}

    def _poll(self, ticket: Ticket, seen: Seen) -> Poll:
        running = self._running.get((ticket.key, ticket.attempt))
        if running is None:
            return Poll(State.LOST)
        if running.result is None:
            if running.request is not None and time.monotonic() >= running.touch_at:
                running.request.touch()
                running.touch_at = time.monotonic() + _TOUCH_SECONDS
            if running.process is None:
                self._begin(running)
            else:
                self._advance(running)
        data = read_log(ticket, seen.log)
        items = tuple(
            ItemResult(one.id, one.exit_code, one.seconds)
            for one in running.course.done[seen.items :]
        )
        gpus = tuple(running.request.names) if running.request is not None else ()
        if running.result is None:
            state = State.RUNNING if running.process is not None else State.QUEUED
            return Poll(
                state, log=data, command=running.command, items=items, gpus=gpus
            )
        return replace(running.result, log=data, items=items)

    def wait(self, seconds: float) -> None:
        watched = select.poll()
        moment = time.monotonic()
        until = moment + seconds
        for running in self._running.values():
            if running.process is not None and running.result is None:
                watched.register(running.process.ended, select.POLLIN)
                until = min(until, running.course.next_moment)
            elif running.result is None:
                until = min(until, moment + _LINE_SECONDS)
        watched.poll(max(0.0, until - moment) * 1000)

    def cancel(self, tickets: list[Ticket]) -> None:
        wanted = {(ticket.key, ticket.attempt) for ticket in tickets}
        chosen = [
            running
            for name, running in self._running.items()
            if name in wanted and running.result is None
        ]
        try:
            for running in chosen:
                if running.process is not None:
                    running.process.signal(signal.SIGTERM)
            # one grace for all of them together
            until = time.monotonic() + GRACE_SECONDS
            for running in chosen:
                if running.process is not None and running.process.ended >= 0:
                    is_readable(running.process.ended, until - time.monotonic())
        finally:
            for running in chosen:
                # an interrupt may have ended the wait: no time to clean up is left then
                code = None
                if running.process is not None:
                    running.process.signal(signal.SIGKILL)
                    code = running.process.reap()
                    # forgotten once it is gone: killed before, the next command still
                    # finds it
                    self._marks.forget(running.token)
                self._finish(running, State.CANCELLED, code)

    def forget(self, ticket: Ticket) -> None:
        running = self._running.pop((ticket.key, ticket.attempt), None)
        if running is not None and running.log >= 0:
            os.close(running.log)
        for path in (ticket.log_path, note_path(ticket.log_path)):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def close(self) -> None:
        self._marks.close()

    def _open_log(self, job: Job) -> tuple[Ticket, int]:
        for attempt in count(1):
            log_path = os.path.join(
                self._logs_path, f"{job.key or 'no-key'}-{attempt}.log"
            )
            # the number is taken by creating it: two processes never share a log
            with suppress(FileExistsError):
                log = os.open(
                    log_path,
                    os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC,
                    0o644,
                )
                return Ticket(self.name, job.key, str(attempt), log_path), log
        raise AssertionError("unreachable")

    def _begin(self, running: _Running) -> None:
        """Starts the first command once the job has its GPUs."""
        if running.request is not None and not running.request.try_take():
            return
        running.course.begin(time.monotonic())
        self._start_next(running)

    def _drop(self, running: _Running) -> None:
        if running.process is not None:
            running.process.signal(signal.SIGKILL)
            running.process.reap()
            self._marks.forget(running.token)
        self._finish(running, State.FAILED, None)

    def _start_next(self, running: _Running) -> None:
        job = running.job
        running.command = running.course.command
        directory = os.path.join(running.place.root, job.directory)
        # before it starts: killed in between, its token finds it all the same
        running.token = self._marks.plan(job.label, running.ticket.log_path)
        variables = {
            **os.environ,
            **job.variables,
            "MLTRACK_ROOT": running.place.root,
            VARIABLE: running.token,
        }
        live = os.path.join(running.place.root, job.live)
        variables.update(log_variables(variables, live, HANDED))
        inherited: list[int] = []
        if GPUS in job.resources:
            variables.update(visible(running.request))
            # the command keeps it open: killing mltrack frees no GPU that is in use
            inherited = (
                running.request.descriptors if running.request is not None else []
            )
        words = arguments(job.shell, running.command)
        if running.trace is not None:
            variables.update(running.trace.variables(variables))
            words = [*running.trace.prefix, *words]
        try:
            wrapped = running.place.wrap(words, directory)
            running.process = Process(
                wrapped, directory, variables, running.log, inherited
            )
        except OSError as error:
            what = (
                f"the shell {job.shell}"
                if os.path.isdir(directory)
                else f"the directory {job.directory!r}"
            )
            raise StageFailedError(
                f"{job.label}: cannot start in {what}: {error.strerror}"
            ) from error
        self._marks.note(running.token, running.process.pid)

    def _advance(self, running: _Running) -> None:
        process, course = running.process, running.course
        assert process is not None
        if not is_readable(process.ended):
            overdue = course.overdue(time.monotonic())
            if overdue:
                process.signal(overdue)
            return
        code = process.reap()
        self._marks.forget(running.token)
        running.peak_memory = max(running.peak_memory, process.peak_memory)
        if course.is_cut_short:
            # what of the group outlived its first process
            process.signal(signal.SIGKILL)
        course.note_end(code, time.monotonic())
        if not course.is_over:
            self._start_next(running)
            return
        first = course.first_failure
        if first is None:
            self._finish(running, State.DONE, 0)
        else:
            running.command = first.command
            self._finish(running, State.FAILED, first.exit_code)

    def _finish(self, running: _Running, state: State, code: int | None) -> None:
        gpus = tuple(running.request.names) if running.request is not None else ()
        # before outputs are collected: others may be waiting for the GPUs
        if running.request is not None:
            running.request.release()
        reads, writes = (
            running.trace.opened()
            if running.trace is not None
            else (frozenset(), frozenset())
        )
        result = Poll(
            state,
            code,
            command=running.command,
            peak_memory=running.peak_memory,
            failure=_failure(running),
            stopped=running.course.stopped,
            reads=reads,
            writes=writes,
            seconds=sum(item.seconds for item in running.course.done)
            if state is State.DONE
            else None,
            gpus=gpus,
        )
        # -1 where an interrupt came while outputs were collected
        if running.log >= 0:
            os.close(running.log)
            running.log = -1
        # before anybody may see it: without its outputs it is not done
        running.result = _collected(running, result)
        if running.result.state is not State.DONE:
            running.place.rescue(running.job)
            outcome = running.result.state.value
            note_failure(
                running.ticket, running.job.label, outcome, code, running.started
            )
        running.place.remove()


def _watch(job: Job, place: Place, log: int) -> Watch:
    """What is watched while a job runs; its warnings stand in its log."""
    wishes = Wishes(os.path.join(place.files, job.live), job.stop, job.monitor)
    return Watch(
        wishes,
        {**os.environ, **job.variables},
        lambda words: write_all(log, warning(words)),
    )


def _collected(running: _Running, result: Poll) -> Poll:
    """Brings out what a job that is done has made; returns its result, a failure where
    that is not possible.
    """
    if result.state is State.DONE:
        try:
            running.place.collect(running.job)
        except OSError as error:
            return replace(result, state=State.FAILED, problem=words_of(error))
    return result


def _failure(running: _Running) -> Failure | None:
    """What this machine knows by itself of how a job ended."""
    if running.course.stopped:
        return Failure.STOPPED
    if running.course.timed_out:
        return Failure.TIMEOUT
    return (
        Failure.MEMORY
        if running.process is not None and running.process.out_of_memory
        else None
    )
