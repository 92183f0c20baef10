"""One suite for every runner."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mltrack.runners.job import Item, Job, Poll, State, Ticket
from mltrack.runners.local import LocalRunner
from mltrack.runners.runner import Runner
from tests.support.processes import ends

RUNNERS: dict[str, Callable[[Path], Runner]] = {"local": lambda path: LocalRunner(str(path), str(path / "jobs"))}
PATIENCE_SECONDS = 30.0


@pytest.fixture(params=RUNNERS)
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Runner:
    return RUNNERS[request.param](tmp_path)


def job(*commands: str, **settings: object) -> Job:
    return Job(key="ab" * 16, label="s", shell="/bin/sh", directory="", items=(Item("", commands),), **settings)  # type: ignore[arg-type]


def wait(runner: Runner, ticket: Ticket) -> tuple[Poll, bytes]:
    log, deadline = b"", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        state = runner.poll(ticket, len(log))
        log += state.log
        if state.state is not State.RUNNING and not state.log:
            return state, log
        runner.wait(0.1)
    raise AssertionError("the job did not end")


def test_it_is_fit(runner: Runner) -> None:
    assert runner.check() == []


def test_success_with_its_log(runner: Runner) -> None:
    state, log = wait(runner, runner.submit(job("echo one", "echo two >&2")))
    assert (state.state, state.exit_code, log) == (State.DONE, 0, b"one\ntwo\n")


def test_a_failing_command_ends_the_job_with_its_code(runner: Runner) -> None:
    state, log = wait(runner, runner.submit(job("echo one", "exit 7", "echo never")))
    assert (state.state, state.exit_code, log) == (State.FAILED, 7, b"one\n")
    assert state.command == "exit 7"


def test_a_signal_is_a_negative_code(runner: Runner) -> None:
    state, _ = wait(runner, runner.submit(job("kill -TERM $$")))
    assert (state.state, state.exit_code) == (State.FAILED, -15)


def test_cancelling_ends_the_whole_process_group(runner: Runner, tmp_path: Path) -> None:
    ticket = runner.submit(job("sleep 60 & echo $! > child; echo ready; wait"))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while b"ready" not in runner.poll(ticket, 0).log and time.monotonic() < deadline:
        pass
    runner.cancel([ticket])
    assert runner.poll(ticket, 0).state is State.CANCELLED
    child = int((tmp_path / "child").read_text())
    assert ends(child)


def test_the_log_is_read_from_any_offset(runner: Runner) -> None:
    ticket = runner.submit(job("printf 0123456789"))
    wait(runner, ticket)
    assert runner.poll(ticket, 4).log == b"456789"


def test_variables_and_directory_reach_the_command(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    given = Job("cd" * 16, "s", "/bin/sh", "d", (Item("", ("echo $X; pwd",)),), variables={"X": "v"})
    _, log = wait(runner, runner.submit(given))
    assert log.decode().split() == ["v", str(tmp_path / "d")]


def test_a_command_cannot_read_from_the_terminal(runner: Runner) -> None:
    assert wait(runner, runner.submit(job("cat; echo end")))[1] == b"end\n"


def test_two_attempts_of_one_key_keep_their_own_logs(runner: Runner) -> None:
    first, second = runner.submit(job("echo 1")), runner.submit(job("echo 2"))
    assert wait(runner, first)[1] == b"1\n" and wait(runner, second)[1] == b"2\n"


def test_a_ticket_of_nobody_is_lost(runner: Runner) -> None:
    assert runner.poll(Ticket("local", "x", "1", os.devnull), 0).state is State.LOST


def test_many_small_jobs(runner: Runner) -> None:
    tickets = [runner.submit(Job(f"{n:032x}", "s", "/bin/sh", "", (Item("", ("true",)),))) for n in range(100)]
    assert {wait(runner, ticket)[0].state for ticket in tickets} == {State.DONE}
