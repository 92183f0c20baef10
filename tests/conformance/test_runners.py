"""One suite for every runner."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mltrack.objects.content import Content
from mltrack.runners import tracing
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


def test_a_timeout_ends_the_whole_process_group(runner: Runner, tmp_path: Path) -> None:
    state, _ = wait(runner, runner.submit(job("sleep 60 & echo $! > child; wait", timeout=0.3)))
    assert state.state is State.FAILED and state.timed_out
    assert ends(int((tmp_path / "child").read_text()))


def test_a_command_that_ignores_the_end_of_its_time_is_killed(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltrack.runners.local.GRACE_SECONDS", 0.3)
    state, _ = wait(runner, runner.submit(job("trap '' TERM; echo $$ > pid; sleep 60; sleep 60", timeout=0.3)))
    assert state.state is State.FAILED and state.timed_out
    assert ends(int((tmp_path / "pid").read_text()))


def test_several_jobs_are_cancelled_together(runner: Runner) -> None:
    tickets = [runner.submit(Job(f"{n:032x}", "s", "/bin/sh", "", (Item("", ("sleep 60",)),))) for n in range(3)]
    started = time.monotonic()
    runner.cancel(tickets)
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert {runner.poll(ticket, 0).state for ticket in tickets} == {State.CANCELLED}


def test_it_says_how_much_memory_a_job_took(runner: Runner) -> None:
    small, _ = wait(runner, runner.submit(job("true")))
    large, _ = wait(runner, runner.submit(job(f"{sys.executable} -c 'x = bytearray(200 << 20)'")))
    assert 0 < small.peak_memory < 100 << 20 < large.peak_memory


def test_an_isolated_job_sees_its_inputs_and_leaves_its_outputs(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("in", "hidden", "d/x"):
        (tmp_path / name).write_text(name)
    given = Job(
        "ef" * 16, "s", "/bin/sh", "", (Item("", ("cat in d/x p > out; ls > seen; echo mine > in || true",), ("out", "seen")),),
        inputs={name: Content("file", "", 0) for name in ("in", "d", "p")}, isolated=True, files={"p": b"given"},
    )  # fmt: skip
    wait(runner, runner.submit(given))
    assert (tmp_path / "out").read_text() == "ind/xgiven"
    assert "hidden" not in (tmp_path / "seen").read_text()
    assert (tmp_path / "in").read_text() == "in" and not (tmp_path / "p").exists()


@pytest.mark.parametrize("how", [tracing.PYTHON, tracing.STRACE])
def test_a_traced_job_tells_what_it_opened(how: str, runner: Runner, tmp_path: Path) -> None:
    if how == tracing.STRACE and not tracing.has_strace():
        pytest.skip("strace is not installed")
    (tmp_path / "r").write_text("1")
    (tmp_path / "sub").mkdir()
    time.sleep(0.05)
    code = "import os; open('r').read(); os.chdir('sub'); open('w', 'w').write('2'); open('../r')"
    state, _ = wait(runner, runner.submit(job(f'{sys.executable} -c "{code}"', trace=how)))
    assert state.state is State.DONE
    assert "r" in state.reads and "sub/w" in state.writes and not any(path.startswith("/") for path in state.reads)


def test_what_is_kept_of_a_job_can_be_forgotten(runner: Runner, tmp_path: Path) -> None:
    tickets = [runner.submit(job("echo x")), runner.submit(job("false"))]
    for ticket in tickets:
        wait(runner, ticket)
        runner.forget(ticket)
        assert runner.poll(ticket, 0).state is State.LOST and not Path(ticket.log_path).exists()
    assert not list(tmp_path.rglob("*.json"))
