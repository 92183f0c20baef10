"""The queue: what runs at once, what waits for what, and what follows a failure."""

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from mltrack import project as projects
from mltrack.engine import lock_state
from mltrack.engine.events import (
    Event,
    StageFailed,
    StageFinished,
    StageRetried,
    StageStarted,
)
from mltrack.engine.outcome import Outcome
from mltrack.errors import RemoteError, WorkspaceError
from mltrack.formats import yaml
from mltrack.runners.job import Abilities, Job, Poll, Seen, State, Ticket, Works
from mltrack.verbs.repro import Repro, ReproOptions
from mltrack.verbs.session import Session
from tests.support.local_only import LocalOnly
from tests.support.workspace import Workspace


class Recording(LocalOnly):
    """Writes the outputs of a job at the next wait; notes what ran at once. ``fails``
    says how often a stage fails first.
    """

    name = "stub"

    def __init__(
        self, root: Path, capacity: dict[str, float] | None = None, **fails: int
    ) -> None:
        self.root, self.fails, self.capacity = root, fails, capacity or {}
        self.under_way: dict[str, Job] = {}
        self.done: dict[str, Poll] = {}
        self.at_once: list[set[str]] = []
        # done while a job runs, as if by the person
        self.meanwhile: Callable[[str], object] = str
        self.log = root / "stub.log"
        self.log.write_text("")

    @property
    def abilities(self) -> Abilities:
        return Abilities(Works.IN_PLACE, survives=False, capacity=self.capacity)

    def submit(self, job: Job, origin: object = None) -> Ticket:
        self.under_way[job.label] = job
        self.done.pop(job.label, None)
        return Ticket("stub", job.label, "1", str(self.log))

    def wait(self, seconds: float) -> None:
        self.at_once.append(set(self.under_way))
        # one at a time, so that others can start beside the rest
        label, job = next(iter(self.under_way.items()))
        del self.under_way[label]
        self.meanwhile(label)
        if self.fails.get(label, 0):
            self.fails[label] -= 1
            self.done[label] = Poll(State.FAILED, 1)
            return
        for path in job.items[0].outputs:
            (self.root / path).write_text(label)
        self.done[label] = Poll(State.DONE, 0)

    def now(self, ticket: Ticket, seen: Seen) -> Poll:
        return self.done.get(ticket.key, Poll(State.RUNNING))


Run = Callable[..., tuple[list[Event], Outcome, Recording]]


@pytest.fixture
def run(ws: Workspace) -> Run:
    """Runs stages, given as what each depends on, with more of its declaration."""

    def run(
        stages: dict[str, dict[str, object]],
        capacity: dict[str, float] | None = None,
        fails: dict[str, int] | None = None,
        meanwhile: Callable[[str], object] = str,
        **options: object,
    ) -> tuple[list[Event], Outcome, Recording]:
        declared = {
            name: {
                "cmd": "x",
                "outs": [f"{name}.o"],
                **more,
                "deps": [f"{dep}.o" for dep in more.get("deps", [])],
            }  # type: ignore[attr-defined]
            for name, more in stages.items()
        }
        for one in declared.values():
            if not one["deps"]:
                one["deps"] = ["source"]
        ws.write("source", "x")
        ws.write("mltrack.yaml", yaml.dump({"stages": declared}))
        runner = Recording(ws.path, capacity, **(fails or {}))
        runner.meanwhile = meanwhile
        with Session(projects.find(str(ws.path))) as session:
            work = Repro(session, ReproOptions(**options), runner)  # type: ignore[arg-type]
            return [*work.run(work.plan())], work.outcome, runner

    return run


def started(events: list[Event]) -> list[str]:
    return [event.stage for event in events if isinstance(event, StageStarted)]


def test_as_many_run_at_once_as_were_asked_for(run: Run) -> None:
    _, outcome, runner = run({name: {} for name in "abcd"}, jobs=3)
    assert max(map(len, runner.at_once)) == 3
    assert sorted(outcome.ran) == [*"abcd"]


def test_a_stage_waits_for_what_it_depends_on(run: Run) -> None:
    events, _, runner = run(
        {"a": {}, "b": {"deps": ["a"]}, "c": {"deps": ["b"]}, "d": {}}, jobs=4
    )
    assert all(len({"a", "b", "c"} & together) <= 1 for together in runner.at_once)
    assert (
        started(events).index("a")
        < started(events).index("b")
        < started(events).index("c")
    )


def test_claims_that_do_not_fit_let_others_pass(run: Run) -> None:
    big, small = {"resources": {"gpus": 2}}, {"resources": {"gpus": 1}}
    _, outcome, runner = run({"a": small, "b": big, "c": small}, {"gpus": 2.0}, jobs=3)
    assert {"a", "c"} in runner.at_once
    assert not any({"b"} < together for together in runner.at_once)
    assert sorted(outcome.ran) == ["a", "b", "c"]


def test_after_a_failure_nothing_more_is_started(run: Run) -> None:
    events, outcome, _ = run({"a": {}, "b": {"deps": ["a"]}, "c": {}}, fails={"a": 1})
    assert started(events) == ["a"]
    assert outcome.failed == ["a"] and sorted(outcome.not_reached) == ["b", "c"]
    assert [event.stage for event in events if isinstance(event, StageFailed)] == ["a"]


def test_with_keep_going_only_what_depends_on_it_is_left_out(run: Run) -> None:
    stages: dict[str, dict[str, object]] = {
        "a": {},
        "b": {"deps": ["a"]},
        "c": {"deps": ["b"]},
        "d": {},
    }
    _, outcome, _ = run(stages, fails={"a": 1}, keep_going=True)
    assert (outcome.ran, outcome.failed, sorted(outcome.not_reached)) == (
        ["d"],
        ["a"],
        ["b", "c"],
    )


def test_a_stage_that_fails_is_tried_as_often_as_it_says(run: Run) -> None:
    stages: dict[str, dict[str, object]] = {"a": {"retry": {"tries": 3, "backoff": 0}}}
    events, outcome, _ = run(stages, fails={"a": 2})
    assert len([event for event in events if isinstance(event, StageRetried)]) == 2
    assert outcome.ran == ["a"] and any(
        isinstance(event, StageFinished) for event in events
    )
    _, outcome, _ = run(stages, fails={"a": 3}, force=True)
    assert outcome.failed == ["a"]


AGAIN: dict[str, dict[str, object]] = {
    "a": {"retry": {"tries": 2, "backoff": 0}, "params": ["n"]},
    "c": {},
}


def test_a_stage_whose_params_cannot_be_read_before_its_next_try_has_no_result(
    run: Run, ws: Workspace
) -> None:
    ws.write("params.yaml", "n: 1")

    def edits(label: str) -> None:
        if label == "a":
            ws.write("params.yaml", "n: [1,")

    events, outcome, _ = run(AGAIN, fails={"a": 1}, meanwhile=edits, keep_going=True)
    assert outcome.failed == ["a"] and outcome.ran == ["c"]
    assert started(events).count("a") == 1
    assert "a" not in json.loads(ws.read("mltrack.lock"))["stages"]


def test_a_stage_is_tried_again_with_the_params_as_they_are_by_then(
    run: Run, ws: Workspace
) -> None:
    ws.write("params.yaml", "n: 1")
    _, outcome, _ = run(
        AGAIN, fails={"a": 1}, meanwhile=lambda _: ws.write("params.yaml", "n: 2")
    )
    assert sorted(outcome.ran) == ["a", "c"]
    entry = json.loads(ws.read("mltrack.lock"))["stages"]["a"]
    assert entry["params"] == {"params.yaml": {"n": 2}}
    run(AGAIN)
    ws.write("params.yaml", "n: 1")
    _, outcome, _ = run(AGAIN)
    assert outcome.ran == ["a"]


def test_a_stage_whose_inputs_went_back_before_its_next_try_gets_their_result(
    run: Run, ws: Workspace
) -> None:
    ws.write("params.yaml", "n: 1")
    run(AGAIN)
    ws.write("params.yaml", "n: 2")
    events, outcome, _ = run(
        AGAIN, fails={"a": 1}, meanwhile=lambda _: ws.write("params.yaml", "n: 1")
    )
    assert started(events) == ["a"] and outcome.restored == ["a"]


def test_params_that_cannot_be_read_after_a_run_stop_no_other_stage(
    run: Run, ws: Workspace
) -> None:
    ws.write("params.yaml", "n: 1")

    def edits(label: str) -> None:
        if label == "a":
            ws.write("params.yaml", "n: [1,")

    _, outcome, _ = run(AGAIN, meanwhile=edits, keep_going=True)
    assert outcome.failed == ["a"] and outcome.ran == ["c"]


@pytest.mark.parametrize("keep_going", [True, False])
def test_a_result_that_can_no_longer_be_had_fails_its_own_stage_alone(
    run: Run, ws: Workspace, monkeypatch: pytest.MonkeyPatch, keep_going: bool
) -> None:
    ws.write("params.yaml", "n: 1")
    run(AGAIN)
    (ws.path / "a.o").unlink()
    (ws.path / "c.o").write_text("edited")

    def lost(*_: object) -> None:
        raise RemoteError("the remote is away")

    monkeypatch.setattr("mltrack.verbs.bringing.FromHosts.fetch", lost)
    _, outcome, _ = run(AGAIN, keep_going=keep_going)
    assert outcome.failed == (["a", "c"] if keep_going else ["a"])


def test_what_is_frozen_waits_for_nothing(run: Run) -> None:
    stages: dict[str, dict[str, object]] = {
        "a": {},
        "b": {"deps": ["a"], "frozen": True},
        "c": {"deps": ["b"]},
    }
    run(stages | {"b": {"deps": ["a"]}})
    events, outcome, _ = run(stages, fails={"a": 1}, force=True, keep_going=True)
    assert outcome.failed == ["a"]
    assert "b" not in started(events) and "c" in started(events)


def test_what_ran_outlasts_a_power_cut_once_repro_has_ended(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        lock_state,
        "fsync",
        lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")),
    )
    run({"a": {}, "b": {"deps": ["a"]}})
    # the journal of this process
    assert [path for path in synced if f"-{os.getpid()}." in path]


@pytest.mark.parametrize("is_refused", [False, True])
def test_runners_are_closed_once_whatever_ends_a_repro(
    is_refused: bool, ws: Workspace
) -> None:
    class Closing(Recording):
        closed = 0

        def close(self) -> None:
            self.closed += 1

        def recover(self) -> list[str]:
            if is_refused:
                raise WorkspaceError("something is wrong")
            return []

    ws.write("mltrack.yaml", "stages: {a: {cmd: x, outs: [a.o]}}")
    runner = Closing(ws.path)
    with Session(projects.find(str(ws.path))) as session:
        work = Repro(session, ReproOptions(), runner)
        with pytest.raises(WorkspaceError) if is_refused else nullcontext():
            [*work.run(work.plan())]
    assert runner.closed == 1
