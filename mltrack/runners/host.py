"""One host of a runner: its connection, its jobs, and the thread that asks about them.

The thread starts jobs, watches them and takes their results. What is small travels on
its connection; what is large on one more, in a thread of its own, so that no job waits
to be started, nor its end to be noticed, while gigabytes move. A lost connection is
made anew; the jobs know nothing of it.
"""

import os
import select
import threading
import time
from contextlib import suppress
from typing import Any

from mltrack.errors import IntegrityError, MltrackError, RemoteError
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm
from mltrack.runners import moving
from mltrack.runners.acquaintance import connect
from mltrack.runners.capacity import CPUS, GPUS, MEMORY
from mltrack.runners.connection import Address, Connection
from mltrack.runners.errands import SMALL_TRANSFER, Errands
from mltrack.runners.job import Poll, State
from mltrack.runners.task import Board, HostSettings, Phase, Task
from mltrack.runners.tickets import Tickets
from mltrack.runners.tries import Tries
from mltrack.runners.worker.messages import (
    Cancel,
    Holders,
    Known,
    Request,
    Take,
    Watch,
)
from mltrack.runners.worker.slots import Gpu, Slot
from mltrack.store.local.cache import Cache
from mltrack.store.local.caches import Caches

# seconds for which a question stays open; news come at once, so this is only traffic
_WATCH_SECONDS = 20.0


class Host:
    """One host. ``hello`` is what it said of itself when it was last connected to,
    ``known`` the jobs it knew when it was opened, by key; ``trouble`` what is wrong
    with the way there, and ``is_given_up`` that it was tried for long enough.
    """

    def __init__(
        self,
        address: Address,
        settings: HostSettings,
        board: Board,
        cache: Cache,
        tickets: Tickets,
    ) -> None:
        self.address, self.settings = address, settings
        self.hello: dict[str, Any] = {}
        self.known: dict[str, dict[str, Any]] = {}
        self.trouble: MltrackError | None = None
        self._board, self._caches = board, Caches(cache)
        self._errands = Errands(self.name, settings, board, self._caches, tickets)
        self._connection: Connection | None = None
        self._mover: Connection | None = None
        # there is one second connection: large transfers take turns on it
        self._moving = threading.Lock()
        self._taken: list[Take] = []
        self.is_given_up = False
        self._watched: list[Any] = []
        # non-blocking: where the pipe is full, a wake-up is on its way already
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread: threading.Thread | None = None

    @property
    def name(self) -> str:
        return self.address.shown

    @property
    def algorithm(self) -> Algorithm:
        return self._caches.algorithm

    def open(self) -> None:
        """Connects, and asks what the host has and knows; raises RemoteError if that
        fails.
        """
        self._connection = self._connect()
        reply, _ = self._connection.request(Known())
        self.known = {row["key"]: row for row in reply["jobs"]}

    def capacity(self) -> dict[str, float]:
        """How much of each resource the host has: what the settings say, else what it
        says itself.
        """
        found = {
            CPUS: float(self.hello.get("cpus", 0)),
            MEMORY: float(self.hello.get("memory", 0)),
            GPUS: float(len(self.hello.get("gpus", []))),
        }
        return {**found, **self.settings.capacity}

    @property
    def hashes(self) -> bool:
        return bool(self.hello.get("hashes"))

    def problems(self) -> list[str]:
        """Returns what keeps the host from working, or from working well, each with
        what to do about it.
        """
        if self.trouble is not None:
            return [f"{self.trouble.message}; {self.trouble.hint}"]
        return (
            []
            if self.hashes
            else ["no xxhash or blake3 there: results are hashed when they are back"]
        )

    def request(self, message: Request) -> dict[str, Any]:
        """Asks one thing, before :meth:`start` was called."""
        if self._connection is None:
            self._connection = self._connect()
        return self._connection.request(message)[0]

    def watch(
        self, key: str, number: int, offset: int, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Returns the state of an attempt and its log from ``offset`` on, once either
        says something new or time is over; before :meth:`start` was called.
        """
        assert self._connection is not None
        rows = (
            [[key, number, offset, []]]
            if not seconds
            else [[key, number, offset, self._watched]]
        )
        reply, data = self._connection.request(Watch(rows, seconds))
        self._watched = [reply["jobs"][0]["state"], reply["jobs"][0].get("gpus", [])]
        return reply["jobs"][0], data

    def slots(self) -> list[Slot]:
        """Returns the GPUs and who holds them; before :meth:`start` was called."""
        rows = self.request(Holders())["slots"]
        return [
            Slot(Gpu(*gpu), holder, bool(is_foreign))
            for gpu, holder, is_foreign in rows
        ]

    def fetch_objects(self, contents: list[Content]) -> None:
        """Gets contents that are here into the cache; before :meth:`start` was called."""
        assert self._connection is not None
        moving.fetch_objects(self._connection, self._caches.get(), contents)

    def start(self) -> None:
        """Starts the thread, if it does not run."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"host {self.name}", daemon=True
            )
            self._thread.start()

    def wake(self) -> None:
        with suppress(BlockingIOError, OSError):
            os.write(self._wake_write, b"!")

    def close(self) -> None:
        """Ends thread and connections; jobs go on."""
        with self._board.changed:
            self._errands.closing.set()
            self._board.tell()
        self.wake()
        if self._thread is not None:
            # seconds; a job whose receipt gets lost is found, and taken, once more
            self._thread.join(10)
        for connection in (self._connection, self._mover):
            if connection is not None:
                connection.close()
        self._connection = self._mover = None

    def take(self, task: Task, *, held: bool, rejected: bool) -> None:
        """Tells the host, when it is next asked something, that a result has arrived:
        whether it leaves objects there, and whether it is of no use to anybody.
        """
        if task.number:
            with self._board.changed:
                self._taken.append(
                    Take(task.key, task.number, held=held, rejected=rejected)
                )
                self._board.changed.notify_all()
            self.wake()

    # the thread

    def _run(self) -> None:
        while True:
            with self._board.changed:
                while not (
                    self._errands.closing.is_set()
                    or self._mine(Phase.CLAIMED, Phase.WATCHED)
                    or self._taken
                ):
                    self._board.changed.wait()
                # receipts go out first: without one a host keeps a result for a month
                if self._errands.closing.is_set() and not self._taken:
                    return
            try:
                if self._connection is None:
                    self._connection = self._connect()
                self._turn(self._connection)
            except MltrackError as error:
                self._reconnect(error)
            except Exception as error:
                # a thread that dies in silence would leave everybody waiting
                self._give_up(
                    RemoteError(f"{self.name}: {type(error).__name__}: {error}")
                )

    def _mine(self, *phases: Phase) -> list[Task]:
        return [
            task
            for task in self._board.tasks
            if task.host == self.name and task.phase in phases
        ]

    def _turn(self, connection: Connection) -> None:
        """One round: what is to be told, what is to be started, then a look at all that
        runs.
        """
        for message in list(self._taken):
            self._tell(connection, message)
            # after the answer: a receipt sent twice does no harm, a lost one does
            self._taken.remove(message)
        with self._board.changed:
            claimed, watched = self._mine(Phase.CLAIMED), self._mine(Phase.WATCHED)
        ended = [task for task in watched if task.wants_end and not task.end_asked]
        cancel = Cancel([[task.key, task.number] for task in ended])
        # refused, it is asked again in the next round
        if ended and self._tell(connection, cancel):
            for task in ended:
                task.end_asked = True
        for task in claimed:
            self._guarded(connection, task, self._start)
        # what was started just now is watched in the same round
        with self._board.changed:
            watched = self._mine(Phase.WATCHED)
        if watched and not self._errands.closing.is_set():
            self._watch(connection, watched)

    def _tell(self, connection: Connection, message: Request) -> bool:
        """Tells the host something; returns whether it did as it was told. A refusal (of
        a full disk, say) is no reason to give up its jobs: what it did not note it
        tells once more.
        """
        try:
            connection.request(message)
        except MltrackError:
            if connection.is_lost:
                raise
            return False
        return True

    def _guarded(self, connection: Connection, task: Task, act: Any) -> None:
        """Does something for one task: its faults end it; those of the connection are
        everybody's.
        """
        state = State.FAILED
        try:
            act(connection, task)
            return
        except MltrackError as error:
            if connection.is_lost:
                raise
            problem = error.message
            task.is_damaged = isinstance(error, IntegrityError)
            # it was not started, and what was under way for it was broken off
            if task.wants_end and not task.number:
                state = State.CANCELLED
        except OSError as error:  # of this machine: no fault of the host's
            moving.discard(task.scratch)
            problem = f"here: {error.filename or ''}: {error.strerror or error}"
            # a job that was started goes on, and its result stays there: a failure
            # would be taken, and the host let go of it
            ended = (
                Poll(State.UNREACHABLE, place=self.name, problem=problem)
                if task.number
                else Poll(State.FAILED, problem=problem)
            )
            self._errands.end(task, ended)
            if connection.pending:
                raise connection.abandoned() from error
            return
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"{self.name} answers what makes no sense: {type(error).__name__}: {error}"
        self._errands.end(task, Poll(state, place=self.name, problem=problem))
        # its answers would be taken for those to other questions
        if connection.pending:
            raise connection.abandoned()

    def _start(self, connection: Connection, task: Task) -> None:
        # on the second connection nothing else has to wait
        much = connection is self._mover
        if self._errands.start(connection, task, much=much):
            self.wake()
        else:
            self._in_background(task, Phase.SENDING, self._start)

    def _watch(self, connection: Connection, watched: list[Task]) -> None:
        """Asks what is new, and waits for the answer; a wake-up ends the wait."""
        rows = [[task.key, task.number, task.offset, task.seen] for task in watched]
        connection.send(Watch(rows, _WATCH_SECONDS))
        watching = select.poll()
        for descriptor in (connection.descriptor, self._wake_read):
            watching.register(descriptor, select.POLLIN)
        # without a limit: the host answers in time, and ssh ends a dead connection
        is_woken = any(
            descriptor == self._wake_read for descriptor, _ in watching.poll()
        )
        if is_woken:
            with suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
            # any request ends the wait over there; this one asks about no job
            connection.send(Known([]))
        reply, data = connection.receive()
        if is_woken:
            connection.receive()
        at = 0
        for task, row in zip(watched, reply["jobs"], strict=True):
            piece = data[at : at + row["log"]]
            at += row["log"]
            self._guarded(
                connection,
                task,
                lambda _, task, row=row, piece=piece: self._errands.learn(
                    task, row, piece, hashes=self.hashes
                ),
            )
        # after all rows: outputs would keep the news of other jobs waiting
        for task in watched:
            if task.phase is Phase.RECEIVING:
                if task.outputs_size() > SMALL_TRANSFER:
                    self._in_background(task, Phase.RECEIVING, self._errands.receive)
                else:
                    # should the connection be lost on the way, it is found ended once
                    # more
                    task.phase = Phase.WATCHED
                    self._guarded(connection, task, self._errands.receive)

    def _in_background(self, task: Task, phase: Phase, act: Any) -> None:
        task.phase = phase
        threading.Thread(target=self._move, args=(task, act), daemon=True).start()

    def _move(self, task: Task, act: Any) -> None:
        """Does what takes long for a task, on the second connection; tries again where
        that is lost.
        """
        tries = Tries(self.settings.patience)
        while True:
            with self._moving:
                try:
                    if self._mover is None:
                        self._mover = self._connect()
                    self._guarded(self._mover, task, act)
                    return
                except Exception as error:
                    # its next answer may be to an old question: it is not used again
                    if self._mover is not None:
                        self._mover.close()
                    self._mover = None
                    # cancelled, or a fault of its own: another try changes nothing
                    if task.phase is Phase.OVER:
                        return
                    may_try = tries.note_loss(time.monotonic())
                    if (
                        self._errands.closing.is_set()
                        or not _may_pass(error)
                        or not may_try
                    ):
                        problem = (
                            error.message
                            if isinstance(error, MltrackError)
                            else f"{type(error).__name__}: {error}"
                        )
                        self._errands.end(
                            task,
                            Poll(State.UNREACHABLE, place=self.name, problem=problem),
                        )
                        return
            # outside of the lock: another transfer may find the way free
            time.sleep(tries.pause)

    # the connection

    def _connect(self) -> Connection:
        connection, self.hello = connect(self.address, self.settings, self.algorithm)
        self.trouble = None
        return connection

    def _reconnect(self, error: MltrackError) -> None:
        """Connects again after the connection was lost; gives up the jobs behind it if
        that fails for long.
        """
        tries = Tries(self.settings.patience)
        while True:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if (
                self._errands.closing.is_set()
                or not _may_pass(error)
                or not tries.note_loss(time.monotonic())
            ):
                break
            with self._board.changed:
                self.trouble = error
                self._board.tell()
            time.sleep(tries.pause)
            try:
                self._connection = self._connect()
                return
            except MltrackError as another:
                error = another
        self._give_up(error)

    def _give_up(self, error: MltrackError) -> None:
        with self._board.changed:
            self.trouble, self.is_given_up = error, True
            # what they were about is found, and taken, by the next command
            self._taken.clear()
            for task in self._mine(Phase.CLAIMED, Phase.WATCHED):
                task.poll = Poll(
                    State.UNREACHABLE, place=self.name, problem=error.message
                )
                task.phase = Phase.OVER
            self._board.tell()


def _may_pass(error: Exception) -> bool:
    return isinstance(error, RemoteError) and error.retryable
