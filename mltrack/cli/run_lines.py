"""The events of a run as lines on a terminal, or as JSON."""

import json
import sys
from collections.abc import Iterable
from enum import Enum
from typing import Any, Self

from mltrack.cli.fault_words import FAILURES, fault_words
from mltrack.cli.invocation import current, tell
from mltrack.cli.render import (
    SCHEMA_VERSION,
    describe,
    finite,
    listed,
    reason_json,
    size_text,
)
from mltrack.engine.events import (
    BytesSaved,
    CheckpointRestored,
    DataBrought,
    Event,
    HostLeftOut,
    LeftoverEnded,
    MovedAside,
    StageDetached,
    StageFailed,
    StageFinished,
    StageFound,
    StageOutput,
    StagePlaced,
    StageRestored,
    StageRetried,
    StageSkipped,
    StageStarted,
    StageWaiting,
    Tick,
    UndeclaredReads,
    UndeclaredWrites,
)
from mltrack.engine.fault import Fault
from mltrack.events import Progress
from mltrack.pipeline.reason import Cause, Reason
from mltrack.runners.names import LOCAL

# in bytes: of a line that never ends no more is held back
_MAX_PIECE = 65536
# names: more would hide what the line says
_SHOWN = 5
# of stages that are told one by one, where nothing ran for them
_FEW = 3


class RunLines:
    """Shows a run. What commands print appears as it comes; with ``side_by_side`` by
    whole lines, each behind its stage's name, so that stages which run at once can be
    told apart.
    """

    def __init__(self, *, side_by_side: bool) -> None:
        self._side_by_side = side_by_side
        self._by_line = side_by_side
        """Whether what commands print is passed on by whole lines only."""
        self._quiet: list[StageSkipped | StageRestored] = []
        """What nothing ran for, until it is told all at once."""
        self._unfinished: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._tell_quiet()

    def show(self, event: Event) -> None:
        if isinstance(event, StageSkipped | StageRestored) and current.verbosity <= 0:
            self._quiet.append(event)
            return
        if not isinstance(event, Tick | Progress):
            self._tell_quiet()
        match event:
            case StageOutput(stage, data):
                self._output(stage, data)
            case StageFinished(stage) | StageFailed(stage) | StageRetried(stage):
                self._flush(stage)
        _tell(event)

    def _tell_quiet(self) -> None:
        """Tells of the stages that nothing ran for: each, or a group of them in a line."""
        alike: dict[str, list[StageSkipped | StageRestored]] = {}
        for event in self._quiet:
            alike.setdefault(_kind_of(event), []).append(event)
        self._quiet = []
        for kind, events in alike.items():
            if len(events) <= _FEW:
                for event in events:
                    _tell(event)
            else:
                names = listed([event.stage for event in events], most=_FEW)
                tell(f"{names}: {kind}")

    def _output(self, stage: str, data: bytes) -> None:
        if current.verbosity < 0:
            return
        if not self._by_line:
            write_through(data)
            return
        *lines, rest = (self._unfinished.pop(stage, b"") + data).split(b"\n")
        if len(rest) > _MAX_PIECE:
            lines, rest = [*lines, rest], b""
        if rest:
            self._unfinished[stage] = rest
        shown = f"{stage} | " if self._side_by_side else ""
        prefix = shown.encode("utf-8", "replace")
        # of a line that was drawn over and over only the last state is of use
        last = (line.rstrip(b"\r").rpartition(b"\r")[2] for line in lines)
        self._write(b"".join(prefix + line + b"\n" for line in last))

    def _write(self, data: bytes) -> None:
        write_through(data)

    def _flush(self, stage: str) -> None:
        if stage in self._unfinished:
            # a line end makes a whole line of what is left
            self._output(stage, b"\n")


def write_through(data: bytes) -> None:
    """Writes what a command printed to standard error, as it was written."""
    # text that waits in the upper layer was told before these bytes
    sys.stderr.flush()
    sys.stderr.buffer.write(data)
    sys.stderr.flush()


def _tell(event: Event) -> None:
    match event:
        case StageSkipped(stage, reasons, is_away):
            tell(f"{stage}: {_why_skipped(reasons, is_away=is_away)}, skipped")
        case StageRestored(stage, reasons, from_run_cache):
            source = "run cache" if from_run_cache else "cache"
            tell(f"{stage}: restored from the {source} ({words_of(reasons)})")
        case StageFound(stage, reasons, runner, state):
            what = "under way" if state in ("queued", "running") else f"over ({state})"
            tell(
                f"{stage}: its job on {runner} is {what}; taking it over "
                f"({words_of(reasons)})"
            )
        case StageStarted(stage, commands, reasons, _, runner):
            where = "running" if runner in ("", LOCAL) else f"sent to {runner}"
            tell(f"{stage}: {where} ({words_of(reasons)})")
            for command in commands:
                for line in command.splitlines():
                    tell(f"  $ {line}")
        case StageFinished(stage, seconds, (), "", sent):
            tell(
                f"{stage}: done in {seconds:.1f} s"
                + (f", {size_text(sent)} sent" if sent else "")
            )
        case StageFinished(stage, seconds, (), earlier):
            tell(
                f"{stage}: took the result of its job on {earlier}, which had ended; "
                f"it ran for {seconds:.1f} s"
            )
        case StageFinished(stage, _, unrecorded):
            tell(
                f"{stage}: finished, but not recorded: while it ran, "
                f"{words_of(unrecorded)}",
                # to whoever wants it quiet, too: the result is not in the lock
                level=-1,
            )
        case StageRetried(stage, fault, number, tries, pause, is_extra):
            after = f" in {pause:.0f} s" if pause else ""
            kind = FAILURES.get(fault.failure, "") if fault.failure else ""
            again = f"trying again ({kind})" if is_extra else f"try {number} of {tries}"
            tell(f"{stage}: {fault_words(fault)}; {again}{after}", level=-1)
        case StagePlaced(stage, runner, place, gpus, state, problem):
            tell(
                f"{stage}: {placed_words(runner, place, gpus, state, problem)}",
                # that a connection is lost is told even to whoever wants it quiet
                level=-1 if problem else 1,
            )
        case StageDetached(stage, runner, place):
            where = f" ({place})" if place and place != runner else ""
            tell(
                f"{stage}: handed over to {runner}{where}; `mltrack job list` shows "
                "it, the next repro takes its result"
            )
        case StageFailed(stage, _):
            tell(f"{stage}: failed")
        case StageWaiting(stage):
            tell(f"{stage}: another repro is at work on it; waiting for its result")
        case _:
            _tell_rare(event)


def _kind_of(event: StageSkipped | StageRestored) -> str:
    """What became of a stage, in the words that many are told of in."""
    if isinstance(event, StageSkipped):
        return f"{_why_skipped(event.reasons, is_away=event.is_away)}, skipped"
    return f"restored from the {'run cache' if event.from_run_cache else 'cache'}"


def words_of(reasons: Iterable[Reason]) -> str:
    return "; ".join(map(describe, reasons))


def _why_skipped(reasons: Iterable[Reason], *, is_away: bool) -> str:
    if any(reason.cause is Cause.FROZEN for reason in reasons):
        return "frozen"
    return "unchanged, and not brought here" if is_away else "unchanged"


def _tell_rare(event: Event) -> None:
    match event:
        case UndeclaredReads(stage, paths):
            more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
            tell(
                f"warning: {stage} read {', '.join(paths[:_SHOWN])}{more}, which it "
                "does not declare as `deps`",
                level=-1,
            )
        case UndeclaredWrites(path, stages):
            tell(
                f"warning: {path} was written while {', '.join(stages)} ran; no stage "
                "declares it",
                level=-1,
            )
        case CheckpointRestored(stage, path):
            tell(f"{stage}: resuming from its checkpoint in {path}")
        case DataBrought(stage, paths):
            tell(f"{stage}: brought {', '.join(paths)}")
        case BytesSaved(path, digest):
            tell(
                f"saved before it was replaced: {path} ({digest}); `mltrack undo "
                f"{path}` puts it back"
            )
        case MovedAside(path, place):
            tell(
                f"moved {path} out of the way, since it cannot be recorded; it is in "
                f"{place}"
            )
        case HostLeftOut(runner, host, error):
            tell(f"warning: {runner}: {host} is left out: {error}", level=-1)
        case LeftoverEnded(stage):
            tell(f"{stage}: stopped a command left running by an earlier, killed repro")
        case _:
            pass


def placed_words(
    runner: str, place: str, gpus: tuple[str, ...], state: str, problem: str
) -> str:
    """Returns where a job is, for a person."""
    where = f"{runner} ({place})" if place and place != runner else runner
    if problem:
        return f"lost the connection to {place or runner}, trying again; the job goes on there ({problem})"
    if state == "queued":
        return f"waits at {where}"
    return f"runs on {where}" + (f", GPU {', '.join(gpus)}" if gpus else "")


def _plain(value: Any) -> Any:
    """A field of an event as JSON holds it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    # these are tuples, too
    if isinstance(value, Reason):
        return reason_json(value)
    if isinstance(value, Fault):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, Enum):
        return value.value
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def emit_event(event: Event) -> None:
    """Prints an event as one line of JSON; that time passes is no news there."""
    if isinstance(event, Tick):
        return
    data = {name: _plain(value) for name, value in event._asdict().items()}
    document = finite(
        {"schema_version": SCHEMA_VERSION, "event": type(event).__name__, **data}
    )
    sys.stdout.write(json.dumps(document) + "\n")
