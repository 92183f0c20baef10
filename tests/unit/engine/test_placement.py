"""Which runner a stage's job goes to: the first that can be reached and has enough."""

from collections.abc import Mapping

import pytest

from mltrack.engine.placement import Placement
from mltrack.errors import PipelineError, RemoteError
from mltrack.pipeline.stage import Stage
from mltrack.runners.job import Abilities, Poll, Seen, Shortage, State, Ticket, Works
from mltrack.runners.runner import Runner
from tests.support.local_only import LocalOnly
from tests.unit.engine.stages import stage


class Machine(LocalOnly):
    def __init__(
        self,
        name: str,
        capacity: dict[str, float],
        *,
        queues: bool = False,
        reached: bool = True,
    ) -> None:
        self.name, self.capacity, self.queues, self.reached = (
            name,
            capacity,
            queues,
            reached,
        )
        self.cancelled: list[Ticket] = []

    @property
    def abilities(self) -> Abilities:
        if not self.reached:
            raise RemoteError(f"{self.name} is away")
        return Abilities(
            Works.APART, survives=True, queues=self.queues, capacity=self.capacity
        )

    def submit(self, job: object, origin: object = None) -> Ticket:
        raise NotImplementedError

    def lacks(self, resources: Mapping[str, float]) -> Shortage | None:  # type: ignore[override]
        for name, amount in resources.items():
            if self.capacity.get(name, 0.0) < amount:
                return Shortage(name, amount, f"{amount:g} of {name!r}")
        return None

    def now(self, ticket: Ticket, seen: Seen) -> Poll:
        return Poll(State.RUNNING)

    def cancel(self, tickets: list[Ticket]) -> None:
        self.cancelled += tickets


class Rack:
    """The runners of a project; of ``surviving`` keys jobs are known beside their
    runner.
    """

    def __init__(
        self, *machines: Machine, noted: str = "", surviving: tuple[str, ...] = ()
    ) -> None:
        self.machines = {machine.name: machine for machine in machines}
        self.noted, self.surviving = noted, surviving
        self.asked: list[tuple[str, bool]] = []

    def open(self, name: str) -> Runner:
        self.asked.append((name, False))
        return self.machines[name]

    def open_surviving(self, name: str) -> Runner:
        self.asked.append((name, True))
        return self.machines[name]

    def is_surviving(self, name: str, key: str) -> bool:
        return key in self.surviving

    def handed_over_to(self, key: str) -> str:
        return self.noted


SMALL, BIG = ("small", {"gpus": 1.0}), ("big", {"gpus": 8.0})


def wanting(gpus: float, *runners: str) -> Stage:
    return stage("train", runners=runners, resources=(("gpus", gpus),))


def test_a_stage_goes_to_the_first_of_its_runners_that_has_enough() -> None:
    placement = Placement(Rack(Machine(*SMALL), Machine(*BIG)), "small")
    assert placement.runner_for(wanting(1, "small", "big")).name == "small"
    assert placement.runner_for(wanting(4, "small", "big")).name == "big"
    assert placement.runner_for(stage("other")).name == "small"


def test_what_no_runner_has_is_named_with_the_setting_that_would_say_otherwise() -> (
    None
):
    placement = Placement(Rack(Machine(*SMALL)), "small")
    with pytest.raises(PipelineError, match="needs 4 of 'gpus'") as caught:
        placement.runner_for(wanting(4))
    assert "runner.small.gpus 4" in caught.value.hint


def test_a_runner_that_is_away_is_tried_once_and_passed_over() -> None:
    rack = Rack(Machine("away", {}, reached=False), Machine(*BIG))
    placement = Placement(rack, "big")
    for _ in range(2):
        assert placement.runner_for(wanting(1, "away", "big")).name == "big"
    assert rack.asked == [("away", False), ("big", False)]
    with pytest.raises(RemoteError, match="away is away"):
        placement.runner_for(wanting(1, "away"))


def test_the_person_decides_for_all_stages() -> None:
    placement = Placement(Rack(Machine(*SMALL), Machine(*BIG)), "small", asked="big")
    assert placement.runner_for(wanting(1, "small")).name == "big"


def test_a_job_that_was_handed_over_is_asked_for_where_it_went() -> None:
    placement = Placement(Rack(Machine(*SMALL), Machine(*BIG), noted="big"), "small")
    assert placement.runner_for(stage("s"), "key").name == "big"
    assert placement.runner_for(stage("s")).name == "small"


@pytest.mark.parametrize(
    "detaches, key, survives",
    [(True, "", True), (False, "known", True), (False, "other", False)],
)
def test_jobs_that_outlive_the_command_have_a_runner_for_that(
    detaches: bool, key: str, survives: bool
) -> None:
    rack = Rack(Machine(*BIG), surviving=("known",))
    Placement(rack, "big", detaches=detaches).runner_for(stage("s"), key)
    assert rack.asked == [("big", survives)]


def test_claims_are_counted_by_runner_unless_jobs_may_wait_there() -> None:
    small, queue = Machine(*SMALL), Machine("queue", {"gpus": 1.0}, queues=True)
    placement = Placement(Rack(small, queue), "small")
    for runner, fits_twice in ((small, False), (queue, True)):
        placement.take(runner, wanting(1))
        assert placement.fits(runner, wanting(1)) is fits_twice
        placement.give(runner, wanting(1))
        assert placement.fits(runner, wanting(1))


def test_jobs_are_cancelled_by_the_runner_that_has_them() -> None:
    small, big = Machine(*SMALL), Machine(*BIG)
    placement = Placement(Rack(small, big), "small")
    placement.runner_for(wanting(1, "small"))
    placement.runner_for(wanting(1, "big"))
    tickets = [Ticket(name, name, "1", "") for name in ("a", "b", "c")]
    placement.cancel([(small, tickets[0]), (big, tickets[1]), (small, tickets[2])])
    assert small.cancelled == [tickets[0], tickets[2]] and big.cancelled == [tickets[1]]
