"""Resources as budgets: what the stages that run at once may claim together."""

from collections.abc import Mapping
from math import fsum

from mltrack.pipeline.stage import Stage
from mltrack.runners.capacity import NOT_COUNTED


class Budget:
    """How much of each resource is free. A stage that claims nothing always fits."""

    def __init__(self, capacity: Mapping[str, float]) -> None:
        self._capacity = dict(capacity)
        # the claims themselves: a number that they are taken from and given back to
        # would drift, and of a free core 0.9999999999999999 would be left
        self._taken: dict[str, list[float]] = {}

    def fits(self, stage: Stage) -> bool:
        return all(
            fsum((*self._taken.get(name, ()), amount)) <= self._capacity.get(name, 0.0)
            for name, amount in stage.execution.resources
            # a claim of nothing fits where nobody counts the resource, too
            if name not in NOT_COUNTED and amount
        )

    def take(self, stage: Stage) -> None:
        for name, amount in stage.execution.resources:
            self._taken.setdefault(name, []).append(amount)

    def give(self, stage: Stage) -> None:
        for name, amount in stage.execution.resources:
            self._taken[name].remove(amount)
