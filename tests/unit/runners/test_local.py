"""This machine as a runner: in the workspace, within its GPUs, and what a killed
process left is found.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.errors import StageFailedError
from mltrack.runners import local as module
from mltrack.runners.job import Failure, Item, Seen, State, Ticket
from mltrack.runners.local import LocalRunner
from tests.support.processes import comes, ends, is_alive
from tests.support.runners import job, now, wait, wait_for_text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def runner(root: Path, tmp_path: Path) -> Iterator[LocalRunner]:
    made = LocalRunner(
        str(root), str(root / "jobs"), {"gpus": 1.0}, str(tmp_path / "locks")
    )
    yield made
    made.close()


def notes(root: Path) -> list[str]:
    """What stands beside the logs of jobs that failed."""
    return [name for name in os.listdir(root / "jobs/logs") if name.endswith(".json")]


def test_commands_run_in_the_workspace_with_what_they_are_given(
    runner: LocalRunner, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "here")
    (root / "sub").mkdir()
    command = "pwd; echo $HERE $A $MLTRACK_ROOT; cat"
    one = job(command, variables={"A": "1"}, directory="sub")
    poll, log = wait(runner, runner.submit(one))
    assert log.decode() == f"{root}/sub\nhere 1 {root}\n"
    assert (poll.state, poll.exit_code, poll.failure) == (State.DONE, 0, None)
    assert poll.seconds is not None and poll.peak_memory > 0 and notes(root) == []


def test_a_job_that_runs_is_found_and_one_that_ended_is_not(
    runner: LocalRunner,
) -> None:
    first = runner.submit(job("sleep 600"))
    assert runner.submit(job("other")) == first
    assert runner.submit(job("true", key="")) != runner.submit(job("true", key=""))
    runner.cancel([first])
    again = runner.submit(job("true"))
    assert again != first and again.attempt == "2"


def test_what_failed_is_noted_beside_its_log(runner: LocalRunner, root: Path) -> None:
    ticket = runner.submit(job("echo why", "exit 3", "echo never"))
    poll, log = wait(runner, ticket)
    assert (poll.state, poll.exit_code, poll.command) == (State.FAILED, 3, "exit 3")
    assert log == b"why\n" and poll.seconds is None
    [note] = notes(root)
    facts = json.loads((root / "jobs/logs" / note).read_text())
    assert (facts["state"], facts["exit_code"], facts["label"]) == ("failed", 3, "s")
    runner.forget(ticket)
    assert os.listdir(root / "jobs/logs") == []
    assert runner.poll({ticket: Seen()})[ticket].state is State.LOST


def test_items_go_on_behind_one_that_failed(runner: LocalRunner) -> None:
    items = tuple(
        Item(name, (f"exit {code}",)) for name, code in (("a", 0), ("b", 5), ("c", 0))
    )
    ticket = runner.submit(job(items=items))
    poll, _ = wait(runner, ticket)
    assert (poll.state, poll.exit_code, poll.command) == (State.FAILED, 5, "exit 5")
    assert [(one.id, one.exit_code) for one in poll.items] == [
        ("a", 0),
        ("b", 5),
        ("c", 0),
    ]
    assert [one.id for one in now(runner, ticket, Seen(items=2)).items] == ["c"]


def test_when_time_is_over_all_that_it_started_ends(
    runner: LocalRunner, root: Path
) -> None:
    ticket = runner.submit(
        job("sleep 600 & echo $! > pid; wait", "echo never", timeout=0.5)
    )
    poll, log = wait(runner, ticket)
    assert (poll.state, poll.failure) == (State.FAILED, Failure.TIMEOUT)
    assert log == b"" and ends(int((root / "pid").read_text()))


def test_a_command_that_the_kernel_killed_for_memory_is_told_so(
    runner: LocalRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mltrack.runners import process

    kills = iter(range(9))
    monkeypatch.setattr(process, "kernel_kills", lambda: next(kills))
    monkeypatch.setattr(process._Kills, "seen", -1)
    poll, _ = wait(runner, runner.submit(job("kill -9 $$")))
    assert (poll.exit_code, poll.failure) == (-9, Failure.MEMORY)


def test_cancelled_jobs_are_asked_first_and_then_killed(
    runner: LocalRunner, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "trap 'echo asked; exit 0' TERM; echo begun; sleep 600 & wait"
    kind = runner.submit(job(command))
    deaf = runner.submit(job("trap '' TERM; echo begun; sleep 600", key="cd" * 16))
    for ticket in (kind, deaf):
        wait_for_text(runner, ticket, b"begun")
    runner.cancel([kind, Ticket("local", "x", "1", "")])
    assert now(runner, kind).log == b"begun\nasked\n"
    assert now(runner, deaf).state is State.RUNNING
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    runner.cancel([deaf])
    assert [now(runner, one).state for one in (kind, deaf)] == [State.CANCELLED] * 2
    assert [now(runner, one).exit_code for one in (kind, deaf)] == [0, -9]
    runner.cancel([kind, deaf])
    assert len(notes(root)) == 2


def test_gpus_are_waited_for_in_line_and_given_back(runner: LocalRunner) -> None:
    def one(key: str, command: str) -> Ticket:
        return runner.submit(job(command, key=key * 16, resources={"gpus": 1.0}))

    first = one("aa", "echo $CUDA_VISIBLE_DEVICES; sleep 600")
    wait_for_text(runner, first, b"0\n")
    second = one("bb", "echo $CUDA_VISIBLE_DEVICES")
    assert now(runner, second).state is State.QUEUED
    runner.wait(0.0)
    assert now(runner, second).gpus == () and now(runner, first).gpus == ("0",)
    runner.cancel([first])
    poll, log = wait(runner, second)
    assert (poll.state, poll.gpus, log) == (State.DONE, ("0",), b"0\n")
    third = one("cc", "sleep 600")
    wait(runner, third, lambda poll: poll.state is State.RUNNING)
    fourth = one("dd", "echo never")
    runner.cancel([fourth, third])
    assert now(runner, fourth).state is State.CANCELLED
    # the lock is the command's too, whose last process may still be ending
    assert comes(lambda: runner.slots.held()[0].holder is None)


def test_who_claims_no_gpu_sees_none(runner: LocalRunner) -> None:
    command = 'echo "[${CUDA_VISIBLE_DEVICES-unset}]"'
    for resources, shown in (({}, b"[unset]\n"), ({"gpus": 0.0}, b"[]\n")):
        ticket = runner.submit(job(command, key="", resources=resources))
        assert wait(runner, ticket)[1] == shown


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"shell": "/nowhere/sh"}, "cannot start in the shell /nowhere/sh"),
        ({"directory": "nowhere"}, "cannot start in the directory 'nowhere'"),
    ],
)
def test_what_cannot_be_started_is_told_and_holds_nothing(
    runner: LocalRunner, settings: dict[str, str], says: str
) -> None:
    with pytest.raises(StageFailedError, match=says):
        runner.submit(job("true", resources={"gpus": 1.0}, **settings))
    assert [slot.holder for slot in runner.slots.held()] == [None]
    assert wait(runner, runner.submit(job("true")))[0].state is State.DONE


def test_what_it_has_too_little_of_is_named(runner: LocalRunner) -> None:
    assert runner.lacks({"gpus": 1.0, "time": 9e9, "gpu_memory": 9e9}) is None
    lack = runner.lacks({"gpus": 2.0})
    assert lack is not None
    assert lack.words == "2 of 'gpus'; this machine has 1"


def test_it_reports_what_it_has(runner: LocalRunner, root: Path) -> None:
    [report] = runner.report()
    assert report.name == "this machine" and report.facts == {"gpus": 1.0}
    assert [slot.gpu.name for slot in report.slots] == ["0"] and report.problems == ()
    [gone] = LocalRunner(str(root / "nowhere"), str(root / "jobs")).report()
    assert gone.problems == (f"{root}/nowhere cannot be written",)


def test_what_a_killed_process_left_running_is_ended(
    runner: LocalRunner, root: Path
) -> None:
    code = (
        "import os, sys, time; from mltrack.runners.local import LocalRunner\n"
        "from mltrack.runners.job import Item, Job\n"
        "runner = LocalRunner(sys.argv[1], sys.argv[2])\n"
        "command = 'echo $$ > pid; sleep 600'\n"
        "items = (Item('', (command,)),)\n"
        "runner.submit(Job('ab' * 16, 'train', '/bin/sh', '', items))\n"
        "while not os.path.exists(sys.argv[1] + '/pid'): time.sleep(0.01)\n"
        "os.kill(os.getpid(), 9)"
    )
    words = [sys.executable, "-P", "-c", code, str(root), str(root / "jobs")]
    done = subprocess.run(words, check=False)
    assert done.returncode == -signal.SIGKILL
    while not (root / "pid").read_text():
        pass
    pid = int((root / "pid").read_text())
    assert is_alive(pid)
    assert runner.recover() == ["train"] and ends(pid)
    assert runner.recover() == []


def test_it_returns_when_a_job_may_have_ended(runner: LocalRunner) -> None:
    runner.wait(0.0)
    ticket = runner.submit(job("true"))
    while not now(runner, ticket).state.is_over:
        runner.wait(600.0)
    assert now(runner, ticket).state is State.DONE
