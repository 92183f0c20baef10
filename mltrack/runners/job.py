"""Jobs and tickets: one attempt at running something, and the handle to ask again, as plain data.

A runner knows commands, directories, inputs by digest and wanted outputs; nothing of stages, git or the lock.
"""

from dataclasses import dataclass, field
from enum import Enum

from mltrack.objects.content import Content


@dataclass(frozen=True, slots=True)
class Item:
    """A unit of a job: the commands to run, one after another. A plain stage is one item; others send many."""

    id: str
    commands: tuple[str, ...]
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a runner needs. ``key`` is the run key: submitting it twice must find the first attempt.

    ``directory`` is where the commands start, relative to the root of the files; ``inputs`` are what must stand there.
    ``variables`` are set on top of the surrounding environment. ``resources`` are claims by name. ``timeout`` is in
    seconds. With ``isolated`` the commands find the inputs and nothing else of the project; ``files`` are inputs whose
    bytes differ from what stands in the project. ``kept`` are outputs that the commands go on from. ``trace`` says how
    to note which files they open: '' for not at all.
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


@dataclass(frozen=True, slots=True)
class Ticket:
    """A submitted job: which runner has it, under which name, and where its log is."""

    runner: str
    key: str
    attempt: str
    log_path: str


class State(Enum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Poll:
    """What is known of a job now. ``log`` starts at the offset asked for; ``exit_code`` is negative for a signal.

    ``peak_memory`` is that of the largest process, in bytes. ``reads`` and ``writes`` are the paths, relative to the root,
    that a traced job opened.
    """

    state: State
    exit_code: int | None = None
    log: bytes = b""
    command: str = ""
    peak_memory: int = 0
    timed_out: bool = False
    out_of_memory: bool = False
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a runner can do, each in one sentence.

    ``shares_files``: it works in the workspace itself. ``survives``: a job goes on when this process ends.
    ``capacity`` is how much of each resource there is; claims on others are refused.
    """

    shares_files: bool
    survives: bool
    capacity: dict[str, float] = field(default_factory=dict)
