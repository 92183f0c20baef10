"""One suite for every runner: on this machine in the workspace, on this machine in
directories of its own, over ssh.
"""

import errno
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.content import Content
from mltrack.runners import tracing
from mltrack.runners.connection import Address
from mltrack.runners.job import Failure, Item, Job, Seen, State, Ticket
from mltrack.runners.runner import Runner
from tests.services.servers import Sshd
from tests.support.processes import ends
from tests.support.runners import (
    SLOTS,
    Bench,
    Given,
    here,
    job,
    now,
    over_ssh,
    supervisors,
    wait,
    wait_for_text,
)

KINDS = ("local", "here", "ssh")
Serve = Callable[[type[Sshd]], Any]


@pytest.fixture(params=KINDS)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, serve: Serve
) -> Iterator[Bench]:
    made = _bench(request.param, tmp_path, serve)
    yield made
    made.close()


@pytest.fixture(params=[kind for kind in KINDS if kind != "local"])
def surviving(
    request: pytest.FixtureRequest, tmp_path: Path, serve: Serve
) -> Iterator[Bench]:
    """Runners whose jobs outlive the process that submitted them."""
    made = _bench(request.param, tmp_path, serve)
    yield made
    made.close()


def _bench(kind: str, path: Path, serve: Serve) -> Bench:
    (path / "project").mkdir()
    if kind == "ssh":
        return over_ssh(path, serve(Sshd).config)
    return here(path) if kind == "here" else Bench(path, kind)


@pytest.fixture
def runner(bench: Bench) -> Runner:
    return bench.open()


def test_it_is_fit(runner: Runner) -> None:
    assert [report.problems for report in runner.report()] == [()]


def test_success_with_its_log(runner: Runner) -> None:
    state, log = wait(runner, runner.submit(job("echo one", "echo two >&2")))
    assert (state.state, state.exit_code, log) == (State.DONE, 0, b"one\ntwo\n")


def test_outputs_stand_in_the_project_once_they_are_fetched(
    runner: Runner, bench: Bench
) -> None:
    command = "mkdir -p d/e && echo 1 > d/e/f && ln -s f d/e/l && echo 2 > x && chmod +x x && mkdir d/empty"
    ticket = runner.submit(job(command, outputs=("d", "x")))
    assert wait(runner, ticket)[0].state is State.DONE
    runner.fetch(ticket)
    assert (bench.root / "d/e/f").read_text() == "1\n" and os.readlink(
        bench.root / "d/e/l"
    ) == "f"
    assert os.access(bench.root / "x", os.X_OK) and (bench.root / "d/empty").is_dir()
    assert not os.access(bench.root / "d/e/f", os.X_OK)


def test_a_failing_command_ends_the_job_with_its_code(runner: Runner) -> None:
    state, log = wait(runner, runner.submit(job("echo one", "exit 7", "echo never")))
    assert (state.state, state.exit_code, log) == (State.FAILED, 7, b"one\n")
    assert state.command == "exit 7"


def test_a_signal_is_a_negative_code(runner: Runner) -> None:
    state, _ = wait(runner, runner.submit(job("kill -TERM $$")))
    assert (state.state, state.exit_code) == (State.FAILED, -15)


def test_a_killed_command_ends_the_job(runner: Runner, tmp_path: Path) -> None:
    ticket = runner.submit(
        job(f"echo $$ > {tmp_path}/pid; echo ready; sleep 60; sleep 60")
    )
    wait_for_text(runner, ticket, b"ready")
    os.kill(int((tmp_path / "pid").read_text()), 9)
    state, _ = wait(runner, ticket)
    assert (state.state, state.exit_code) == (State.FAILED, -9)


def test_cancelling_ends_the_whole_process_group(
    runner: Runner, tmp_path: Path
) -> None:
    ticket = runner.submit(
        job(f"sleep 60 & echo $! > {tmp_path}/child; echo ready; wait")
    )
    wait_for_text(runner, ticket, b"ready")
    runner.cancel([ticket])
    assert now(runner, ticket).state is State.CANCELLED
    assert ends(int((tmp_path / "child").read_text()))


def test_the_log_is_read_from_any_offset(runner: Runner) -> None:
    ticket = runner.submit(job("printf 0123456789"))
    wait(runner, ticket)
    assert now(runner, ticket, Seen(log=4)).log == b"456789"


def test_a_long_log_arrives_whole(runner: Runner) -> None:
    _, log = wait(
        runner,
        runner.submit(
            job("i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done")
        ),
    )
    assert log.count(b"\n") == 40000 and log.endswith(b"line 39999\n")


def test_variables_and_directory_reach_the_command(
    runner: Runner, bench: Bench
) -> None:
    (bench.root / "d").mkdir()
    given = (
        job('echo $X; basename "$(pwd)"', directory="d")
        if False
        else Job(
            "cd" * 16,
            "s",
            "/bin/sh",
            "d",
            (
                Item(
                    "",
                    (
                        'echo "$X"; basename "$(pwd)"; test "$(pwd)" = "$MLTRACK_ROOT/d"',
                    ),
                ),
            ),
            variables={"X": "a b$'\"\nc"},
        )
    )
    state, log = wait(runner, runner.submit(given))
    assert state.state is State.DONE and log.decode() == "a b$'\"\nc\nd\n"


def test_a_command_cannot_read_from_the_terminal(runner: Runner) -> None:
    assert wait(runner, runner.submit(job("cat; echo end")))[1] == b"end\n"


def test_what_runs_is_found_and_not_doubled(runner: Runner, tmp_path: Path) -> None:
    command = f"echo x >> {tmp_path}/ran; sleep 0.5"
    first, second = runner.submit(job(command)), runner.submit(job(command))
    assert first == second and wait(runner, first)[0].state is State.DONE
    assert (tmp_path / "ran").read_text() == "x\n"


def test_what_was_taken_runs_anew(runner: Runner, tmp_path: Path) -> None:
    for _ in range(2):
        ticket = runner.submit(job(f"echo x >> {tmp_path}/ran", fresh=True))
        wait(runner, ticket)
        runner.settle(ticket)
    assert (tmp_path / "ran").read_text() == "x\nx\n"


def test_a_ticket_of_nobody_is_lost(runner: Runner) -> None:
    assert now(runner, Ticket("local", "x", "1", os.devnull)).state is State.LOST


def test_many_small_jobs(runner: Runner, bench: Bench) -> None:
    count = 1000 if bench.kind != "ssh" else 100
    tickets = [runner.submit(job("true", key=f"{n:032x}")) for n in range(count)]
    assert {wait(runner, ticket)[0].state for ticket in tickets} == {State.DONE}


def test_a_timeout_ends_the_whole_process_group(runner: Runner, tmp_path: Path) -> None:
    state, _ = wait(
        runner,
        runner.submit(job(f"sleep 60 & echo $! > {tmp_path}/child; wait", timeout=0.3)),
    )
    assert state.state is State.FAILED and state.failure is Failure.TIMEOUT
    assert ends(int((tmp_path / "child").read_text()))


def test_several_jobs_are_cancelled_together(runner: Runner) -> None:
    tickets = [runner.submit(job("sleep 60", key=f"{n:032x}")) for n in range(3)]
    runner.cancel(tickets)
    assert {now(runner, ticket).state for ticket in tickets} == {State.CANCELLED}


def test_it_says_how_much_memory_a_job_took(runner: Runner) -> None:
    # a command that needs less counts as what this process was when it forked
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    much = ours + (200 << 20)
    small, _ = wait(runner, runner.submit(job("true", key="1" * 32)))
    large, _ = wait(
        runner,
        runner.submit(
            job(f"{sys.executable} -c 'x = bytearray({much})'", key="2" * 32)
        ),
    )
    assert 0 < small.peak_memory < much < large.peak_memory


def test_a_missing_output_is_not_made_up(runner: Runner, bench: Bench) -> None:
    ticket = runner.submit(job("true", outputs=("out",)))
    assert wait(runner, ticket)[0].state is State.DONE
    runner.fetch(ticket)
    assert not (bench.root / "out").exists()


def test_an_isolated_job_sees_its_inputs_and_leaves_its_outputs(
    runner: Runner, bench: Bench
) -> None:
    given = Given({"in": b"in"}, {"d": {"x": b"d/x", "run.sh": b"#!/bin/sh\n"}})
    (bench.root / "d").mkdir()
    for name, data in {
        "in": b"in",
        "hidden": b"hidden",
        "d/x": b"d/x",
        "d/run.sh": b"#!/bin/sh\n",
    }.items():
        (bench.root / name).write_bytes(data)
    (bench.root / "d/run.sh").chmod(0o755)
    ticket = runner.submit(
        job(
            "cat in d/x p > out; test -x d/run.sh && echo run >> out; ls > seen",
            outputs=("out", "seen"),
            isolated=True,
            inputs={**given.inputs, "p": Content("file", "", 0)},
            files={"p": b"given"},
        ),
        given,
    )
    assert wait(runner, ticket)[0].state is State.DONE
    runner.fetch(ticket)
    assert (bench.root / "out").read_text() == "ind/xgivenrun\n"
    assert "hidden" not in (bench.root / "seen").read_text()
    assert not (bench.root / "p").exists()


def test_each_gpu_is_one_jobs_at_a_time(runner: Runner, tmp_path: Path) -> None:
    """Every job notes its GPU, and that nobody else has noted the same one meanwhile."""
    command = f"mkdir {tmp_path}/gpu-$CUDA_VISIBLE_DEVICES && sleep 0.15 && rmdir {tmp_path}/gpu-$CUDA_VISIBLE_DEVICES"
    tickets = [
        runner.submit(job(command, key=f"{n:032x}", resources={"gpus": 1.0}))
        for n in range(8)
    ]
    polls = [wait(runner, ticket)[0] for ticket in tickets]
    assert {poll.state for poll in polls} == {State.DONE}
    assert {poll.gpus for poll in polls} == {("0",), ("1",)}


def test_all_gpus_of_a_job_are_its_own(runner: Runner) -> None:
    state, log = wait(
        runner,
        runner.submit(
            job("echo $CUDA_VISIBLE_DEVICES", resources={"gpus": float(SLOTS)})
        ),
    )
    assert state.state is State.DONE and log == b"0,1\n"


def test_it_says_what_it_has_too_little_of(runner: Runner) -> None:
    shortage = runner.lacks({"gpus": 3.0, "time": 9e9})
    assert (
        shortage is not None
        and shortage.resource == "gpus"
        and "3 of 'gpus'" in shortage.words
    )
    assert (
        runner.lacks({"gpus": 2.0}) is None
        and runner.lacks({"license": 1.0}) is not None
    )


def test_many_items_in_one_job_each_with_its_result(
    runner: Runner, bench: Bench
) -> None:
    items = tuple(
        Item(f"i{n}", (f"test {n} != 2", f"echo {n} > o{n}"), (f"o{n}",))
        for n in range(5)
    )
    ticket = runner.submit(job(items=items))
    state, _ = wait(runner, ticket)
    assert (state.state, state.exit_code, state.command) == (
        State.FAILED,
        1,
        "test 2 != 2",
    )
    assert [(item.id, item.exit_code) for item in state.items] == [
        (f"i{n}", int(n == 2)) for n in range(5)
    ]
    assert [item.id for item in now(runner, ticket, Seen(items=3)).items] == [
        "i3",
        "i4",
    ]


def test_one_poll_asks_about_all_jobs_from_where_each_was_seen(runner: Runner) -> None:
    tickets = [
        runner.submit(job(f"printf {n}{n}{n}", key=f"{n:032x}")) for n in range(3)
    ]
    for ticket in tickets:
        wait(runner, ticket)
    polls = runner.poll({ticket: Seen(log=n) for n, ticket in enumerate(tickets)})
    assert [polls[ticket].log for ticket in tickets] == [b"000", b"11", b"2"]


def test_what_is_kept_of_a_job_can_be_forgotten(runner: Runner, bench: Bench) -> None:
    tickets = [
        runner.submit(job("echo x", key="1" * 32)),
        runner.submit(job("false", key="2" * 32)),
    ]
    for ticket in tickets:
        wait(runner, ticket)
        runner.settle(ticket)
        runner.forget(ticket)
        assert (
            now(runner, ticket).state is State.LOST
            and not Path(ticket.log_path).exists()
        )
    assert not list((bench.root / "jobs").rglob("*.json"))


@pytest.mark.parametrize("how", [tracing.PYTHON, tracing.STRACE])
def test_a_traced_job_tells_what_it_opened(how: str, tmp_path: Path) -> None:
    if how == tracing.STRACE and not tracing.has_strace():
        pytest.skip("strace is not installed")
    bench = Bench(tmp_path, "local")
    runner = bench.open()
    (bench.root / "r").write_text("1")
    (bench.root / "sub").mkdir()
    time.sleep(0.05)
    code = "import os; open('r').read(); os.chdir('sub'); open('w', 'w').write('2'); open('../r')"
    state, _ = wait(
        runner, runner.submit(job(f'{sys.executable} -c "{code}"', trace=how))
    )
    assert state.state is State.DONE
    assert (
        "r" in state.reads
        and "sub/w" in state.writes
        and not any(path.startswith("/") for path in state.reads)
    )


def test_a_command_that_ignores_the_end_of_its_time_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltrack.runners.local.GRACE_SECONDS", 0.3)
    runner = Bench(tmp_path, "local").open()
    state, _ = wait(
        runner,
        runner.submit(
            job(
                f"trap '' TERM; echo $$ > {tmp_path}/pid; sleep 60; sleep 60",
                timeout=0.3,
            )
        ),
    )
    assert state.state is State.FAILED and state.failure is Failure.TIMEOUT
    assert ends(int((tmp_path / "pid").read_text()))


# runners whose jobs survive


def test_another_process_finds_what_runs_and_takes_its_result(
    surviving: Bench, tmp_path: Path
) -> None:
    command = f"echo x >> {tmp_path}/ran; echo begun; sleep 1; echo done > out"
    first = surviving.open()
    wait_for_text(first, first.submit(job(command, outputs=("out",))), b"begun")
    first.close()
    second = surviving.open()
    ticket = second.submit(job(command, outputs=("out",)))
    state, log = wait(second, ticket)
    second.fetch(ticket)
    assert state.state is State.DONE and log == b"begun\n"
    assert (surviving.root / "out").read_text() == "done\n" and (
        tmp_path / "ran"
    ).read_text() == "x\n"


def test_another_clone_finds_what_ended_meanwhile(
    surviving: Bench, tmp_path: Path
) -> None:
    command = f"echo x >> {tmp_path}/ran; echo begun; sleep 0.3; echo done > out"
    first = surviving.open()
    wait_for_text(first, first.submit(job(command, outputs=("out",))), b"begun")
    first.close()
    time.sleep(1)
    second = surviving.open("clone")
    ticket = second.submit(job(command, outputs=("out",)))
    assert wait(second, ticket)[0].state is State.DONE
    second.fetch(ticket)
    assert (tmp_path / "clone/out").read_text() == "done\n" and (
        tmp_path / "ran"
    ).read_text() == "x\n"


@pytest.mark.parametrize("prints", ["", "; echo end"])
def test_a_job_that_was_at_work_when_it_was_found_is_not_called_over(
    prints: str, surviving: Bench, tmp_path: Path
) -> None:
    command = f"touch {tmp_path}/begun; until [ -e {tmp_path}/go ]; do sleep 0.05; done{prints}"
    first = surviving.open()
    ticket = first.submit(job(command))
    wait(first, ticket, lambda poll: (tmp_path / "begun").exists())
    first.close()
    second = surviving.open()
    again = second.submit(job(command))
    wait(second, again, lambda poll: poll.state is State.RUNNING)
    (tmp_path / "go").touch()
    state, _ = wait(second, again)
    assert state.state is State.DONE and not state.was_over


@pytest.mark.parametrize("prints", ["true", "echo end"])
def test_a_job_that_had_ended_when_it_was_found_is_called_over(
    prints: str, surviving: Bench
) -> None:
    first = surviving.open()
    wait(first, first.submit(job(prints)))
    first.close()
    second = surviving.open()
    assert wait(second, second.submit(job(prints)))[0].was_over


def test_a_failure_that_nobody_took_is_told_once(
    surviving: Bench, tmp_path: Path
) -> None:
    command = f"echo x >> {tmp_path}/ran; echo begun; exit 3"
    first = surviving.open()
    wait_for_text(first, first.submit(job(command)), b"begun")
    first.close()
    second = surviving.open()
    ticket = second.submit(job(command))
    assert (
        wait(second, ticket)[0].exit_code == 3
        and (tmp_path / "ran").read_text() == "x\n"
    )
    second.settle(ticket)
    assert wait(second, second.submit(job(command)))[0].exit_code == 3
    assert (tmp_path / "ran").read_text() == "x\nx\n"


def test_two_clones_at_once_share_one_job(surviving: Bench, tmp_path: Path) -> None:
    command = f"echo x >> {tmp_path}/ran; sleep 0.5; echo done > out"
    runners = [surviving.open("one"), surviving.open("two")]
    tickets = [runner.submit(job(command, outputs=("out",))) for runner in runners]
    for name, runner, ticket in zip(("one", "two"), runners, tickets, strict=True):
        assert wait(runner, ticket)[0].state is State.DONE
        runner.fetch(ticket)
        runner.settle(ticket)
        assert (tmp_path / name / "out").read_text() == "done\n"
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_killed_supervisor_loses_the_job_and_leaves_nothing_running(
    surviving: Bench, tmp_path: Path
) -> None:
    runner = surviving.open()
    ticket = runner.submit(
        job(f"echo $$ > {tmp_path}/pid; echo ready; sleep 60; sleep 60")
    )
    wait_for_text(runner, ticket, b"ready")
    for pid in supervisors(surviving.host_place()):
        os.kill(pid, 9)
    assert wait(runner, ticket)[0].state is State.LOST
    assert ends(int((tmp_path / "pid").read_text()))


def test_a_lost_worker_loses_only_the_item_it_was_running(
    surviving: Bench, tmp_path: Path
) -> None:
    items = tuple(
        Item(
            str(n),
            (
                f"echo {n} >> {tmp_path}/ran; echo item {n}; echo {n} > o{n}; test -e {tmp_path}/go || sleep {9 * (n == 3)}",
            ),
            (f"o{n}",),
        )
        for n in range(5)
    )
    runner = surviving.open()
    ticket = runner.submit(job(items=items))
    wait_for_text(runner, ticket, b"item 3")
    for pid in supervisors(surviving.host_place()):
        os.kill(pid, 9)
    assert wait(runner, ticket)[0].state is State.LOST
    runner.settle(ticket)
    (tmp_path / "go").touch()
    again = runner.submit(job(items=items))
    state, _ = wait(runner, again)
    assert state.state is State.DONE and len(state.items) == 5
    runner.fetch(again)
    assert (tmp_path / "ran").read_text().split() == ["0", "1", "2", "3", "3", "4"]
    assert [(surviving.root / f"o{n}").read_text() for n in range(5)] == [
        f"{n}\n" for n in range(5)
    ]


def test_what_a_host_has_is_not_sent_again(surviving: Bench) -> None:
    given = Given({"in": os.urandom(3 << 20)}, {"d": {"x": b"1"}})
    runner = surviving.open()
    wait(
        runner,
        runner.submit(
            job(
                "cat in d/x > out", outputs=("out",), inputs=given.inputs, key="1" * 32
            ),
            given,
        ),
    )
    asked = given.asked
    state, _ = wait(
        runner,
        runner.submit(job("cat in d/x", inputs=given.inputs, key="2" * 32), given),
    )
    assert state.state is State.DONE and asked and given.asked == asked


def test_an_input_that_a_command_changed_is_never_used_again(surviving: Bench) -> None:
    given = Given({"in": b"right\n"})
    runner = surviving.open()
    bad = job("chmod u+w in; echo wrong > in", inputs=given.inputs, key="1" * 32)
    state, _ = wait(runner, runner.submit(bad, given))
    assert state.state is State.FAILED and "in" in state.problem
    state, log = wait(
        runner, runner.submit(job("cat in", inputs=given.inputs, key="2" * 32), given)
    )
    assert (state.state, log) == (State.DONE, b"right\n")


def test_an_output_made_from_an_overwritten_input_is_made_again(
    surviving: Bench, tmp_path: Path
) -> None:
    given = Given({"in": b"right\n"})
    runner = surviving.open()
    command = f"cat in > out; test -e {tmp_path}/go || {{ chmod u+w in; echo wrong > in; cat in > out; }}"
    one = job(command, outputs=("out",), inputs=given.inputs)
    ticket = runner.submit(one, given)
    assert wait(runner, ticket)[0].state is State.FAILED
    runner.settle(ticket)
    (tmp_path / "go").touch()
    again = runner.submit(one, given)
    assert wait(runner, again)[0].state is State.DONE
    runner.fetch(again)
    assert (surviving.root / "out").read_text() == "right\n"


def test_a_job_that_is_cancelled_while_its_inputs_are_sent_is_cancelled(
    surviving: Bench,
) -> None:
    runner = surviving.open()
    asked = threading.Event()

    class Slow(Given):
        """Has its bytes at hand once somebody wants the job to end."""

        def find(self, hex_digest: str) -> bytes | str | None:
            asked.set()
            (task,) = runner._board.tasks  # type: ignore[attr-defined]
            while not task.wants_end:
                time.sleep(0.01)
            return super().find(hex_digest)

    given = Slow({"in": b"in"})
    ticket = runner.submit(job("cat in", inputs=given.inputs), given)
    asked.wait()
    runner.cancel([ticket])
    assert wait(runner, ticket)[0].state is State.CANCELLED
    assert wait(runner, runner.submit(job("true", key="2" * 32)))[0].state is State.DONE


def test_outputs_may_stay_where_they_were_made(surviving: Bench) -> None:
    runner = surviving.open()
    ticket = runner.submit(
        job(
            "echo 1 > a; mkdir b; echo 2 > b/c",
            outputs=("a", "b"),
            left=frozenset({"b"}),
        )
    )
    state, _ = wait(runner, ticket)
    runner.fetch(ticket)
    assert (surviving.root / "a").exists() and not (surviving.root / "b").exists()
    assert list(state.left) == ["b"] and state.left["b"].files == 1


def test_an_error_of_this_machine_ends_no_job(
    surviving: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk here is full while a log grows; there is room for the next command."""
    command = f"echo begun; cd {tmp_path}; until [ -e full ]; do sleep 0.05; done; echo line; until [ -e go ]; do sleep 0.05; done; echo x >> ran; cd -; echo 1 > out"
    first = surviving.open()
    ticket = first.submit(job(command, outputs=("out",)))
    wait_for_text(first, ticket, b"begun")

    def full(descriptor: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), ticket.log_path)

    with monkeypatch.context() as patched:
        patched.setattr("mltrack.runners.errands.write_all", full)
        (tmp_path / "full").touch()
        state, _ = wait(first, ticket)
        assert state.state is State.UNREACHABLE and "No space left" in state.problem
        first.settle(ticket)
        first.close()
    (tmp_path / "go").touch()
    second = surviving.open()
    again = second.submit(job(command, outputs=("out",)))
    assert wait(second, again)[0].state is State.DONE
    second.fetch(again)
    assert (surviving.root / "out").read_text() == "1\n"
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_receipt_for_a_job_that_is_at_work_leaves_it_alone(
    surviving: Bench, tmp_path: Path
) -> None:
    command = f"echo begun; until [ -e {tmp_path}/go ]; do sleep 0.05; done; pwd -P; echo 1 > out"
    runner = surviving.open()
    ticket = runner.submit(job(command, outputs=("out",)))
    wait_for_text(runner, ticket, b"begun")
    other = surviving.open("clone")
    (known,) = other.jobs()
    other.drop(known)
    (tmp_path / "go").touch()
    assert wait(runner, ticket)[0].state is State.DONE


def test_a_receipt_that_a_host_refuses_ends_no_other_job(
    surviving: Bench, tmp_path: Path
) -> None:
    runner = surviving.open()
    slow = runner.submit(
        job(
            f"echo begun; until [ -e {tmp_path}/go ]; do sleep 0.05; done", key="1" * 32
        )
    )
    wait_for_text(runner, slow, b"begun")
    ticket = runner.submit(job("true", key="2" * 32))
    wait(runner, ticket)
    # the host cannot leave its note: as when its disk is full
    (surviving.host_place() / "jobs" / ("2" * 32) / "1/taken").mkdir()
    runner.settle(ticket)
    third = runner.submit(job("true", key="3" * 32))
    assert wait(runner, third)[0].state is State.DONE
    (tmp_path / "go").touch()
    assert wait(runner, slow)[0].state is State.DONE


def test_a_checkpoint_is_there_again_for_the_next_attempt(
    surviving: Bench, tmp_path: Path
) -> None:
    command = (
        "cat ck/at 2>/dev/null; echo step >> ck/at; echo saved; sleep 60; echo never"
    )
    runner = surviving.open()
    for times in range(3):
        ticket = runner.submit(job(command, checkpoint="ck"))
        wait_for_text(runner, ticket, b"saved")
        if times == 1:  # the last thing it can do is not to say anything
            for pid in supervisors(surviving.host_place()):
                os.kill(pid, 9)
            wait(runner, ticket)
        else:
            runner.cancel([ticket])
        _, log = wait(runner, ticket)
        assert log.count(b"step") == times
        runner.settle(ticket)


def test_a_result_that_was_tampered_with_is_not_believed(surviving: Bench) -> None:
    first = surviving.open()
    ticket = first.submit(job("echo begun; echo x > out", outputs=("out",)))
    wait(first, ticket)
    first.close()
    (result,) = surviving.host_place().rglob("result.json")
    result.write_text('{"state": "done"}')
    second = surviving.open()
    state, _ = wait(second, second.submit(job("echo x > out", outputs=("out",))))
    assert state.state is not State.DONE and "result.json" in state.problem


# the hosts' own Python


def _pythons() -> dict[str, str]:
    """Other versions of Python on this machine, by version."""
    found = {}
    for path in [
        *Path.home().glob(".pyenv/versions/*/bin/python3"),
        *Path("/root/.pyenv/versions").glob("*/bin/python3"),
    ]:
        version = ".".join(path.parent.parent.name.split(".")[:2])
        found[version] = str(path)
    for version in ("3.7", "3.8", "3.9", "3.10", "3.12", "3.13"):
        place = shutil.which(f"python{version}")
        if place and version not in found:
            found[version] = place
    return found


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_the_worker_runs_on_the_hosts_own_python(version: str, tmp_path: Path) -> None:
    python = _pythons().get(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    (tmp_path / "project").mkdir()
    bench = here(tmp_path)
    bench.addresses = [Address("", python, str(tmp_path / "host"))]
    runner = bench.open()
    given = Given({"in": b"x"}, {"d": {"run.sh": b"echo hi"}})
    ticket = runner.submit(
        job(
            "sh d/run.sh; mkdir o; cp in o/y",
            outputs=("o",),
            inputs=given.inputs,
            resources={"gpus": 1.0},
        ),
        given,
    )
    state, log = wait(runner, ticket)
    runner.fetch(ticket)
    assert (state.state, log) == (State.DONE, b"hi\n") and (
        bench.root / "o/y"
    ).read_text() == "x"
    slow = runner.submit(job("echo begun; sleep 60", key="2" * 32))
    wait_for_text(runner, slow, b"begun")
    runner.cancel([slow])
    assert now(runner, slow).state is State.CANCELLED
    bench.close()


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    python = _pythons().get("3.7")
    if python is None:
        pytest.skip("there is no Python 3.7 here")
    (tmp_path / "project").mkdir()
    bench = here(tmp_path)
    bench.addresses = [Address("", python, str(tmp_path / "host"))]
    with pytest.raises(RemoteError, match=r"is Python 3\.7, and the worker needs 3\.8"):
        _ = bench.open().abilities
