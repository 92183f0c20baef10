"""Many stages in few lines: what is the same for the members of a group, or for all that
did not change, is said once.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mltrack.cli.invocation import current
from mltrack.cli.render import describe, listed, verdict_word
from mltrack.cli.style import paint
from mltrack.pipeline.plan import Step, Verdict

MOST = 10
"""Of a list that is read by a person."""

_COLOURS = {
    "unchanged": "dim",
    "run": "yellow",
    "wait": "yellow",
    "restore": "cyan",
    "broken": "error",
}


class Fold(NamedTuple):
    """Steps that are told in one line; ``name`` stands for them."""

    name: str
    steps: tuple[Step, ...]


def folded(steps: Sequence[Step]) -> list[Fold]:
    """Returns steps as lines: each its own where they are few or the person asked for
    more; else the members of a group that share verdict and causes are one.
    """
    if len(steps) <= MOST or current.verbosity > 0:
        return [Fold(step.stage.address, (step,)) for step in steps]
    alike: dict[object, list[Step]] = {}
    for step in steps:
        group, mark, _ = step.stage.address.partition("@")
        causes = frozenset(reason.cause for reason in step.reasons)
        key = (group, step.verdict, causes) if mark else step.stage.address
        alike.setdefault(key, []).append(step)
    return [Fold(_name(found), tuple(found)) for found in alike.values()]


def _name(steps: list[Step]) -> str:
    first = steps[0].stage.address
    if len(steps) == 1:
        return first
    group, _, _ = first.partition("@")
    return f"{group} [{len(steps)}]"


def reasons_of(fold: Fold) -> str:
    """Returns the reasons of a line: of several steps those of the first, and that the
    others have theirs.
    """
    reasons = [describe(reason) for reason in fold.steps[0].reasons]
    text = listed_reasons(reasons)
    like = "; the others likewise" if len(fold.steps) > 1 and text else ""
    return text + like


def listed_reasons(reasons: Sequence[str]) -> str:
    """Returns reasons one after another, the first few of many."""
    if current.verbosity > 0:
        return "; ".join(reasons)
    more = f"; and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    return "; ".join(reasons[:MOST]) + more


def painted_verdict(step: Step, columns: int = 0) -> str:
    """Returns the verdict on a step as a word, in its colour, padded."""
    word = verdict_word(step)
    return paint(word, _COLOURS[word]) + " " * (columns - len(word))


def unchanged_line(steps: Iterable[Step]) -> str:
    """Returns the line that stands for all stages of a plan that are not touched."""
    names = [step.stage.address for step in steps if step.verdict is Verdict.SKIP]
    noun = "stage" if len(names) == 1 else "stages"
    return f"{len(names):,} {noun} unchanged: {listed(names, most=MOST)}"


def capped(
    lines: Sequence[str], say: Callable[[str], None], noun: str, *, most: int = MOST
) -> None:
    """Says the first of some lines, and how many more there are."""
    shown = lines if current.verbosity > 0 else lines[:most]
    for line in shown:
        say(line)
    if len(shown) < len(lines):
        say(f"  and {len(lines) - len(shown):,} more {noun} (-v shows all)")
