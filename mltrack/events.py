"""What happened, as frozen records.

The engine and the stores yield these; a progress line, ``--json`` and a test are three readers of one stream.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """``done`` of ``total`` units of ``what`` are finished; ``total`` is 0 when it is not known yet."""

    what: str
    done: int
    total: int = 0


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    stage: str
    commands: tuple[str, ...]
    reasons: tuple[str, ...]
    job: str = ""


@dataclass(frozen=True, slots=True)
class StageOutput(Event):
    """A piece of what the stage's command printed; both of its streams, as written."""

    stage: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StageFinished(Event):
    """The stage ran and its result is recorded, unless ``unrecorded`` says why it is not."""

    stage: str
    seconds: float
    unrecorded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageSkipped(Event):
    stage: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class StageRestored(Event):
    """The outputs came from the cache: of the last result, or of an earlier one in the run cache."""

    stage: str
    reasons: tuple[str, ...]
    from_run_cache: bool = False


@dataclass(frozen=True, slots=True)
class StageFailed(Event):
    stage: str
    message: str
    exit_code: int | None
    last_lines: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class BytesSaved(Event):
    """Bytes that existed only in the workspace were saved to the cache before they were replaced."""

    path: str
    digest: str
