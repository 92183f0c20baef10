"""A few calls at once: never more, all of them, and an error is never swallowed."""

import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.store.shared import workers


@given(st.lists(st.integers()), st.integers(-1, 6))
def test_every_call_gives_its_result(numbers: list[int], count: int) -> None:
    def call(number: int) -> Callable[[], int]:
        return lambda: number

    found = list(workers.run((call(number) for number in numbers), count))
    assert sorted(found) == sorted(numbers)
    if count <= 1:
        assert found == numbers


@pytest.mark.parametrize("count", [1, 3])
def test_calls_are_drawn_as_there_is_room(count: int) -> None:
    drawn, under_way, most = 0, 0, 0
    guard = threading.Lock()

    def call() -> int:
        nonlocal under_way, most
        with guard:
            under_way += 1
            most = max(most, under_way)
        with guard:
            under_way -= 1
        return 1

    def calls() -> Iterator[Callable[[], int]]:
        nonlocal drawn
        for _ in range(20):
            drawn += 1
            yield call

    for done, _ in enumerate(workers.run(calls(), count), 1):
        assert drawn <= done + count
    assert drawn == 20 and most <= count


def test_as_many_as_there_may_be_run_side_by_side() -> None:
    together = threading.Barrier(3)
    calls: list[Callable[[], int]] = [lambda: together.wait(60)] * 6
    assert sorted(workers.run(calls, 3)) == [0, 0, 1, 1, 2, 2]


def test_an_error_lets_what_has_begun_end_and_stops_the_rest() -> None:
    begun, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def slow() -> str:
        begun.set()
        go_on.wait(60)
        ended.append("slow")
        return "slow"

    def bad() -> str:
        begun.wait(60)
        threading.Timer(0.05, go_on.set).start()
        raise KeyError("bad")

    def never() -> str:
        ended.append("never")
        return "never"

    with pytest.raises(KeyError, match="bad"):
        list(workers.run([slow, bad, never, never], 2))
    assert ended == ["slow"]


def test_an_error_of_the_only_worker_stops_the_rest() -> None:
    ran: list[int] = []

    def bad() -> None:
        raise KeyError("bad")

    with pytest.raises(KeyError):
        list(workers.run([bad, lambda: ran.append(1)], 1))
    assert ran == []


def test_who_interrupts_does_not_wait() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), list[str]()

    def stuck() -> None:
        begun.set()
        go_on.wait(10)
        ended.append("stuck")

    def interrupted() -> None:
        begun.wait(60)
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            list(workers.run([stuck, interrupted, stuck], 2))
        assert ended == []
    finally:
        go_on.set()
