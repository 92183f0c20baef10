"""The steps of a plan that wait to be taken: which can be, in the plan's order, and what
becomes of the others once one is settled. It looks at nothing and starts nothing.
"""

import heapq
from collections.abc import Mapping
from typing import NamedTuple

from mltrack.pipeline.plan import Plan, Step
from mltrack.pipeline.reason import Cause

# below any number of others that a step may wait for
_SETTLED = -1


class Again(NamedTuple):
    """A step to be tried once more, not before ``moment`` of the monotonic clock.
    ``place`` is the step's in the plan; ``number`` is that of the try.
    """

    moment: float
    place: int
    step: Step
    number: int


class Queue:
    """``upstream`` are the edges among a plan's stages; those are added that the plan
    found on the way. A place is a step's position in the plan.
    """

    def __init__(self, plan: Plan, upstream: Mapping[str, tuple[str, ...]]) -> None:
        self._steps = list(plan.steps)
        self._place = {
            step.stage.address: place for place, step in enumerate(plan.steps)
        }
        self._unsettled, self._downstream = _edges(plan, upstream)
        # places in ascending order: a heap already
        self._ready = [
            place
            for address, place in self._place.items()
            if not self._unsettled[address]
        ]
        self._aside: list[int] = []
        self._again: list[Again] = []
        self._stuck: set[str] = set()

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    @property
    def is_waiting(self) -> bool:
        """Whether some step is to be tried again, without anything that runs here."""
        return bool(self._aside or self._again)

    def first(self) -> tuple[int, Step]:
        """Returns the first step that can be taken, and its place; it stays."""
        return self._ready[0], self._steps[self._ready[0]]

    def take(self) -> int:
        """Takes the first step out of the queue, and returns its place."""
        return heapq.heappop(self._ready)

    def put_back(self, place: int, step: Step | None = None) -> None:
        """Puts a step where it was, as ``step`` says now if that is another."""
        if step is not None:
            self._steps[place] = step
        heapq.heappush(self._ready, place)

    def put_aside(self, place: int) -> None:
        """Keeps a step until :meth:`bring_back`."""
        self._aside.append(place)

    def bring_back(self) -> None:
        """Puts all that was put aside in the queue again."""
        self._ready += self._aside
        self._aside = []
        heapq.heapify(self._ready)

    def try_again(self, step: Step, moment: float, number: int) -> None:
        """Keeps a step that failed until ``moment`` of the monotonic clock."""
        place = self._place[step.stage.address]
        # equal moments are parted by the place: steps cannot be compared
        heapq.heappush(self._again, Again(moment, place, step, number))

    def due(self, moment: float) -> Again | None:
        """Returns the first step whose pause is over; it stays."""
        is_due = self._again and self._again[0].moment <= moment
        return self._again[0] if is_due else None

    def take_due(self) -> None:
        """Takes the step that :meth:`due` returned."""
        heapq.heappop(self._again)

    def settle(self, address: str) -> list[str]:
        """Notes that a stage has its result: what waited for it alone can be taken.
        Returns the stages that can never be reached, since they waited for one that
        failed, too.
        """
        return self._settle(address, is_good=True)

    def fail(self, address: str) -> list[str]:
        """Notes that a stage has no result: nothing follows it. Returns the stages of
        which it is certain by now that they cannot be reached.
        """
        return self._settle(address, is_good=False)

    def leave(self, address: str) -> None:
        """Notes that a stage goes on elsewhere: its followers wait for another day."""
        self._unsettled[address] = _SETTLED

    def unreached(self) -> list[str]:
        """Returns the stages that are neither settled nor left."""
        return [
            address for address in self._place if self._unsettled[address] != _SETTLED
        ]

    def _settle(self, address: str, *, is_good: bool) -> list[str]:
        self._unsettled[address] = _SETTLED
        abandoned: list[str] = []
        for follower in self._release(address, is_good=is_good):
            # told only now, and once: each edge to it was to be counted down
            if follower in self._stuck:
                abandoned += self._abandon(follower)
            else:
                heapq.heappush(self._ready, self._place[follower])
        return abandoned

    def _release(self, address: str, *, is_good: bool) -> list[str]:
        """Returns the followers of a stage that wait for nothing else."""
        free = []
        for follower in self._downstream[address]:
            if not is_good:
                self._stuck.add(follower)
            self._unsettled[follower] -= 1
            if self._unsettled[follower] == 0:
                free.append(follower)
        return free

    def _abandon(self, address: str) -> list[str]:
        """A stage that cannot be reached, and all that only it kept waiting."""
        abandoned = []
        pending = [address]
        while pending:
            one = pending.pop()
            self._unsettled[one] = _SETTLED
            abandoned.append(one)
            pending += self._release(one, is_good=False)
        return abandoned


def _edges(
    plan: Plan, upstream: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Returns how many others each step waits for, and which wait for it: what is
    declared, and what the plan found.
    """
    addresses = [step.stage.address for step in plan.steps]
    unsettled = dict.fromkeys(addresses, 0)
    downstream: dict[str, list[str]] = {address: [] for address in addresses}
    for step in plan.steps:
        if step.stage.frozen:
            # it takes nothing from above: it is decided as it stands
            continue
        found = {
            str(reason.new) for reason in step.reasons if reason.cause is Cause.UPSTREAM
        }
        # a set: an edge that is declared and found is waited for once
        for needed in (found & unsettled.keys()).union(upstream[step.stage.address]):
            downstream[needed].append(step.stage.address)
            unsettled[step.stage.address] += 1
    return unsettled, downstream
