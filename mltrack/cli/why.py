"""``mltrack why``"""

from mltrack.cli.invocation import open_session, say
from mltrack.cli.options import Json, Paths, command_app
from mltrack.cli.render import VERDICTS, describe, emit_json, reason_json
from mltrack.verbs import why as verb

_MEANING = {
    "skip": "nothing that it depends on changed",
    "restore": "its result is known and will be taken from the cache",
    "run": "it will run",
    "wait": "it depends on what a stage above will write, and is decided then",
}


def why(targets: Paths = None, as_json: Json = False) -> None:
    """Says what repro would do with stages, and every reason for it, down to the file and the param's values."""
    found = verb.why(open_session(), targets or [])
    if as_json:
        emit_json({
            "stages": [
                {
                    "stage": item.step.stage.address, "verdict": item.step.verdict.value, "run_cache": item.step.from_run_cache,
                    "key": item.step.key,
                    "reasons": [
                        {**reason_json(each.reason), "files": [{"change": change, "path": path} for change, path in each.files]}
                        for each in item.reasons
                    ],
                }
                for item in found
            ]
        })  # fmt: skip
        return
    for item in found:
        step = item.step
        say(f"{step.stage.address}: {VERDICTS[step.verdict]} ({_MEANING[step.verdict.value]})")
        for each in item.reasons:
            say(f"  {describe(each.reason)}")
            for change, path in each.files:
                say(f"    {change:<9} {path}")


app = command_app(why, "mltrack why train", "mltrack why --json")
