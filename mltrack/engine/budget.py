"""Resources as budgets: what the stages that run at once may claim together."""

from collections.abc import Mapping

from mltrack.pipeline.stage import Stage
from mltrack.runners.capacity import NOT_COUNTED


class Budget:
    """How much of each resource is free. A stage that claims nothing always fits."""

    def __init__(self, capacity: Mapping[str, float]) -> None:
        self._free = dict(capacity)

    def fits(self, stage: Stage) -> bool:
        return all(
            self._free.get(name, 0.0) >= amount
            for name, amount in stage.execution.resources
            # a claim of nothing fits where nobody counts the resource, too
            if name not in NOT_COUNTED and amount
        )

    def take(self, stage: Stage) -> None:
        for name, amount in stage.execution.resources:
            self._free[name] = self._free.get(name, 0.0) - amount

    def give(self, stage: Stage) -> None:
        for name, amount in stage.execution.resources:
            self._free[name] = self._free.get(name, 0.0) + amount
