"""Resources as budgets: what the stages that run at once may claim together."""

from collections.abc import Iterable, Mapping

from mltrack.errors import PipelineError
from mltrack.pipeline.stage import Stage

UNBUDGETED = ("time",)
"""Claims that only schedulers of clusters read."""


class Budget:
    """How much of each resource is free. A stage that claims nothing always fits."""

    def __init__(self, capacity: Mapping[str, float]) -> None:
        self._free = dict(capacity)

    def fits(self, stage: Stage) -> bool:
        return all(
            self._free.get(name, 0.0) >= amount
            for name, amount in stage.execution.resources
            if name not in UNBUDGETED and amount
        )

    def take(self, stage: Stage) -> None:
        for name, amount in stage.execution.resources:
            self._free[name] = self._free.get(name, 0.0) - amount

    def give(self, stage: Stage) -> None:
        for name, amount in stage.execution.resources:
            self._free[name] = self._free.get(name, 0.0) + amount


def check_claims(stages: Iterable[Stage], capacity: Mapping[str, float]) -> None:
    """Raises PipelineError for a stage that claims more than there is in all: it would wait for ever."""
    for stage in stages:
        for name, amount in stage.execution.resources:
            there = capacity.get(name, 0.0)
            if name not in UNBUDGETED and amount > there:
                raise PipelineError(
                    f"stage {stage.address!r} needs {amount:g} of {name!r}; this machine has {there:g}",
                    hint=f"mltrack config --local runner.local.{name} {amount:g}, if there is that much",
                )
