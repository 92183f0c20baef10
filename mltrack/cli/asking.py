"""``repro --interactive``: each stage that would run is asked about first."""

import sys
from collections.abc import Iterable

from mltrack.cli.folding import Fold, painted_verdict, reasons_of
from mltrack.cli.invocation import tell
from mltrack.errors import UsageError
from mltrack.pipeline.plan import Step, Verdict
from mltrack.pipeline.reason import Cause

_ANSWERS = {
    "": "run",
    "y": "run",
    "r": "run",
    "s": "skip",
    "n": "skip",
    "a": "all",
    "q": "quit",
}
_QUESTION = "[r]un, [s]kip, [a]ll that follow, [q]uit?"


def check_terminal() -> None:
    """Raises UsageError where nobody can answer."""
    if not sys.stdin.isatty():
        raise UsageError(
            "--interactive needs a terminal to ask on",
            hint="`mltrack repro --dry-run` shows the plan; name the stages to run",
        )


def left_out(steps: Iterable[Step]) -> set[str] | None:
    """Asks about each step that would run or be restored; returns the stages that the
    person skips, None for running nothing at all.

    A stage that would run only because of those before it is not asked about once all
    of these are skipped.
    """
    skipped: set[str] = set()
    idle: set[str] = set()
    for step in steps:
        address = step.stage.address
        waits_for = {
            str(reason.new) for reason in step.reasons if reason.cause is Cause.UPSTREAM
        }
        is_only_waiting = len(waits_for) == len(step.reasons) and bool(waits_for)
        if step.verdict is Verdict.SKIP or (
            is_only_waiting and waits_for <= skipped | idle
        ):
            idle.add(address)
            continue
        answer = _ask(step)
        if answer == "quit":
            return None
        if answer == "all":
            break
        if answer == "skip":
            skipped.add(address)
    return skipped


def _ask(step: Step) -> str:
    reasons = reasons_of(Fold(step.stage.address, (step,)))
    about = f"  ({reasons})" if reasons else ""
    tell(f"{painted_verdict(step, 0)} {step.stage.address}{about}", level=-1)
    while True:
        tell(_QUESTION, level=-1)
        line = sys.stdin.readline()
        # the end of input: nobody is there any more
        answer = _ANSWERS.get(line.strip().lower()[:1]) if line else "quit"
        if answer is not None:
            return answer
