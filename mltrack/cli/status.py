"""``mltrack status``"""

from typing import TYPE_CHECKING, Annotated

import typer

from mltrack.cli.folding import MOST, Fold, capped, folded, painted_verdict, reasons_of
from mltrack.cli.invocation import current, open_session, say, tell
from mltrack.cli.options import Json, Paths, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import (
    emit_json,
    plural,
    reason_json,
    size_text,
)
from mltrack.cli.style import paint
from mltrack.formats.origin import Address
from mltrack.pipeline.plan import Verdict
from mltrack.verbs import status as verb
from mltrack.verbs.session import Session

if TYPE_CHECKING:
    from mltrack.verbs.imports import Behind

_FEW = 3
_COLOURS = {
    "modified": "yellow",
    "added": "green",
    "deleted": "red",
    "missing": "red",
    "broken": "error",
    "unreadable": "error",
}
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
        behind = _behind(session) if remote else []
    # a document without its stages would be taken for the whole
    if as_json and result.problem is None:
        emit_json({**_data(result), **_behind_json(behind)})
    elif not as_json:
        # the data is shown even where the stages cannot be looked at
        _show(result)
        if behind:
            say("imports that are behind (mltrack update):")
            capped([_behind_line(item) for item in behind], say, "imports")
    if result.problem is not None:
        raise result.problem
    if result.hooks_missing:
        tell(NO_HOOKS)
    return EXIT_DIFFERENCES if check and not result.is_clean else 0


def _behind(session: Session) -> "list[Behind]":
    """The imports whose sources have something else by now: asked only with a remote,
    since it takes as long.
    """
    from mltrack.verbs.imports import behind  # noqa: PLC0415 - most never ask

    return behind(session)


def _behind_json(items: "list[Behind]") -> dict[str, object]:
    if not items:
        return {}
    return {
        "behind": [
            {"path": item.path, "seen": item.seen, "why": item.why} for item in items
        ]
    }


def _behind_line(item: "Behind") -> str:
    if item.why:
        what = item.why
    elif isinstance(item.origin, Address):
        what = f"{item.origin.url} has changed"
    else:
        what = f"{item.origin.revision or 'its source'} is at {item.seen[:12]}"
    return f"  {item.path}  ({what})"


def _show(result: verb.Status) -> None:
    # clean here, but not in the cache: it could not be brought back
    changed = [item for item in result.data if item.state != "clean" or not item.cached]
    if changed:
        say("data:")
        _show_data(changed)
    waiting = [step for step in result.plan.steps if step.verdict is not Verdict.SKIP]
    if waiting:
        say("stages:")
        capped([_stage_line(fold, result) for fold in folded(waiting)], say, "stages")
    if result.unpushed:
        say("not pushed:")
        capped([_unpushed_line(item) for item in result.unpushed], say, "paths")
    if result.noted:
        say("only noted (mltrack update brings them):")
        lines = [f"  {path}  ({size_text(size)})" for path, size in result.noted]
        capped(lines, say, "imports")
    if not changed and not waiting and not result.unpushed and result.problem is None:
        total = plural(len(result.data), "tracked path")
        say(
            f"Nothing changed: {total}, {plural(len(result.plan.steps), 'stage')} up "
            "to date."
        )


def _show_data(changed: list[verb.TargetStatus]) -> None:
    is_long = len(changed) > MOST and current.verbosity <= 0
    shown = changed[:MOST] if is_long else changed
    for item in shown:
        colour = _COLOURS.get(item.state, "yellow")
        state = paint(f"{item.state:<9}", colour)
        say(f"  {state} {item.path}{_counts(item)}{_note(item)}")
        # of many paths, which files differ in each is too much
        if not is_long:
            lines = [_file_line(change) for change in item.changes]
            capped(lines, say, "files")
    if is_long:
        say(f"  and {plural(len(changed) - len(shown), 'more path')} (-v shows all)")
    absent = sum(1 for item in changed if not item.cached)
    if absent > _FEW:
        say(f"  {absent} recorded versions are not in the cache: mltrack pull")


def _file_line(change: verb.FileChange) -> str:
    word = paint(f"{change.change:<9}", _COLOURS.get(change.change, "yellow"))
    return f"    {word} {change.path}"


def _note(item: verb.TargetStatus) -> str:
    """What there is to do about the state of one path."""
    if item.state == "broken":
        return "  (named below)"
    if item.state == "unreadable":
        return f"  ({item.why})"
    if item.state == "partial":
        return f"  (only a part was brought here; the rest: mltrack pull {item.path})"
    if not item.cached:
        return f"  (recorded version is not in the cache: mltrack pull {item.path})"
    if item.state == "outdated":
        return f"  (the recorded version changed: mltrack checkout {item.path})"
    return ""


def _stage_line(fold: Fold, result: verb.Status) -> str:
    reasons = reasons_of(fold)
    place = result.handed_over.get(fold.steps[0].stage.address)
    if place:
        reasons = (
            f"running on {place}, or done there: the next repro takes its result; "
            f"{reasons}"
        )
    return f"  {painted_verdict(fold.steps[0], 9)} {fold.name}  ({reasons})"


def _unpushed_line(absent: verb.Unpushed) -> str:
    what = (
        f"{plural(absent.objects, 'object')}, {size_text(absent.bytes)}"
        if absent.objects >= 0
        else "not in the cache either"
    )
    return f"  {absent.path}  ({what})"


def _counts(item: verb.TargetStatus) -> str:
    return (
        f"  ({plural(len(item.changes), 'file')})" if len(item.changes) > MOST else ""
    )


def _data(result: verb.Status) -> dict[str, object]:
    noted = [{"path": path, "size": size} for path, size in result.noted]
    return {
        **({"noted": noted} if noted else {}),
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
