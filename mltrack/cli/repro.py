"""``mltrack repro``"""

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated

import typer

from mltrack.cli import asking, completing
from mltrack.cli.fault_words import fault_words
from mltrack.cli.folding import (
    MOST,
    folded,
    painted_verdict,
    reasons_of,
    unchanged_line,
)
from mltrack.cli.invocation import announce, current, open_session, say, tell
from mltrack.cli.live import LiveLines
from mltrack.cli.options import DryRun, Json, Paths, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import emit_json, plural, reason_json
from mltrack.cli.run_lines import RunLines, emit_event
from mltrack.engine.events import Event, StageFailed
from mltrack.engine.outcome import Outcome
from mltrack.errors import PartlyDoneError, RemoteError, StageFailedError, UsageError
from mltrack.pipeline.plan import Plan, Verdict
from mltrack.verbs import repro as verb
from mltrack.verbs import twice as verb_twice
from mltrack.verbs.session import Session

_DOUBTS = {
    verb.Doubt.PARTIAL: "{0} is here only in part; `mltrack pull {0}` brings the rest",
    verb.Doubt.CHANGED: "{0} differs from its pointer; `mltrack add {0}` records what the stages read",
    verb.Doubt.ONLY_HERE: "{0} is ignored by git, and neither tracked nor written by a stage: other clones lack it",
}


_Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=0,
        help="How many stages run at once; 0 for what repro.jobs says.",
    ),
]
_Force = Annotated[
    bool, typer.Option("--force", "-f", help="Run stages though nothing changed.")
]
_KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going",
        "-k",
        help="After a failure go on with what does not depend on it.",
    ),
]
_SingleItem = Annotated[
    bool,
    typer.Option(
        "--single-item", "-s", help="Only the targets, not what they depend on."
    ),
]
_Downstream = Annotated[
    bool,
    typer.Option(
        "--downstream",
        help="The targets and what depends on them; nothing upstream.",
    ),
]
_Pull = Annotated[
    bool, typer.Option("--pull", help="Fetch only the inputs of stages that will run.")
]
_Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-S",
        metavar="[FILE:]KEY=VALUE",
        help="Run with another param; files stay as they are.",
    ),
]
_NoRunCache = Annotated[
    bool,
    typer.Option("--no-run-cache", help="Restore nothing; results are still recorded."),
]
_Runner = Annotated[
    str,
    typer.Option(
        "--runner",
        metavar="NAME",
        help="Where stages run, whatever they say; see `mltrack runner`.",
        autocompletion=completing.runners,
    ),
]
_Detach = Annotated[
    bool,
    typer.Option(
        "--detach", help="Start jobs and leave; the next repro takes their results."
    ),
]
_NoFetch = Annotated[
    bool,
    typer.Option(
        "--no-fetch",
        help="Leave outputs on the host; `mltrack fetch` brings them.",
    ),
]
_Interactive = Annotated[
    bool,
    typer.Option("--interactive", "-i", help="Ask about each stage before it runs."),
]
_Twice = Annotated[
    bool,
    typer.Option(
        "--twice",
        help="Run the targets twice and compare their outputs.",
    ),
]


def repro(
    targets: Paths = None,
    dry_run: DryRun = False,
    jobs: _Jobs = 0,
    force: _Force = False,
    keep_going: _KeepGoing = False,
    single_item: _SingleItem = False,
    downstream: _Downstream = False,
    pull: _Pull = False,
    overrides: _Overrides = None,
    no_run_cache: _NoRunCache = False,
    runner: _Runner = "",
    detach: _Detach = False,
    no_fetch: _NoFetch = False,
    twice: _Twice = False,
    interactive: _Interactive = False,
    as_json: Json = False,
) -> None:
    """Brings stages up to date: skips what did not change, restores what ran before
    with the same inputs, runs the rest.

    Targets are stages, groups of them, or paths that stages write; by default all
    stages. --dry-run prints the plan and its reasons.
    """
    # before anything is opened: a wrong command line is told at once
    _refuse_mixed(
        {"--single-item": single_item, "--downstream": downstream},
        {"--interactive": interactive, "--dry-run": dry_run},
        {"--interactive": interactive, "--twice": twice},
        {"--interactive": interactive, "--json": as_json},
    )
    if twice and (detach or no_fetch):
        raise UsageError(
            "--twice needs the outputs here", hint="drop --detach and --no-fetch"
        )
    if interactive:
        asking.check_terminal()
    options = verb.ReproOptions(
        tuple(targets or ()),
        force,
        single_item,
        downstream,
        not no_run_cache,
        jobs,
        keep_going,
        pull,
        tuple(overrides or ()),
        runner,
        detach,
        not no_fetch,
    )
    session = open_session()
    if twice:
        _compare(session, options, as_json=as_json)
        return
    work = verb.Repro(session, options)
    with ProgressLine():
        # what commands read is hashed here
        # before the plan: with --pull it completes directories that the plan hashes
        notes = () if dry_run else work.check_data()
        plan = work.plan()
    if dry_run:
        _show_plan(plan, as_json=as_json)
        return
    for note in notes:
        tell(f"warning: {_DOUBTS[note.doubt].format(note.path)}")
    if not plan.steps:
        # nothing runs; what stages left that are gone is let go of
        for _ in work.run(plan):
            pass
        tell("There are no stages. hint: mltrack stage add --help")
        return
    chosen = _asked(work, plan) if interactive else plan
    if chosen is not None:
        _carry_out(work, chosen, as_json=as_json)


def _asked(work: verb.Repro, plan: Plan) -> Plan | None:
    """The part of a plan that the person wants, None for nothing."""
    skipped = asking.left_out(plan.steps)
    if skipped is None:
        announce("Nothing was run.")
        return None
    return work.plan_without(skipped) if skipped else plan


def _refuse_mixed(*pairs: dict[str, bool]) -> None:
    """Raises UsageError for two options that do not go together."""
    for pair in pairs:
        if all(pair.values()):
            raise UsageError(
                f"{' and '.join(pair)} exclude each other", hint="give one of them"
            )


def _carry_out(work: verb.Repro, plan: Plan, *, as_json: bool) -> None:
    try:
        # closed whatever comes: that ends commands, and folds the journal into the lock
        with closing(work.run(plan)) as events:
            is_wide = work.limits.jobs > 1
            is_live = not as_json and sys.stderr.isatty() and current.shows_progress
            with (
                LiveLines(work.expect(plan), side_by_side=is_wide or work.uses_hosts)
                if is_live
                else RunLines(side_by_side=is_wide) as lines
            ):
                failed = _follow(events, lines, as_json=as_json)
        _finish(work.outcome, failed, as_json=as_json)
    except BaseException:
        # an interrupt, too: the person must know what goes on without them
        for stages, words in (
            (work.outcome.ended, "ended"),
            (work.outcome.go_on, "is not ended; the next repro takes its result"),
        ):
            for stage, place in stages:
                tell(f"{stage}{f' on {place}' if place else ''}: {words}")
        raise


def _shower(session: Session, options: verb.ReproOptions) -> RunLines:
    return RunLines(side_by_side=verb.jobs_at_once(session.project, options) > 1)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "steps": [
                    {
                        "stage": step.stage.address,
                        "verdict": step.verdict.value,
                        "run_cache": step.from_run_cache,
                        "reasons": [reason_json(reason) for reason in step.reasons],
                    }
                    for step in plan.steps
                ]
            }
        )
        return
    touched = [step for step in plan.steps if step.verdict is not Verdict.SKIP]
    is_long = len(plan.steps) > MOST and current.verbosity <= 0
    for fold in folded(touched if is_long else plan.steps):
        reasons = reasons_of(fold)
        origin = " from the run cache" if fold.steps[0].from_run_cache else ""
        say(
            f"{painted_verdict(fold.steps[0], 9)} {fold.name}{origin}"
            + (f"  ({reasons})" if reasons else "")
        )
    if is_long and len(touched) < len(plan.steps):
        say(unchanged_line(plan.steps))


def _follow(
    events: Iterator[Event], lines: RunLines, *, as_json: bool
) -> list[StageFailed]:
    failed = []
    for event in events:
        if isinstance(event, StageFailed):
            failed.append(event)
        if as_json:
            emit_event(event)
        else:
            lines.show(event)
    return failed


def _finish(outcome: Outcome, failed: list[StageFailed], *, as_json: bool) -> None:
    became = (
        (outcome.ran, "ran"),
        (outcome.restored, "restored"),
        (outcome.skipped, "unchanged"),
        (outcome.failed, "failed"),
        (outcome.unrecorded, "not recorded"),
        (outcome.detached, "handed over"),
        (outcome.not_reached, "not reached"),
    )
    if not as_json:
        parts = [f"{len(stages)} {word}" for stages, word in became if stages]
        announce(
            f"{plural(sum(len(stages) for stages, _ in became), 'stage')}: "
            f"{', '.join(parts)}"
        )
    if failed:
        first = failed[0].stage
        # exit code 6 only where nothing else failed: then waiting may be all it takes
        if len(outcome.unreachable) == len(failed):
            raise RemoteError(
                "\n".join(map(_failure_text, failed)),
                hint=(
                    "see what keeps it: mltrack runner check NAME. Jobs on hosts go "
                    "on, and the next repro takes their results"
                ),
            )
        raise StageFailedError(
            "\n".join(map(_failure_text, failed)),
            hint=(
                "correct it and run `mltrack repro` again; what finished is kept. "
                f"All of its output: mltrack logs {first}"
            ),
        )
    if outcome.unrecorded:
        raise PartlyDoneError(
            "not recorded, since a dependency changed during the run: "
            f"{', '.join(outcome.unrecorded)}",
            hint="run `mltrack repro` again when nothing writes to it",
        )


def _failure_text(failed: StageFailed) -> str:
    lines = "".join(f"\n  | {line}" for line in failed.last_lines)
    return f"stage {failed.stage!r}: {fault_words(failed.fault)}{lines}"


def _compare(session: Session, options: verb.ReproOptions, *, as_json: bool) -> None:
    try:
        found = verb_twice.twice(session, options, _shower(session, options))
    except verb_twice.RunFailed as error:
        failed = error.failed
        raise StageFailedError(
            _failure_text(failed), hint=f"mltrack logs {failed.stage}"
        ) from None
    _show_comparison(found, as_json=as_json)


def _show_comparison(found: list[verb_twice.Compared], *, as_json: bool) -> None:
    if as_json:
        emit_json({"outputs": [item._asdict() for item in found]})
    else:
        for item in found:
            say(
                f"{'the same  ' if item.is_same else 'DIFFERENT '} {item.path}  "
                f"({item.stage})"
            )
            for path in item.files:
                say(f"             {path}")
    different = [item for item in found if not item.is_same]
    if different:
        # 4: differences were found, as with --check
        raise typer.Exit(4)


app = command_app(
    repro,
    "mltrack repro",
    "mltrack repro train --dry-run",
    "mltrack repro -j 4 --keep-going",
    "mltrack repro --set train.lr=0.01 evaluate",
    "mltrack repro --runner rack -j 8",
    "mltrack repro --detach",
    "mltrack repro --interactive",
)
