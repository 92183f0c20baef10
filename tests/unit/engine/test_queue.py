"""The queue by itself: what can be taken, and what follows what became of a step."""

from hypothesis import given
from hypothesis import strategies as st

from mltrack.engine.queue import Queue
from mltrack.pipeline.plan import Plan, Step, Verdict
from mltrack.pipeline.reason import Cause, Reason
from tests.unit.engine.stages import stage


def queue(needs: dict[str, tuple[str, ...]], frozen: str = "") -> Queue:
    steps = [
        Step(stage(name)._replace(frozen=name in frozen), Verdict.RUN, ())
        for name in needs
    ]
    return Queue(Plan(tuple(steps)), needs)


def taken(waiting: Queue) -> list[str]:
    """Takes all that can be taken."""
    found = []
    while waiting.has_ready:
        found.append(waiting.first()[1].stage.address)
        waiting.take()
    return found


CHAIN: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b",), "d": ()}


def test_what_waits_for_nothing_comes_first_and_in_the_plans_order() -> None:
    assert taken(queue(CHAIN)) == ["a", "d"]


def test_a_settled_step_frees_those_that_waited_for_it_alone() -> None:
    waiting = queue({"a": (), "b": (), "c": ("a", "b")})
    taken(waiting)
    assert waiting.settle("a") == [] and not waiting.has_ready
    waiting.settle("b")
    assert taken(waiting) == ["c"]


def test_nothing_follows_a_step_that_failed() -> None:
    waiting = queue(CHAIN)
    taken(waiting)
    assert waiting.fail("a") == ["b", "c"]
    assert not waiting.has_ready
    assert waiting.unreached() == ["d"]


def test_a_step_is_abandoned_only_once_nothing_of_it_is_open() -> None:
    waiting = queue({"a": (), "b": (), "c": ("a", "b")})
    assert waiting.fail("a") == []
    assert waiting.settle("b") == ["c"]


def test_what_goes_on_elsewhere_keeps_its_followers_waiting() -> None:
    waiting = queue(CHAIN)
    taken(waiting)
    waiting.leave("a")
    assert not waiting.has_ready
    assert waiting.unreached() == ["b", "c", "d"]


def test_what_was_put_aside_comes_back_at_its_place() -> None:
    waiting = queue({"a": (), "b": ()})
    waiting.put_aside(waiting.take())
    assert waiting.is_waiting and taken(queue({"a": (), "b": ()})) == ["a", "b"]
    waiting.bring_back()
    assert not waiting.is_waiting and taken(waiting) == ["a", "b"]


def test_a_step_that_was_put_back_is_the_one_that_it_became() -> None:
    waiting = queue({"a": ()})
    place, step = waiting.first()
    waiting.take()
    waiting.put_back(place, step._replace(verdict=Verdict.RESTORE))
    assert waiting.first()[1].verdict is Verdict.RESTORE


def test_another_try_waits_for_its_moment_and_the_first_one_comes_first() -> None:
    waiting = queue({"a": (), "b": ()})
    _, step = waiting.first()
    waiting.try_again(step, 20.0, 3)
    waiting.try_again(step, 10.0, 2)
    assert waiting.due(9.9) is None
    due = waiting.due(10.0)
    assert due is not None and due.number == 2
    waiting.take_due()
    assert waiting.due(10.0) is None and waiting.is_waiting


def test_what_the_plan_found_on_the_way_is_waited_for_and_a_frozen_stage_waits_for_nothing() -> (
    None
):
    found = Step(stage("b"), Verdict.WAIT, (Reason(Cause.UPSTREAM, "x", new="a"),))
    steps = (Step(stage("a"), Verdict.RUN, ()), found)
    assert taken(Queue(Plan(steps), {"a": (), "b": ()})) == ["a"]
    assert taken(queue({"a": (), "b": ("a",)}, frozen="b")) == ["a", "b"]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    names = [f"s{number}" for number in range(draw(st.integers(1, 8)))]
    return {
        name: tuple(draw(st.sets(st.sampled_from(names[:at])))) if at else ()
        for at, name in enumerate(names)
    }


@given(graphs(), st.data())
def test_each_step_is_taken_once_or_named_as_unreached(
    needs: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    bad = data.draw(st.sets(st.sampled_from(sorted(needs))))
    waiting = queue(needs)
    seen: list[str] = []
    unreached: list[str] = []
    while waiting.has_ready:
        address = waiting.first()[1].stage.address
        waiting.take()
        assert all(need in seen and need not in bad for need in needs[address])
        seen.append(address)
        act = waiting.fail if address in bad else waiting.settle
        unreached += act(address)
    assert sorted(seen + unreached) == sorted(needs)
    assert waiting.unreached() == []
