"""``mltrack status``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import open_session, say, tell
from mltrack.cli.options import Json, Paths, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import (
    describe,
    emit_json,
    plural,
    reason_json,
    size_text,
    verdict_word,
)
from mltrack.pipeline.plan import Verdict
from mltrack.verbs import status as verb

# names for one target; `mltrack diff` has all of them
MAX_FILES = 10
# apart from failures, so that scripts can ask
EXIT_DIFFERENCES = 4
NO_HOOKS = "git hooks are not installed in this clone, so data does not follow `git checkout`; hint: mltrack init"


def status(
    targets: Paths = None,
    as_json: Json = False,
    remote: Annotated[
        str, typer.Option("--remote", "-r", help="Show what this remote lacks, too.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 4 if anything differs.")
    ] = False,
) -> int:
    """Shows which tracked data differs from what is recorded, and what `mltrack repro`
    would do.
    """
    session = open_session()
    with ProgressLine() as line:
        session.observer.report = lambda count: line.update("files", count)
        result = verb.status(session, targets or [], remote)
    # a document without its stages would be taken for the whole
    if as_json and result.problem is None:
        emit_json(_data(result))
    elif not as_json:
        # the data is shown even where the stages cannot be looked at
        _show(result)
    if result.problem is not None:
        raise result.problem
    if result.hooks_missing:
        tell(NO_HOOKS)
    return EXIT_DIFFERENCES if check and not result.is_clean else 0


def _show(result: verb.Status) -> None:
    # clean here, but not in the cache: it could not be brought back
    changed = [item for item in result.data if item.state != "clean" or not item.cached]
    if changed:
        say("data:")
    for item in changed:
        note = (
            ""
            if item.cached
            else f"  (recorded version is not in the cache: mltrack pull {item.path})"
        )
        # from here on the more exact note wins
        if item.state == "outdated" and item.cached:
            note = f"  (the recorded version changed: mltrack checkout {item.path})"
        if item.state == "broken":
            note = "  (named below)"
        if item.state == "unreadable":
            note = f"  ({item.why})"
        if item.state == "partial":
            note = (
                f"  (only a part was brought here; the rest: mltrack pull {item.path})"
            )
        say(f"  {item.state:<9} {item.path}{_counts(item)}{note}")
        for change in item.changes[:MAX_FILES]:
            say(f"    {change.change:<9} {change.path}")
        if len(item.changes) > MAX_FILES:
            say(f"    and {plural(len(item.changes) - MAX_FILES, 'more file')}")
    waiting = [step for step in result.plan.steps if step.verdict is not Verdict.SKIP]
    if waiting:
        say("stages:")
    for step in waiting:
        reasons = "; ".join(map(describe, step.reasons))
        place = result.handed_over.get(step.stage.address)
        if place:
            reasons = f"running on {place}, or done there: the next repro takes its result; {reasons}"
        say(f"  {verdict_word(step):<9} {step.stage.address}  ({reasons})")
    if result.unpushed:
        say("not pushed:")
    for absent in result.unpushed:
        what = (
            f"{plural(absent.objects, 'object')}, {size_text(absent.bytes)}"
            if absent.objects >= 0
            else "not in the cache either"
        )
        say(f"  {absent.path}  ({what})")
    if not changed and not waiting and not result.unpushed and result.problem is None:
        total = plural(len(result.data), "tracked path")
        say(
            f"Nothing changed: {total}, {plural(len(result.plan.steps), 'stage')} up "
            "to date."
        )


def _counts(item: verb.TargetStatus) -> str:
    return (
        f"  ({plural(len(item.changes), 'file')})"
        if len(item.changes) > MAX_FILES
        else ""
    )


def _data(result: verb.Status) -> dict[str, object]:
    return {
        "clean": result.is_clean,
        "data": [
            {
                "path": item.path,
                "state": item.state,
                "cached": item.cached,
                **({"why": item.why} if item.why else {}),
                "files": [
                    {"path": change.path, "change": change.change}
                    for change in item.changes
                ],
            }
            for item in result.data
        ],
        "unpushed": [
            {"path": item.path, "objects": item.objects, "bytes": item.bytes}
            for item in result.unpushed
        ],
        "stages": [
            {
                "stage": step.stage.address,
                "verdict": step.verdict.value,
                "reasons": [reason_json(reason) for reason in step.reasons],
                "running_on": result.handed_over.get(step.stage.address, ""),
            }
            for step in result.plan.steps
        ],
    }


app = command_app(
    status,
    "mltrack status",
    "mltrack status data/images --check",
    "mltrack status --remote store",
)
