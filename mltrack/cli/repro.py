"""``mltrack repro``"""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated

import typer

from mltrack.cli.invocation import announce, current, open_session, say, tell
from mltrack.cli.options import DryRun, Json, Paths, command_app
from mltrack.cli.render import SCHEMA_VERSION, VERDICTS, describe, emit_json, plural, reason_json
from mltrack.errors import PartlyDoneError, StageFailedError
from mltrack.events import (
    BytesSaved,
    Event,
    LeftoverEnded,
    MovedAside,
    StageFailed,
    StageFinished,
    StageOutput,
    StageRestored,
    StageSkipped,
    StageStarted,
)
from mltrack.pipeline.plan import Plan
from mltrack.verbs import repro as verb


def repro(
    targets: Paths = None,
    dry_run: DryRun = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Run stages though nothing changed.")] = False,
    single_item: Annotated[
        bool, typer.Option("--single-item", "-s", help="Only the targets, not what they depend on.")
    ] = False,
    no_run_cache: Annotated[
        bool, typer.Option("--no-run-cache", help="Restore nothing; results are still recorded.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Brings stages up to date: skips what did not change, restores what ran before with the same inputs, runs the rest.

    Targets are stages or paths that stages write; by default all stages. --dry-run prints the plan and its reasons.
    """
    options = verb.ReproOptions(tuple(targets or ()), force, single_item, not no_run_cache)
    session = open_session()
    if dry_run:
        _show_plan(verb.Repro(session, options, describe).plan(), as_json=as_json)
        return
    with verb.alone(session.project, lambda: tell("another repro is at work here; waiting for it")):
        work = verb.Repro(session, options, describe)
        for warning in work.check_data():
            tell(f"warning: {warning}")
        plan = work.plan()
        if not plan.steps:
            tell("There are no stages. hint: mltrack stage add --help")
            return
        with closing(work.run(plan)) as events:
            failed = _follow(events, as_json=as_json)
    _finish(work, failed, as_json=as_json)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        emit_json({
            "steps": [
                {
                    "stage": step.stage.address, "verdict": step.verdict.value, "run_cache": step.from_run_cache,
                    "reasons": [reason_json(reason) for reason in step.reasons],
                }
                for step in plan.steps
            ]
        })  # fmt: skip
        return
    for step in plan.steps:
        reasons = "; ".join(map(describe, step.reasons))
        origin = " from the run cache" if step.from_run_cache else ""
        say(f"{VERDICTS[step.verdict]:<9} {step.stage.address}{origin}" + (f"  ({reasons})" if reasons else ""))


def _follow(events: Iterator[Event], *, as_json: bool) -> StageFailed | None:
    failed = None
    for event in events:
        if isinstance(event, StageFailed):
            failed = event
        if as_json:
            _emit_event(event)
        else:
            _show_event(event)
    return failed


def _show_event(event: Event) -> None:
    match event:
        case StageSkipped(stage, note):
            tell(f"{stage}: {note or 'unchanged'}, skipped")
        case StageRestored(stage, reasons, from_run_cache):
            source = "run cache" if from_run_cache else "cache"
            tell(f"{stage}: restored from the {source} ({'; '.join(reasons)})")
        case StageStarted(stage, commands, reasons):
            tell(f"{stage}: running ({'; '.join(reasons)})")
            for command in commands:
                for line in command.splitlines():
                    tell(f"  $ {line}")
        case StageOutput(_, data):
            if current.verbosity >= 0:
                sys.stderr.flush()
                sys.stderr.buffer.write(data)
                sys.stderr.flush()
        case StageFinished(stage, seconds, ()):
            tell(f"{stage}: done in {seconds:.1f} s")
        case StageFinished(stage, _, unrecorded):
            tell(f"{stage}: finished, but not recorded: while it ran, {'; '.join(unrecorded)}", level=-1)
        case BytesSaved(path, digest):
            tell(f"saved before it was replaced: {path} ({digest}); `mltrack undo {path}` puts it back")
        case MovedAside(path, place):
            tell(f"moved {path} out of the way, since it cannot be recorded; it is in {place}")
        case LeftoverEnded(stage):
            tell(f"{stage}: ended the command that an earlier repro, which was killed, had left running")
        case StageFailed(stage, _):
            tell(f"{stage}: failed")
        case _:
            pass


def _emit_event(event: Event) -> None:
    data = event._asdict()
    if isinstance(event, StageOutput):
        data["data"] = event.data.decode("utf-8", "backslashreplace")
    sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION, "event": type(event).__name__, **data}) + "\n")


def _finish(work: verb.Repro, failed: StageFailed | None, *, as_json: bool) -> None:
    outcome = work.outcome
    if not as_json:
        parts = [
            f"{len(stages)} {word}"
            for stages, word in (
                (outcome.ran, "ran"), (outcome.restored, "restored"), (outcome.skipped, "unchanged"),
                (outcome.failed, "failed"), (outcome.unrecorded, "not recorded"), (outcome.not_reached, "not reached"),
            )
            if stages
        ]  # fmt: skip
        total = sum(
            map(
                len,
                (
                    outcome.ran,
                    outcome.restored,
                    outcome.skipped,
                    outcome.failed,
                    outcome.unrecorded,
                    outcome.not_reached,
                ),
            )
        )
        announce(f"{plural(total, 'stage')}: {', '.join(parts)}")
    if failed is not None:
        lines = "".join(f"\n  | {line}" for line in failed.last_lines)
        raise StageFailedError(
            f"stage {failed.stage!r}: {failed.message}{lines}",
            hint=f"correct it and run `mltrack repro` again; what finished is kept. Why it ran: mltrack why {failed.stage}",
        )
    if outcome.unrecorded:
        raise PartlyDoneError(
            f"not recorded, since a dependency changed during the run: {', '.join(outcome.unrecorded)}",
            hint="run `mltrack repro` again when nothing writes to it",
        )


app = command_app(repro, "mltrack repro", "mltrack repro train --dry-run", "mltrack repro --force evaluate")
