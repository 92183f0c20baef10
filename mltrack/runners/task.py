"""A job under way on a host, and what the threads of a runner share about it."""

import threading
import time
from base64 import b64encode
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from mltrack.runners.job import Job, Origin, Poll, State, Ticket

PATIENCE_SECONDS = 120.0
"""How long a lost connection is tried again before the jobs behind it are given up for
this command.
"""


class Phase(Enum):
    """What is to be done next for a task, and by whom."""

    WAITING = "waiting"  # for a host
    CLAIMED = "claimed"  # to be started by its host's thread
    SENDING = "sending"  # its inputs are on their way, in a thread of their own
    WATCHED = "watched"
    RECEIVING = "receiving"  # its outputs are on their way
    OVER = "over"


@dataclass(slots=True, eq=False)
class Task:
    """A job under way. ``scratch`` is where its outputs arrive, ``host`` the name of
    the host that has it. With ``may_queue`` it may wait at a host behind any number of
    others.
    """

    job: Job
    ticket: Ticket
    origin: Origin | None
    token: str
    scratch: str
    phase: Phase = Phase.WAITING
    host: str = ""
    number: int = 0
    offset: int = 0
    seen: list[Any] = field(default_factory=list)
    poll: Poll = field(default_factory=lambda: Poll(State.QUEUED))
    is_found: bool = False
    was_over: bool = False
    is_resumed: bool = False
    may_queue: bool = False
    is_damaged: bool = False
    sent: int = 0
    wants_end: bool = False
    end_asked: bool = False
    started: float = field(default_factory=time.time)

    @property
    def key(self) -> str:
        # without a run key: a key that no other client has, so that none finds it
        return self.job.key or f"none-{self.token}"

    def present(self, problem: str) -> Poll:
        """Returns what is known of the job now; ``problem`` is what is wrong with the
        way to its host, which says nothing of one that is over.
        """
        facts: dict[str, Any] = {"was_over": self.was_over, "sent": self.sent}
        poll = replace(self.poll, **facts, is_resumed=self.is_resumed)
        if self.phase is Phase.OVER:
            return poll
        # it is over there, and on its way here
        state = State.RUNNING if poll.state.is_over else poll.state
        return Poll(
            state,
            items=poll.items,
            place=poll.place,
            gpus=poll.gpus,
            problem=problem,
            is_resumed=self.is_resumed,
            **facts,
        )

    def outputs_size(self) -> float:
        """How many bytes are to come back; without end where the host does not know."""
        coming = [
            content
            for path, content in self.poll.left.items()
            if path not in self.job.left
        ]
        return (
            sum(content.size for content in coming)
            if all(content.hex for content in coming)
            else float("inf")
        )

    def spec(self, settings: "HostSettings") -> dict[str, Any]:
        """Returns the job as a host is asked for it."""
        job = self.job
        return {
            "key": self.key,
            "token": self.token,
            "label": job.label,
            "project": job.project,
            "shell": job.shell,
            "directory": job.directory,
            "setup": settings.setup,
            "timeout": job.timeout,
            "checkpoint": job.checkpoint,
            "live": job.live,
            "stop": [list(rule) for rule in job.stop],
            "monitor": job.monitor,
            "items": [
                {"id": item.id, "commands": item.commands, "outputs": item.outputs}
                for item in job.items
            ],
            "inputs": [
                [path, *content]
                for path, content in job.inputs.items()
                if path not in job.files
            ],
            # params files as this run sees them: small enough for the message itself
            "files": {
                path: b64encode(data).decode() for path, data in job.files.items()
            },
            "kept": list(job.kept),
            "variables": job.variables,
            "unset": list(job.unset),
            "resources": job.resources,
        }


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What the config says of a runner's hosts. ``capacity`` stands in for what a host
    says of itself; ``locks`` is the directory of GPU locks there, '' for the usual one;
    ``limit`` bounds the host's objects, in bytes; ``setup`` is shell text that runs
    before each command.
    """

    runner: str
    capacity: dict[str, float]
    locks: str
    limit: int
    setup: str
    patience: float = PATIENCE_SECONDS


class Board:
    """What the threads of a runner share; every change is made while ``changed`` is
    held, and told to it.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.tasks: list[Task] = []
        self.serial = 0

    def tell(self) -> None:
        self.serial += 1
        self.changed.notify_all()
