"""Stages for tests, with what a test says of them."""

from mltrack.pipeline.plan import Step, Verdict
from mltrack.pipeline.stage import Execution, Output, Stage


def stage(
    name: str,
    *,
    deps: tuple[str, ...] = (),
    outs: tuple[str, ...] = (),
    cached: bool = True,
    **execution: object,
) -> Stage:
    """A stage of the project's own pipeline file."""
    return Stage(
        name,
        name,
        "mltrack.yaml",
        ("true",),
        deps=deps,
        outs=tuple(Output(path, cache=cached) for path in outs),
        execution=Execution(**execution),  # type: ignore[arg-type]
    )


def claiming(name: str, **resources: float) -> Stage:
    return stage(name, resources=tuple(resources.items()))


def step(name: str, *, deps: tuple[str, ...] = (), outs: tuple[str, ...] = ()) -> Step:
    """A stage that is to run."""
    return Step(stage(name, deps=deps, outs=outs), Verdict.RUN, ())
