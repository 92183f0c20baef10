"""The suite of all runners for the one that works in cells, and what only cells
promise: what a command does to its inputs reaches nobody else.
"""

import inspect
import os
from pathlib import Path

import pytest

from mltrack.errors import MissingObjectError
from mltrack.objects.content import Content
from mltrack.runners.cells import CellRunner, Store
from mltrack.runners.job import Job, Origin, State, Ticket
from mltrack.runners.runner import Runner
from mltrack.runners.worker import hashing
from mltrack.runners.worker.objects import Objects
from tests.conformance import test_runners as suite
from tests.support.runners import (
    SLOTS,
    Bench,
    Given,
    job,
    now,
    wait,
    wait_for_text,
)

globals().update(
    {
        name: test
        for name, test in vars(suite).items()
        if "runner"
        in ((inspect.isfunction(test) and inspect.signature(test).parameters) or ())
    }
)


class Cells(CellRunner):
    """With an origin for jobs that read nothing."""

    def submit(self, job: Job, origin: Origin | None = None) -> Ticket:
        return super().submit(job, origin or Given({}))


class CellBench(Bench):
    def open(self, clone: str = "project") -> Runner:
        place = str(self.path / "place")
        os.makedirs(place, exist_ok=True)
        digest = hashing.find("xxh3", place)
        assert digest is not None
        made = Cells(
            str(self.root),
            str(self.root / "jobs"),
            Store(place, Objects(place, "xxh3", digest), str(self.root)),
            {"gpus": float(SLOTS), "cpus": 2.0},
            str(self.path / "locks"),
        )
        self.opened.append(made)
        return made


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "project").mkdir()
    return CellBench(tmp_path, "cells")


runner = suite.runner
LARGE = b"right\n" * 50_000


def leftovers(bench: Bench) -> list[str]:
    """The cells that were not removed."""
    above = bench.root / ".mltrack/tmp/sandboxes"
    return sorted(os.listdir(above)) if above.exists() else []


@pytest.mark.parametrize("data", [b"right\n", LARGE], ids=["small", "large"])
def test_an_input_that_a_command_changed_reaches_no_other_job(
    data: bytes, runner: Runner
) -> None:
    given = Given({"in": data}, {"d": {"x": data}})
    bad = job(
        "chmod u+w in d/x; echo wrong >> in; echo wrong >> d/x",
        inputs=given.inputs,
        key="1" * 32,
    )
    wait(runner, runner.submit(bad, given))
    state, log = wait(
        runner,
        runner.submit(
            job("cat in d/x | grep -c right", inputs=given.inputs, key="2" * 32), given
        ),
    )
    assert state.state is State.DONE
    assert int(log) == 2 * data.count(b"right\n")


def test_a_large_input_that_was_written_to_ends_the_job(runner: Runner) -> None:
    given = Given({"in": LARGE})
    one = job("chmod u+w in; echo wrong >> in", inputs=given.inputs)
    state, _ = wait(runner, runner.submit(one, given))
    assert state.state is State.FAILED and "in" in state.problem


def test_a_job_that_read_what_another_overwrote_is_not_believed(
    runner: Runner, tmp_path: Path
) -> None:
    given = Given({"in": LARGE})
    reads = job(
        f"echo begun; until [ -e {tmp_path}/go ]; do sleep 0.02; done; tail -n 1 in > out",
        inputs=given.inputs,
        outputs=("out",),
        key="1" * 32,
    )
    reading = runner.submit(reads, given)
    wait_for_text(runner, reading, b"begun")
    writes = job("chmod u+w in; echo wrong >> in", inputs=given.inputs, key="2" * 32)
    wait(runner, runner.submit(writes, given))
    (tmp_path / "go").touch()
    state, _ = wait(runner, reading)
    assert state.state is State.FAILED and "in" in state.problem


def test_nothing_of_the_project_is_seen_or_touched(
    runner: Runner, bench: Bench
) -> None:
    (bench.root / "here").write_text("of the workspace")
    (bench.root / "out").write_text("of the workspace")
    ticket = runner.submit(job("ls -A > out; rm -f here", outputs=("out",)))
    assert wait(runner, ticket)[0].state is State.DONE
    assert (bench.root / "out").read_text() == "of the workspace"
    runner.fetch(ticket)
    assert (bench.root / "out").read_text() == "out\n"
    assert (bench.root / "here").read_text() == "of the workspace"


def test_no_cell_is_left_of_what_is_over(runner: Runner, bench: Bench) -> None:
    good = runner.submit(job("touch out", outputs=("out",), key="1" * 32))
    wait(runner, good)
    runner.fetch(good)
    runner.settle(good)
    bad = runner.submit(job("false", key="2" * 32))
    wait(runner, bad)
    runner.settle(bad)
    rejected = runner.submit(job("touch out", outputs=("out",), key="4" * 32))
    wait(runner, rejected)
    runner.reject(rejected)
    ended = runner.submit(job("echo begun; sleep 60", key="3" * 32))
    wait_for_text(runner, ended, b"begun")
    runner.cancel([ended])
    assert now(runner, ended).state is State.CANCELLED
    runner.settle(ended)
    assert leftovers(bench) == []


def test_an_input_that_is_nowhere_is_named_and_leaves_no_cell(
    runner: Runner, bench: Bench
) -> None:
    one = job("true", inputs={"in": Content("file", "f" * 32, 3)})
    with pytest.raises(MissingObjectError, match="f" * 32):
        runner.submit(one, Given({}))
    assert leftovers(bench) == []


def test_an_input_that_changes_while_it_is_copied_is_refused(
    runner: Runner, bench: Bench, tmp_path: Path
) -> None:
    given = Given({"in": b"right\n"})
    (tmp_path / "other").write_text("another\n")
    given.objects = dict.fromkeys(given.objects, str(tmp_path / "other"))
    with pytest.raises(MissingObjectError, match="changed while it was copied"):
        runner.submit(job("cat in", inputs=given.inputs), given)
    assert leftovers(bench) == []


def test_a_state_that_was_saved_is_there_for_the_next_attempt(bench: Bench) -> None:
    command = "cat ck/at 2>/dev/null; echo step >> ck/at; echo saved; test $(wc -l < ck/at) = 3"
    for times in range(3):
        # as another process would: what was saved outlives them
        runner = bench.open()
        ticket = runner.submit(job(command, checkpoint="ck"))
        state, log = wait(runner, ticket)
        assert log.count(b"step") == times
        runner.settle(ticket)
    assert state.state is State.DONE
    runner.forget(ticket)
    runner = bench.open()
    _, log = wait(runner, runner.submit(job(command, checkpoint="ck")))
    assert log.count(b"step") == 0
