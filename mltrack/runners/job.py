"""Jobs and tickets: one attempt at running something, and the handle to ask again, as
plain data.

A runner knows commands, directories, inputs by digest and wanted outputs; nothing of
stages, git or the lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from mltrack.objects.content import Content
from mltrack.pipeline.stage import LIVE, StopRule
from mltrack.runners.worker.slots import Slot


@dataclass(frozen=True, slots=True)
class Item:
    """A unit of a job: the commands to run, one after another. A plain stage is one
    item; others send many.
    """

    id: str
    commands: tuple[str, ...]
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a runner needs. ``key`` is the run key: submitting it twice must find
    the first attempt.

    ``directory`` is where the commands start, relative to the root of the files;
    ``inputs`` are what must stand there. ``variables`` are set on top of the
    surrounding environment, ``unset`` ones are taken out of it. ``resources`` are
    claims by name. ``timeout`` is in seconds, for all commands together. With
    ``isolated`` the commands find the inputs and nothing else of the project; ``files``
    are inputs whose bytes differ from what stands in the project. ``kept`` are outputs
    that the commands go on from. ``trace`` says how to note which files they open: ''
    for not at all.

    ``project`` names the project to whoever lists jobs. ``fresh`` wants a new attempt,
    even where an earlier one ended well. ``left`` are outputs whose bytes may stay
    where they were made. ``checkpoint`` is a directory that the commands save their
    state in; it is kept when an attempt does not end well, and stands there again for
    the next one. ``live`` is the directory below which the commands log, relative to the
    root; ``stop`` are the rules by which they are ended, from what they log; with
    ``monitor`` the machine is sampled there while they run.
    """

    key: str
    label: str
    shell: str
    directory: str
    items: tuple[Item, ...]
    inputs: dict[str, Content] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    resources: dict[str, float] = field(default_factory=dict)
    timeout: float | None = None
    isolated: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    trace: str = ""
    project: str = ""
    fresh: bool = False
    left: frozenset[str] = frozenset()
    checkpoint: str = ""
    unset: tuple[str, ...] = ()
    live: str = LIVE
    stop: tuple[StopRule, ...] = ()
    monitor: bool = False


class Origin(Protocol):
    """Where the bytes of a job's inputs are to be had, for a runner that does not share
    the project's files.
    """

    def find(self, hex_digest: str) -> bytes | str | None:
        """Returns an object's bytes, or the path of a file that holds them and should
        not have changed; None if it is not to be had here.
        """
        ...

    def trees_below(self, hex_digest: str) -> list[str]:
        """Returns the digests of all trees at and below a tree whose listings are here,
        itself included; none for what is not known to be a tree.
        """
        ...


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item of a job."""

    id: str
    exit_code: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A submitted job: which runner has it, under which name, and where its log is."""

    runner: str
    key: str
    attempt: str
    log_path: str


class State(Enum):
    """Where a job stands. QUEUED is under way as RUNNING is: its inputs are being sent,
    or it waits for its resources. LOST is gone without a result; UNREACHABLE may well
    go on, where nobody can ask for it now.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    UNREACHABLE = "unreachable"

    @property
    def is_over(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


class Failure(Enum):
    """Why a job did not end well."""

    USER = "user"  # the command says no
    TIMEOUT = "timeout"
    STOPPED = "stopped"  # by a stop rule of the stage
    MEMORY = "memory"  # the machine's, and the kernel ended the command
    GPU_MEMORY = "gpu-memory"
    PREEMPTED = "preempted"
    BAD_NODE = "bad-node"
    LOST = "lost"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"


class Seen(NamedTuple):
    """What whoever asks knows of a job already: so many bytes of its log, and the
    results of so many items.
    """

    log: int = 0
    items: int = 0


@dataclass(frozen=True, slots=True)
class Poll:
    """What is known of a job now. ``log`` and ``items`` start behind what was seen;
    ``exit_code`` is negative for a signal.

    ``failure`` is why it did not end well, where the runner knows that by itself: a
    scheduler that ended it, a timeout. ``peak_memory`` is that of the largest process,
    in bytes. ``reads`` and ``writes`` are the paths, relative to the root, that a
    traced job opened. ``place`` is the host that has the job, where the runner is more
    than one machine, ``gpus`` the names of its GPUs. ``problem`` says what kept it from
    ending well, where that was not the command. ``left`` are outputs whose bytes stayed
    there. ``seconds`` is how long the commands took by the clock of who ran them.
    ``was_over`` says that the job was found, and had ended by then. ``sent`` are the
    bytes of inputs that were sent for it. With ``is_resumed`` it goes on from the
    checkpoint of an earlier attempt. ``stopped`` is why a stop rule ended it.
    ``logged`` are outputs of one that failed which can be fetched all the same.
    """

    state: State
    exit_code: int | None = None
    log: bytes = b""
    command: str = ""
    peak_memory: int = 0
    failure: Failure | None = None
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    items: tuple[ItemResult, ...] = ()
    place: str = ""
    gpus: tuple[str, ...] = ()
    problem: str = ""
    left: dict[str, Content] = field(default_factory=dict)
    seconds: float | None = None
    was_over: bool = False
    sent: int = 0
    is_resumed: bool = False
    stopped: str = ""
    logged: tuple[str, ...] = ()


class Shortage(NamedTuple):
    """What a runner has too little of for a job: one resource and its amount, and all
    of it in words.
    """

    resource: str
    amount: float
    words: str


class Works(Enum):
    """Where the commands of a runner run: in the workspace itself, or in a place of
    their own that is given what they read.
    """

    IN_PLACE = "in place"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a runner can do, each in one sentence.

    ``works``: where commands run. ``survives``: a job goes on when this process ends,
    and is found again by its key. ``queues``: jobs may wait there for what they claim.
    ``leaves``: outputs may stay where commands run, known by their digests.
    ``capacity`` is how much of each resource one job can claim at most; claims on
    others are refused. ``left_out`` are the hosts that cannot be reached, where others
    can, each with the error that says why.
    """

    works: Works
    survives: bool
    queues: bool = False
    leaves: bool = False
    capacity: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job that a runner knows of, whoever submitted it. ``age`` is in seconds since
    then, by one clock; ``token`` is its ticket's attempt. ``is_taken`` says that
    somebody has its result.
    """

    key: str
    label: str
    project: str
    host: str
    number: int
    state: str
    token: str
    gpus: tuple[str, ...] = ()
    exit_code: int | None = None
    age: float = 0.0
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class MachineReport:
    """What one machine of a runner has, none of it known where it cannot be reached;
    who holds its GPUs. ``problems`` are what keeps it from working, ``notes`` what may
    surprise.
    """

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        facts: dict[str, Any],
        slots: Sequence[Slot],
        problems: Sequence[str],
        notes: Sequence[str] = (),
    ) -> "MachineReport":
        """Returns a report that also notes which GPUs are in use by others."""
        foreign = [slot.gpu.name for slot in slots if slot.is_foreign]
        in_use = (
            [
                f"GPU {', '.join(foreign)}: its memory is in use by programs that are "
                "not mltrack's"
            ]
            if foreign
            else []
        )
        return cls(name, facts, tuple(slots), tuple(problems), (*in_use, *notes))
