"""Many stages in few lines."""

import pytest

from mltrack.cli import folding
from mltrack.cli.invocation import current
from mltrack.cli.run_lines import RunLines
from mltrack.cli.style import unpainted
from mltrack.engine.events import StageFinished, StageRestored, StageSkipped, Tick
from mltrack.pipeline.plan import Step, Verdict
from mltrack.pipeline.reason import Cause, Reason
from tests.unit.engine.stages import stage


def step(name: str, cause: Cause = Cause.NEVER_RAN) -> Step:
    return Step(stage(name), Verdict.RUN, (Reason(cause, name),))


def test_few_stages_are_each_a_line() -> None:
    steps = [step(f"train@{number}") for number in range(10)]
    assert [fold.name for fold in folding.folded(steps)] == [
        f"train@{number}" for number in range(10)
    ]


def test_of_many_the_members_of_a_group_are_one_line_if_their_causes_are_the_same() -> (
    None
):
    steps = [
        *(step(f"train@{number}") for number in range(9)),
        step("train@9", Cause.FORCED),
        step("evaluate"),
        step("prep"),
    ]
    found = folding.folded(steps)
    assert [fold.name for fold in found] == [
        "train [9]",
        "train@9",
        "evaluate",
        "prep",
    ]
    assert folding.reasons_of(found[0]) == "never ran; the others likewise"


def test_whoever_asks_for_more_gets_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "verbosity", 1)
    steps = [step(f"train@{number}") for number in range(20)]
    assert len(folding.folded(steps)) == 20


def test_a_list_is_cut_and_says_so() -> None:
    said: list[str] = []
    folding.capped([f"  {number}" for number in range(12)], said.append, "files")
    assert len(said) == 11 and said[-1] == "  and 2 more files (-v shows all)"
    said.clear()
    folding.capped(["  a"], said.append, "files")
    assert said == ["  a"]


def test_stages_that_nothing_ran_for_are_told_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current, "verbosity", 0)
    with RunLines(side_by_side=False) as lines:
        for number in range(5):
            lines.show(StageSkipped(f"train@{number}"))
            lines.show(Tick())
        lines.show(StageRestored("evaluate", (), from_run_cache=True))
        lines.show(StageFinished("prep", 1.0))
        lines.show(StageSkipped("last"))
    assert unpainted(capsys.readouterr().err).splitlines() == [
        "train@0, train@1, train@2 and 2 more: unchanged, skipped",
        "evaluate: restored from the run cache ()",
        "prep: done in 1.0 s",
        "last: unchanged, skipped",
    ]
