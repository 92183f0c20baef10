"""``mltrack why``"""

import time
from collections.abc import Iterable
from typing import Any

from mltrack.cli.folding import MOST, painted_verdict, unchanged_line
from mltrack.cli.invocation import current, open_session, say
from mltrack.cli.options import Json, Paths, command_app
from mltrack.cli.render import describe, emit_json, reason_json
from mltrack.pipeline.plan import Verdict
from mltrack.verbs import why as verb

_MEANING = {
    "skip": "nothing that it depends on changed",
    "restore": "its result is known and will be taken from the cache",
    "run": "it will run",
    "wait": "it depends on what a stage above will write, and is decided then",
}
_FROZEN = (
    "it is frozen: it does not run, whatever is said below, until `mltrack unfreeze`"
)


def why(targets: Paths = None, as_json: Json = False) -> None:
    """Says what repro would do with stages, and every reason for it, down to the file
    and the param's values.

    Where an earlier run than the recorded one is nearer to the present state, what
    differs from that one is shown too.
    """
    found = verb.why(open_session(), targets or [])
    if as_json:
        emit_json({"stages": [_explanation_json(item) for item in found]})
        return
    # of many, those that nothing is to be done for are named in one line
    is_long = len(found) > MOST and current.verbosity <= 0 and not targets
    touched = [item for item in found if item.step.verdict is not Verdict.SKIP]
    for item in touched if is_long else found:
        step = item.step
        # a frozen stage has a verdict, too, and it does not count
        meaning = _FROZEN if step.stage.frozen else _MEANING[step.verdict.value]
        say(f"{step.stage.address}: {painted_verdict(step)} ({meaning})")
        _show(item.reasons)
        if item.nearest is not None:
            # by the person's own clock
            moment = time.strftime(
                "%Y-%m-%d %H:%M:%S", time.localtime(item.nearest.started)
            )
            at = (
                f", at commit {item.nearest.commit[:10]}" if item.nearest.commit else ""
            )
            if item.nearest.reasons:
                say(f"  the nearest earlier run was on {moment}{at}; since then:")
                _show(item.nearest.reasons, "    ")
            else:
                say(f"  a run on {moment}{at} had the same inputs")
        for what, old, new in item.machine:
            say(
                f"  {what} differs (not part of the run key): {old} when recorded, "
                f"{new} now"
            )

    if is_long and len(touched) < len(found):
        say(unchanged_line(item.step for item in found))


def _show(reasons: Iterable[verb.Explained], indent: str = "  ") -> None:
    for each in reasons:
        say(f"{indent}{describe(each.reason)}")
        for change, path in each.files:
            say(f"{indent}  {change:<9} {path}")


def _explanation_json(item: verb.Explanation) -> dict[str, Any]:
    step, nearest = item.step, item.nearest
    return {
        "stage": step.stage.address,
        "verdict": step.verdict.value,
        "run_cache": step.from_run_cache,
        "key": item.key,
        "reasons": _reasons_json(item.reasons),
        "nearest": None
        if nearest is None
        else {
            "started": nearest.started,
            "commit": nearest.commit,
            "reasons": _reasons_json(nearest.reasons),
        },
        "machine": [
            {"what": what, "old": old, "new": new} for what, old, new in item.machine
        ],
    }


def _reasons_json(reasons: Iterable[verb.Explained]) -> list[dict[str, Any]]:
    return [
        {
            **reason_json(each.reason),
            "files": [{"change": change, "path": path} for change, path in each.files],
        }
        for each in reasons
    ]


app = command_app(why, "mltrack why train", "mltrack why --json")
