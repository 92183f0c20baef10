"""What is done for one task over a connection to its host: started, learned about, its
outputs received.
"""

import os
import threading
import time
from dataclasses import replace
from typing import Any

from mltrack.disk.durable import opened, write_all
from mltrack.errors import RemoteError
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm
from mltrack.runners import moving
from mltrack.runners.answers import RAW, digests_in, poll_of
from mltrack.runners.connection import Connection
from mltrack.runners.job import Poll, State
from mltrack.runners.task import Board, HostSettings, Phase, Task
from mltrack.runners.tickets import Noted, Tickets
from mltrack.runners.worker.messages import Start
from mltrack.store.local.caches import Caches

SMALL_TRANSFER = 4 << 20
"""In bytes. More than that travels on a connection of its own, so that nothing else of
the host's waits for it.
"""
_MAX_ROUNDS = 64
"""How often what a host lacks is sent before it is taken to lose it."""


class Errands:
    """Those of one host. ``closing`` is set once nothing new is to be begun."""

    def __init__(
        self,
        host: str,
        settings: HostSettings,
        board: Board,
        caches: Caches,
        tickets: Tickets,
    ) -> None:
        self._host, self._settings, self._board = host, settings, board
        self._caches, self._tickets = caches, tickets
        self.closing = threading.Event()

    @property
    def algorithm(self) -> Algorithm:
        return self._caches.algorithm

    def start(self, connection: Connection, task: Task, *, much: bool) -> bool:
        """Starts a task, or finds it under way; what the host lacks is sent first.
        Returns False where that is a lot, and ``much`` does not allow it.
        """
        spec = task.spec(self._settings)
        # after each sending once more: only a tree that is there says what it lacks
        for _ in range(_MAX_ROUNDS):
            # looked at before each try: a job that never started needs nobody to end it
            if task.wants_end:
                self.end(task, Poll(State.CANCELLED, place=self._host))
                return True
            reply, data = connection.request(Start(spec, task.job.fresh))
            if "missing" not in reply:
                break
            lacking = digests_in(data, self.algorithm)
            if not much and self._size_of(task, lacking) > SMALL_TRANSFER:
                return False
            self._send(connection, task, lacking)
        else:
            raise RemoteError(
                f"{self._host} does not keep what it is sent",
                hint="is its disk full? `mltrack runner check`",
            )
        self._tickets.note(self._noted(task, int(reply["number"])))
        with self._board.changed:
            task.number, task.is_found, task.phase = (
                int(reply["number"]),
                bool(reply["found"]),
                Phase.WATCHED,
            )
            task.is_resumed = bool(reply.get("resumed"))
            task.poll = Poll(State.QUEUED, place=self._host)
            self._board.tell()
        return True

    def _noted(self, task: Task, number: int) -> Noted:
        return Noted(
            runner=self._settings.runner,
            host=self._host,
            key=task.key,
            number=number,
            attempt=task.ticket.attempt,
            label=task.job.label,
            submitted=round(time.time(), 3),
            log_path=task.ticket.log_path,
        )

    def _send(self, connection: Connection, task: Task, lacking: list[str]) -> None:
        if task.origin is None:
            raise RemoteError(f"{self._host} lacks inputs of {task.job.label}")
        task.sent += moving.send_objects(
            connection,
            task.origin,
            self.algorithm,
            lacking,
            lambda: task.wants_end or self.closing.is_set(),
        )

    def _size_of(self, task: Task, lacking: list[str]) -> int:
        total = 0
        for hex_digest in lacking:
            found = task.origin.find(hex_digest) if task.origin is not None else None
            total += (
                len(found)
                if isinstance(found, bytes)
                else os.stat(found).st_size
                if found is not None
                else 0
            )
            # only whether it is a lot counts: no stat of 100,000 more files
            if total > SMALL_TRANSFER:
                break
        return total

    def learn(
        self, task: Task, row: dict[str, Any], piece: bytes, *, hashes: bool
    ) -> None:
        """Notes what a host says of a task, and what its log has grown by."""
        if piece:
            with opened(
                task.ticket.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
            ) as log:
                write_all(log, piece)
            task.offset += len(piece)
        state = State(row["state"])
        # by the first answer: one that was at work, and printed nothing, is no such
        if not task.seen and task.offset == len(piece):
            task.was_over = task.is_found and state.is_over
        gpus = tuple(map(str, row.get("gpus", [])))
        # no state equals []: the host then sends the rest of a log without waiting
        task.seen = (
            [row["state"], row.get("gpus", [])] if not (state.is_over and piece) else []
        )
        if not state.is_over:
            with self._board.changed:
                task.poll = Poll(state, place=self._host, gpus=gpus)
                self._board.tell()
        elif not piece:
            # its end counts here once its log is complete
            task.poll = poll_of(task, row, self._host, self.algorithm, hashes=hashes)
            # of one that failed, what it logged
            if state is State.DONE or (state is State.FAILED and task.poll.left):
                task.phase = Phase.RECEIVING
                return
            self.end(task, task.poll)

    def receive(self, connection: Connection, task: Task) -> None:
        """Gets the outputs of a job that is done, but for those that may stay, or of one
        that failed what it logged; then it is over.
        """
        is_done = task.poll.state is State.DONE
        left: dict[str, Content] = {}
        # files are only ever created: what a lost connection left would be in the way
        moving.discard(task.scratch)
        os.makedirs(task.scratch, exist_ok=True)
        for path, content in task.poll.left.items():
            if task.wants_end:  # it stays done, for the next one to take
                self.end(task, task.poll)
                return
            target = os.path.join(task.scratch, path)
            if content.kind == RAW:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                moving.receive_raw(connection, task.key, task.number, path, target)
            elif path in task.job.left and is_done:
                left[path] = content
            else:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                moving.receive_output(
                    connection, self.algorithm, self._caches.get(), content, target
                )
        # the lock will name what stays: its listings must be readable without the host
        moving.fetch_listings(connection, self._caches.get(), left.values())
        logged = () if is_done else tuple(task.poll.left)
        self.end(task, replace(task.poll, left=left, logged=logged))

    def end(self, task: Task, poll: Poll) -> None:
        """Notes that a task is over, and how."""
        with self._board.changed:
            task.poll, task.phase = poll, Phase.OVER
            self._board.tell()
