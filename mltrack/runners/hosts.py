"""Runs jobs on hosts: one machine or several, reached by ssh, or this one in
directories of its own.

Jobs outlive this process and are found again by their run key, from any clone. Each is
given to the host on which its claims are free; where none has room, some wait at a
host, so that a GPU is never idle while a message travels.
"""

import os
import secrets
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from mltrack.disk.durable import (
    make_directories,
    opened,
    remove_stale_temporaries,
    temporary_path,
)
from mltrack.errors import MltrackError, RemoteError
from mltrack.objects.content import Content
from mltrack.runners.answers import values_in
from mltrack.runners.capacity import NOT_COUNTED
from mltrack.runners.connection import Address
from mltrack.runners.host import Host
from mltrack.runners.job import (
    Abilities,
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
from mltrack.runners.logs import LOGS, note_failure, note_path, read_log
from mltrack.runners.moving import discard
from mltrack.runners.pool import fit_for, host_for, is_found
from mltrack.runners.reports import jobs_of, report_of
from mltrack.runners.runner import Runner
from mltrack.runners.task import Board, HostSettings, Phase, Task
from mltrack.runners.tickets import Tickets
from mltrack.runners.worker.messages import Cancel, Has, Known, Take
from mltrack.runners.worker.system import GRACE_SECONDS
from mltrack.store.local.cache import Cache


class HostRunner(Runner):
    """Hosts reached by ssh, or this machine in directories of its own. ``root`` is the
    project; logs and tickets lie in ``jobs_path``.
    """

    def __init__(
        self,
        settings: HostSettings,
        addresses: Sequence[Address],
        root: str,
        jobs_path: str,
        cache: Cache,
    ) -> None:
        self.name = settings.runner
        self._root = root
        self._logs_path = os.path.join(jobs_path, LOGS)
        # in the project, so that outputs get their places by rename
        self._scratch = os.path.join(root, ".mltrack", "tmp", "received")
        self._tickets = Tickets(jobs_path)
        self._board = Board()
        self._serial = 0
        self.hosts = [
            Host(address, settings, self._board, cache, self._tickets)
            for address in addresses
        ]
        self._by_name = {host.name: host for host in self.hosts}
        self._abilities: Abilities | None = None
        self._by_ticket: dict[Ticket, Task] = {}
        self._former: dict[str, str] = {}

    @property
    def abilities(self) -> Abilities:
        """What the hosts can do that were reached; connects to them first. Raises
        RemoteError if none was.
        """
        if self._abilities is None:
            self.open()
        assert self._abilities is not None
        return self._abilities

    @property
    def reached(self) -> list[Host]:
        return [host for host in self.hosts if host.hello]

    def open(self) -> None:
        """Connects to all hosts at once; those that cannot be reached are left out as
        long as one can.
        """
        failures: dict[str, MltrackError] = {}

        def connect(host: Host) -> None:
            try:
                host.open()
            except MltrackError as error:
                host.trouble = failures[host.name] = error

        # a connection takes 100-350 ms, a dead host 15 s: side by side
        threads = [
            threading.Thread(target=connect, args=(host,)) for host in self.hosts[1:]
        ]
        for thread in threads:
            thread.start()
        connect(self.hosts[0])
        for thread in threads:
            thread.join()
        if not self.reached:
            raise failures[self.hosts[0].name]
        capacity: dict[str, float] = {}
        # for the claims of one job: the largest host counts, not their sum
        for host in self.reached:
            for name, amount in host.capacity().items():
                capacity[name] = max(capacity.get(name, 0.0), amount)
        self._abilities = Abilities(
            works=Works.APART,
            survives=True,
            queues=True,
            left_out={name: error.message for name, error in failures.items()},
            # a job may go to any of them, and an output without a digest must not stay
            leaves=all(host.hashes for host in self.reached),
            capacity=capacity,
        )

    def report(self) -> list[MachineReport]:
        with suppress(MltrackError):
            self.open()
        return [report_of(host) for host in self.hosts]

    def silent(self) -> dict[str, str]:
        self._try_to_open()
        return {
            host.name: host.trouble.message if host.trouble else ""
            for host in self.hosts
            if not host.hello
        }

    def jobs(self) -> list[KnownJob]:
        self._try_to_open()
        return [job for host in self.reached for job in jobs_of(host)]

    def _try_to_open(self) -> None:
        # a host that did not answer a moment ago would cost its timeout once more
        if self._abilities is None and not any(host.trouble for host in self.hosts):
            with suppress(MltrackError):
                self.open()

    def follow(self, job: KnownJob, offset: int, seconds: float) -> tuple[str, bytes]:
        row, data = self._host_of(job).watch(job.key, job.number, offset, seconds)
        return str(row["state"]), data

    def values(self, job: KnownJob) -> dict[str, float]:
        return values_in(self._host_of(job).request(Known([job.key])))

    def end(self, job: KnownJob) -> None:
        self._host_of(job).request(Cancel([[job.key, job.number]]))

    def drop(self, job: KnownJob) -> None:
        self._host_of(job).request(Take(job.key, job.number))

    def _host_of(self, job: KnownJob) -> Host:
        host = self._by_name.get(job.host)
        if host is None or not host.hello:
            raise RemoteError(
                f"{job.host} cannot be reached",
                hint=f"mltrack runner check {self.name}",
            )
        return host

    def recover(self) -> list[str]:
        """Nothing is ended: jobs go on, and are found again. What a killed process had
        half received is removed.
        """
        # another command of this project may be receiving now: its own stay
        remove_stale_temporaries(self._scratch)
        return []

    def lacks(self, resources: Mapping[str, float]) -> Shortage | None:
        needed = {
            name: amount
            for name, amount in resources.items()
            if name not in NOT_COUNTED and amount
        }
        most = self.abilities.capacity
        for name, amount in needed.items():
            there = most.get(name, 0.0)
            if there < amount:
                return Shortage(
                    name, amount, f"{amount:g} of {name!r}; {self.name} has {there:g}"
                )
        if any(
            all(
                host.capacity().get(name, 0.0) >= amount
                for name, amount in needed.items()
            )
            for host in self.reached
        ):
            return None
        wanted = ", ".join(f"{amount:g} of {name!r}" for name, amount in needed.items())
        name, amount = next(iter(needed.items()))
        return Shortage(name, amount, f"{wanted}; no host of {self.name} has all of it")

    def submit(self, job: Job, origin: Origin | None = None) -> Ticket:
        self.abilities  # noqa: B018 - connects
        with self._board.changed:
            for task in self._board.tasks:
                if job.key and task.job.key == job.key and task.phase is not Phase.OVER:
                    return task.ticket
        self._refuse_unknown_state(job)
        # 32 characters: a host ends no leftovers by a token of another length
        token = secrets.token_hex(16)
        os.makedirs(self._logs_path, exist_ok=True)
        log_path = os.path.join(self._logs_path, f"{job.key or 'no-key'}-{token}.log")
        with opened(log_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644):
            pass
        ticket = Ticket(self.name, job.key, token, log_path)
        task = Task(
            job,
            ticket,
            origin,
            token,
            temporary_path(self._scratch),
        )
        make_directories(self._scratch)
        with self._board.changed:
            self._by_ticket[ticket] = task
            self._board.tasks.append(task)
            self._assign()
            self._board.tell()
        return ticket

    def _refuse_unknown_state(self, job: Job) -> None:
        """A job that may be running where nobody can ask is not started once more; one
        that another host knows of, which shares the directory, can be asked for.
        """
        key, reached = job.key, {host.name for host in self.reached}
        if any(is_found(host.known.get(key), job) for host in self.reached):
            return
        for noted in self._tickets.of(key) if key else ():
            if noted.runner == self.name and noted.host not in reached:
                raise RemoteError(
                    f"its job is on {noted.host}, which cannot be reached",
                    hint=(
                        "once it is back, run this again; `mltrack job cancel "
                        f"{key[:12]}` gives the job up"
                    ),
                )

    def _assign(self) -> None:
        """Gives waiting tasks to hosts; the caller holds the board."""
        for task in self._board.tasks:
            if task.phase is not Phase.WAITING:
                continue
            if task.wants_end:
                task.poll, task.phase = Poll(State.CANCELLED), Phase.OVER
                continue
            host = host_for(task, self.reached, self._board.tasks, self._former)
            fit = fit_for(task.job, self.reached)
            # nobody is left who could take it: to wait would be for ever
            if all(one.is_given_up for one in fit):
                problem = next(
                    (one.trouble.message for one in fit if one.trouble is not None),
                    "no host is left",
                )
                task.poll, task.phase = (
                    Poll(State.UNREACHABLE, problem=problem),
                    Phase.OVER,
                )
                self._board.tell()
            elif host is not None:
                task.host, task.phase = host.name, Phase.CLAIMED
                # with the first job only: until then the connection answers other
                # questions
                host.start()
                host.wake()
                self._board.tell()

    def holds(self, job: Job) -> str:
        for host in self.reached:
            row = host.known.get(job.key)
            if row is not None and job.key and is_found(row, job):
                return str(row["state"])
        return ""

    def poll(self, asked: Mapping[Ticket, Seen]) -> dict[Ticket, Poll]:
        return {ticket: self._poll(ticket, seen) for ticket, seen in asked.items()}

    def _poll(self, ticket: Ticket, seen: Seen) -> Poll:
        task = self._by_ticket.get(ticket)
        if task is None:
            return Poll(State.LOST)
        with self._board.changed:
            # while the board is held: whatever changes after this ends the next wait
            self._serial = self._board.serial
            host = self._by_name.get(task.host)
            trouble = host.trouble if host is not None else None
            poll = task.present(trouble.message if trouble else "")
        items = poll.items[seen.items :]
        return replace(poll, log=read_log(ticket, seen.log), items=items)

    def fetch(self, ticket: Ticket) -> None:
        task = self._by_ticket[ticket]
        for item in task.job.items:
            for path in item.outputs:
                arrived, place = (
                    os.path.join(task.scratch, path),
                    os.path.join(self._root, path),
                )
                if os.path.lexists(arrived):
                    make_directories(os.path.dirname(place))
                    # by renaming, unless the output stands on another file system
                    shutil.move(arrived, place)
        discard(task.scratch)

    def wait(self, seconds: float) -> None:
        with self._board.changed:
            self._assign()
            self._board.changed.wait_for(
                lambda: self._board.serial != self._serial, seconds
            )

    def cancel(self, tickets: list[Ticket]) -> None:
        tasks = [
            self._by_ticket[ticket] for ticket in tickets if ticket in self._by_ticket
        ]
        with self._board.changed:
            for task in tasks:
                task.wants_end = True
            self._assign()
            self._board.tell()
        for host in self.hosts:
            host.wake()
        with self._board.changed:
            self._board.changed.wait_for(
                lambda: all(task.phase is Phase.OVER for task in tasks),
                # seconds: the grace that a host gives, and as much for the way
                2 * GRACE_SECONDS,
            )

    def detach(self, ticket: Ticket) -> bool:
        task = self._by_ticket[ticket]
        with self._board.changed:
            task.may_queue = True
            self._assign()
            # without a limit: gigabytes of inputs may have to be sent first
            self._board.changed.wait_for(
                lambda: (
                    task.phase in (Phase.RECEIVING, Phase.OVER)
                    # only an answer after the start shows that it was not over already
                    or (task.phase is Phase.WATCHED and bool(task.seen))
                )
            )
            return task.phase is Phase.WATCHED

    def settle(self, ticket: Ticket) -> None:
        self._take(ticket, rejected=False)

    def reject(self, ticket: Ticket) -> None:
        self._take(ticket, rejected=True)

    def _take(self, ticket: Ticket, *, rejected: bool) -> None:
        task = self._by_ticket[ticket]
        if task.poll.state is not State.DONE:
            code = task.poll.exit_code
            note_failure(
                ticket, task.job.label, task.poll.state.value, code, task.started
            )
        if task.poll.state is State.UNREACHABLE or task.phase is not Phase.OVER:
            return  # it may go on: its ticket says where
        host = self._by_name.get(task.host)
        if host is not None:
            # else `holds` would name this attempt where a new one is started
            host.known.pop(task.job.key, None)
            if task.poll.state is not State.DONE:
                self._former[task.job.key] = host.name
            is_useless = rejected or task.is_damaged
            host.take(
                task, held=bool(task.poll.left) and not is_useless, rejected=is_useless
            )
        # also those of processes that were killed
        for noted in list(self._tickets.of(task.key)):
            self._tickets.forget(noted.key, noted.attempt)
        discard(task.scratch)

    def forget(self, ticket: Ticket) -> None:
        task = self._by_ticket.pop(ticket, None)
        if task is not None:
            with self._board.changed:
                self._board.tasks.remove(task)
            discard(task.scratch)
            self._tickets.forget(task.key, ticket.attempt)
        for path in (ticket.log_path, note_path(ticket.log_path)):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def close(self) -> None:
        threads = [threading.Thread(target=host.close) for host in self.hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def bring(self, contents: list[Content]) -> list[Content]:
        """Gets contents that the hosts hold into the cache; returns those that they
        did.
        """
        found = self.holding(contents)
        for host in self.reached:
            if host.name in found:
                host.fetch_objects(found[host.name])
        return [content for own in found.values() for content in own]

    def release(self, keys: set[str]) -> None:
        """Lets go of results that were left on purpose: they are here now."""
        for host in self.reached:
            for key in keys & host.known.keys():
                number = host.known[key]["number"]
                host.request(Take(key, number))

    def holding(self, contents: Sequence[Content]) -> dict[str, list[Content]]:
        """Returns which of the contents are on which host, each on the first one that
        has it all.
        """
        self.abilities  # noqa: B018 - connects
        found: dict[str, list[Content]] = {}
        rest = list(contents)
        for host in self.reached:
            reply = host.request(Has([list(content) for content in rest]))
            here = [
                content
                for content, is_here in zip(rest, reply["has"], strict=True)
                if is_here
            ]
            if here:
                found[host.name] = here
                rest = [content for content in rest if content not in here]
        return found
