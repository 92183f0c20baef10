"""Laws of plans, over random pipelines and random changes, run by the real engine on a
real disk.

Commands are computed by a stub (tests/support/pipelines.py); everything else is what a
person gets.
"""

from pathlib import Path

import pytest

from mltrack.pipeline.plan import Verdict
from mltrack.verbs.repro import ReproOptions
from tests.support.pipelines import Pipeline

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_laws_of_plans(seed: int, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "p", seed)
    pipeline.repro()
    for _ in range(3):
        for _ in range(pipeline.random.randint(1, 2)):
            pipeline.change()
        before = pipeline.plan()
        plan, became = pipeline.repro()
        assert [step.verdict for step in plan.steps] == [
            step.verdict for step in before.steps
        ], "planning changed something"

        allowed = {
            step.stage.address
            for step in plan.steps
            if step.verdict in (Verdict.RUN, Verdict.WAIT)
        }
        ran = {stage for stage, what in became.items() if what == "ran"}
        assert ran <= allowed, "a stage ran that the plan did not name"
        assert set(became) == set(pipeline.stages), "a stage was forgotten"

        after, second = pipeline.repro()
        assert {step.verdict for step in after.steps} == {Verdict.SKIP}, (
            "repro left something to do"
        )
        assert set(second.values()) == {"skipped"}, "a second repro did something"
    state = pipeline.state()
    assert state == pipeline.clean_build(tmp_path / "clean"), (
        "the result differs from a clean build"
    )


@pytest.mark.parametrize("seed", range(100, 115))
def test_restoring_from_the_run_cache_equals_running(seed: int, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "p", seed)
    pipeline.repro()
    first = pipeline.state()
    saved = (
        dict(pipeline.params),
        {name: dict(stage) for name, stage in pipeline.stages.items()},
    )
    inputs = {name: (pipeline.path / name).read_text() for name in pipeline.sources}
    pipeline.params = dict.fromkeys(pipeline.params, 7)
    for name in pipeline.sources:
        (pipeline.path / name).write_text("other")
    pipeline.write()
    pipeline.repro()
    pipeline.params, pipeline.stages = saved
    for name, text in inputs.items():
        (pipeline.path / name).write_text(text)
    pipeline.write()
    _, became = pipeline.repro()
    assert "ran" not in became.values() and "restored" in became.values()
    assert pipeline.state() == first
    _, became = pipeline.repro(ReproOptions(force=True))
    assert set(became.values()) == {"ran"}
    assert pipeline.state() == first
