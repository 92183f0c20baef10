"""What happens to stages, as frozen records: typed causes and values, never sentences.
Words are the reader's affair.
"""

from typing import NamedTuple

from mltrack.engine.fault import Fault
from mltrack.events import Progress
from mltrack.pipeline.reason import Reason


class Tick(NamedTuple):
    """Time has passed, and nothing else happened: for readers that show how long
    something takes.
    """


class StageStarted(NamedTuple):
    """The stage's command was started, or handed to ``runner``; ``reasons`` say why it
    was not skipped.
    """

    stage: str
    commands: tuple[str, ...]
    reasons: tuple[Reason, ...]
    job: str = ""
    runner: str = ""


class StageFound(NamedTuple):
    """The stage's job is at the runner already: under way, or ended and not taken.
    ``state`` says which.
    """

    stage: str
    reasons: tuple[Reason, ...]
    runner: str
    state: str


class StagePlaced(NamedTuple):
    """Where the stage's job is now: which host of the runner, which GPUs, whether it
    waits or runs, and what is wrong with the way there.
    """

    stage: str
    runner: str
    place: str = ""
    gpus: tuple[str, ...] = ()
    state: str = ""
    problem: str = ""


class StageDetached(NamedTuple):
    """The stage's job was handed over, and continues without this command."""

    stage: str
    runner: str
    place: str = ""


class StageOutput(NamedTuple):
    """A piece of what the stage's command printed; both of its streams, as written."""

    stage: str
    data: bytes


class StageFinished(NamedTuple):
    """The stage ran and its result is recorded, unless ``unrecorded`` says why it is
    not. ``earlier`` names the runner where it had ended before anyone asked: only its
    result was taken. ``sent`` are the bytes of inputs that were sent for it.
    """

    stage: str
    seconds: float
    unrecorded: tuple[Reason, ...] = ()
    earlier: str = ""
    sent: int = 0


class StageSkipped(NamedTuple):
    """Nothing changed, or the stage is frozen; ``is_away`` says that its outputs are
    known and were not brought here.
    """

    stage: str
    reasons: tuple[Reason, ...] = ()
    is_away: bool = False


class StageRestored(NamedTuple):
    """The outputs came from the cache: of the last result, or of an earlier one in the
    run cache.
    """

    stage: str
    reasons: tuple[Reason, ...]
    from_run_cache: bool = False


class StageFailed(NamedTuple):
    """The stage gave no result; ``last_lines`` are what its command printed last."""

    stage: str
    fault: Fault
    last_lines: tuple[str, ...] = ()


class StageRetried(NamedTuple):
    """The command failed and will be tried again after ``pause`` seconds; ``number`` is
    the try that comes. With ``is_extra`` the failure was none of the command's, and the
    try does not count as one of the stage's own.
    """

    stage: str
    fault: Fault
    number: int
    tries: int
    pause: float
    is_extra: bool = False


class StageWaiting(NamedTuple):
    """Another repro of this project is at work on the stage; its result is waited for."""

    stage: str


class UndeclaredReads(NamedTuple):
    """The command read files of the project that the stage does not declare."""

    stage: str
    paths: tuple[str, ...]


class UndeclaredWrites(NamedTuple):
    """A file of the project was written that no stage declares; ``stages`` are those
    that may have done it.
    """

    path: str
    stages: tuple[str, ...]


class CheckpointRestored(NamedTuple):
    """What an earlier attempt had saved of its state is in its place again."""

    stage: str
    path: str


class DataBrought(NamedTuple):
    """Inputs that were not here were fetched for a stage."""

    stage: str
    paths: tuple[str, ...]


class HostLeftOut(NamedTuple):
    """A host of a runner cannot be reached; the others do its work."""

    runner: str
    host: str
    error: str


class LeftoverEnded(NamedTuple):
    """A command that a killed ``repro`` had left running was ended."""

    stage: str


class MovedAside(NamedTuple):
    """What was at an output and cannot be represented was moved to another place, as it
    was.
    """

    path: str
    place: str


class BytesSaved(NamedTuple):
    """Bytes that existed only in the workspace were saved to the cache before they were
    replaced.
    """

    path: str
    digest: str


Event = (
    Progress
    | Tick
    | StageStarted
    | StageOutput
    | StageFound
    | StagePlaced
    | StageDetached
    | StageFinished
    | StageSkipped
    | StageRestored
    | StageFailed
    | StageRetried
    | StageWaiting
    | UndeclaredReads
    | UndeclaredWrites
    | DataBrought
    | CheckpointRestored
    | BytesSaved
    | LeftoverEnded
    | HostLeftOut
    | MovedAside
)
