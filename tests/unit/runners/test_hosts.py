"""Hosts and the runner over them: with one on this machine, a job is started, watched
and taken; whatever becomes of the way there, the job is told as what it is.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mltrack.disk.durable import temporary_path
from mltrack.errors import RemoteError
from mltrack.objects.digest import XXH3
from mltrack.runners.connection import Address
from mltrack.runners.host import Host
from mltrack.runners.hosts import HostRunner
from mltrack.runners.job import KnownJob, Poll, State, Ticket
from mltrack.runners.task import Board, HostSettings, Phase, Task
from mltrack.runners.tickets import Tickets
from mltrack.runners.worker.messages import Start
from mltrack.store.local.cache import Cache
from tests.support.processes import ends
from tests.support.runners import Given, job, now, supervisors, wait, wait_for_text

KEY = "ab" * 16
Open = Callable[..., HostRunner]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Makes runners of a project, as processes do one after another."""
    made: list[HostRunner] = []

    def open_(*addresses: Address, patience: float = 30.0) -> HostRunner:
        usual = Address("", sys.executable, str(tmp_path / "host"))
        settings = HostSettings(
            "box", {"gpus": 2.0}, str(tmp_path / "locks"), 1 << 40, "", patience
        )
        root = tmp_path / "project"
        root.mkdir(exist_ok=True)
        runner = HostRunner(
            settings,
            addresses or [usual],
            str(root),
            str(root / "jobs"),
            Cache(str(root / "cache"), XXH3),
        )
        made.append(runner)
        return runner

    yield open_
    for runner in made:
        runner.close()


def known(runner: HostRunner) -> KnownJob:
    [found] = runner.jobs()
    return found


# opening


def test_what_the_hosts_have_is_what_the_runner_has(opened: Open) -> None:
    runner = opened()
    abilities = runner.abilities
    assert abilities.survives and abilities.queues and abilities.leaves
    assert abilities.capacity["gpus"] == 2.0 and abilities.left_out == {}
    assert [host.name for host in runner.reached] == ["this machine"]
    assert runner.silent() == {}


def test_hosts_that_cannot_be_reached_are_left_out(
    opened: Open, tmp_path: Path
) -> None:
    away = Address("", "/nowhere/python3", str(tmp_path / "away"))
    here = Address("", sys.executable, str(tmp_path / "host"))
    runner = opened(away, here)
    assert list(runner.abilities.left_out) == ["this machine"]
    assert len(runner.reached) == 1 and runner.silent().keys() == {"this machine"}
    alone = opened(away)
    with pytest.raises(RemoteError, match="cannot start /nowhere/python3"):
        alone.abilities  # noqa: B018 - connects
    assert alone.jobs() == [] and alone.holds(job("true")) == ""
    [report] = alone.report()
    assert "cannot start" in report.problems[0]


# one job after another


def test_a_job_is_taken_where_its_outputs_belong(opened: Open, tmp_path: Path) -> None:
    runner = opened()
    given = Given({"in": b"input"})
    one = job("cat in; cp in o", inputs=given.inputs, outputs=("o", "none"))
    ticket = runner.submit(one, given)  # type: ignore[arg-type]
    assert runner.submit(one, given) == ticket  # type: ignore[arg-type]
    poll, log = wait(runner, ticket)
    assert (poll.state, log, poll.sent) == (State.DONE, b"input", 5)
    runner.fetch(ticket)
    assert (tmp_path / "project/o").read_bytes() == b"input"
    runner.settle(ticket)
    runner.forget(ticket)
    assert now(runner, ticket).state is State.LOST
    assert not os.path.exists(ticket.log_path)
    assert list(Tickets(str(tmp_path / "project/jobs")).all()) == []


def test_what_runs_is_found_followed_and_ended_by_the_next_process(
    opened: Open, tmp_path: Path
) -> None:
    first = opened()
    ticket = first.submit(job("echo begun; sleep 600"))
    assert first.detach(ticket)
    wait_for_text(first, ticket, b"begun")
    first.close()
    later = opened()
    assert later.abilities and later.holds(job("x")) == "running"
    one = known(later)
    assert (one.label, one.state, one.host) == ("s", "running", "this machine")
    assert later.follow(one, 2, 0.0) == ("running", b"gun\n")
    later.end(one)
    while (state := later.follow(one, 6, 10.0)[0]) == "running":
        pass
    assert state == "cancelled" and supervisors(tmp_path / "host") == []


def test_a_result_that_nobody_took_is_taken_by_the_next_process(
    opened: Open, tmp_path: Path
) -> None:
    first = opened()
    one = job("echo 1; echo 1 > o", outputs=("o",))
    ticket = first.submit(one)
    wait(first, ticket)
    first.close()
    later = opened()
    assert later.abilities and later.holds(one) == "done"
    again = later.submit(one)
    poll, log = wait(later, again)
    assert poll.was_over and log == b"1\n"
    later.fetch(again)
    later.settle(again)
    later.close()
    assert known(opened()).is_taken
    assert (tmp_path / "project/o").read_text() == "1\n"


def test_a_job_that_nobody_wants_is_dropped(opened: Open) -> None:
    runner = opened()
    wait(runner, runner.submit(job("true")))
    later = opened()
    later.drop(known(later))
    later.close()
    assert known(opened()).is_taken


def test_cancelled_jobs_leave_nothing_running(opened: Open, tmp_path: Path) -> None:
    runner = opened()
    tickets = [
        runner.submit(job("echo begun; sleep 600", key=f"{n:032x}")) for n in (1, 2)
    ]
    for ticket in tickets:
        wait_for_text(runner, ticket, b"begun")
    pids = supervisors(tmp_path / "host")
    runner.cancel(tickets)
    assert [wait(runner, ticket)[0].state for ticket in tickets] == (
        [State.CANCELLED] * 2
    )
    assert len(pids) == 2 and all(map(ends, pids))
    runner.cancel([Ticket("box", "x", "y", "z")])


def test_what_no_host_has_is_named(opened: Open) -> None:
    runner = opened()
    assert runner.lacks({"gpus": 2.0, "time": 9e9}) is None
    lack = runner.lacks({"gpus": 3.0})
    assert lack is not None and (lack.resource, lack.amount) == ("gpus", 3.0)
    assert lack.words == "3 of 'gpus'; box has 2"


def test_outputs_that_stay_are_brought_and_let_go_of(opened: Open) -> None:
    runner = opened()
    one = job("echo 1 > o", outputs=("o",), left=frozenset({"o"}))
    ticket = runner.submit(one)
    left = list(wait(runner, ticket)[0].left.values())
    assert [content.size for content in left] == [2]
    runner.settle(ticket)
    runner.close()
    later = opened()
    assert later.holding(left) == {"this machine": left}
    assert later.bring(left) == left
    assert later.hosts[0]._caches.get().read(left[0].hex) == b"1\n"
    later.release({one.key, "cd" * 16})
    later.close()


# the way there


def test_a_connection_that_is_lost_is_made_anew(opened: Open) -> None:
    runner = opened()
    ticket = runner.submit(job("echo begun; sleep 1; echo 1 > o", outputs=("o",)))
    wait_for_text(runner, ticket, b"begun")
    connection = runner.hosts[0]._connection
    assert connection is not None
    os.kill(connection._process.pid, signal.SIGKILL)
    poll, log = wait(runner, ticket)
    assert poll.state is State.DONE and log == b"begun\n"


def test_a_host_that_stays_away_is_given_up_and_its_job_is_not_begun_again(
    opened: Open, tmp_path: Path
) -> None:
    python = tmp_path / "python3"
    python.symlink_to(sys.executable)
    address = Address("", str(python), str(tmp_path / "host"))
    runner = opened(address, patience=0.0)
    one = job("echo begun; sleep 600")
    ticket = runner.submit(one)
    wait_for_text(runner, ticket, b"begun")
    python.unlink()
    connection = runner.hosts[0]._connection
    assert connection is not None
    os.kill(connection._process.pid, signal.SIGKILL)
    poll, _ = wait(runner, ticket)
    assert poll.state is State.UNREACHABLE and poll.place == "this machine"
    runner.settle(ticket)
    assert [one.key for one in Tickets(str(tmp_path / "project/jobs")).all()] == [KEY]
    other = wait(runner, runner.submit(job("true", key="cd" * 16)))[0]
    assert other.state is State.UNREACHABLE
    # a host that is there, by another name, does not know the job
    elsewhere = opened(Address("", sys.executable, str(tmp_path / "other")))
    elsewhere.abilities  # noqa: B018 - connects
    elsewhere.hosts[0].address = Address("elsewhere", "", "")
    elsewhere._by_name = {"elsewhere": elsewhere.hosts[0]}
    with pytest.raises(RemoteError, match="its job is on this machine, which cannot"):
        elsewhere.submit(one)
    for pid in supervisors(tmp_path / "host"):
        os.kill(pid, signal.SIGTERM)
    later = opened()
    later.end(known(later))
    assert later.follow(known(later), 0, 60.0)


# what dead processes left


def test_what_a_dead_process_had_half_received_is_removed(
    opened: Open, tmp_path: Path
) -> None:
    place = tmp_path / "project/.mltrack/tmp/received"
    code = "import sys; from mltrack.disk.durable import temporary_path as name"
    code += "; print(name(sys.argv[1]), end='')"
    dead = subprocess.run(
        [sys.executable, "-c", code, place], capture_output=True, text=True, check=True
    ).stdout
    own = temporary_path(str(place))
    for name in (dead, own, place / "no name of ours"):
        os.makedirs(os.path.join(name, "deep"))
    assert opened().recover() == []
    assert set(os.listdir(place)) == {os.path.basename(own), "no name of ours"}


# one host


@pytest.fixture
def host(
    address: Address, settings: HostSettings, cache: Cache, tmp_path: Path
) -> Iterator[Host]:
    made = Host(address, settings, Board(), cache, Tickets(str(tmp_path / "jobs")))
    yield made
    made.close()


def test_what_is_set_stands_in_for_what_a_host_says(host: Host) -> None:
    host.hello = {"cpus": 8, "memory": 10, "gpus": [["0"], ["1"], ["2"]], "hashes": 0}
    assert host.capacity() == {"cpus": 8.0, "memory": 10.0, "gpus": 2.0}
    assert not host.hashes and "no xxhash" in host.problems()[0]
    host.hello = {}
    assert host.capacity() == {"cpus": 0.0, "memory": 0.0, "gpus": 2.0}


def test_a_host_is_asked_before_its_thread_runs(host: Host) -> None:
    host.open()
    assert host.known == {} and len(host.slots()) == 2
    task = Task(job("echo hi"), Ticket("box", KEY, "t", ""), None, "t" * 32, "")
    number = host.request(Start(task.spec(host.settings), False))["number"]
    row, data = host.watch(KEY, number, 0, 0.0)
    while row["state"] in ("queued", "running") or not data:
        row, data = host.watch(KEY, number, 0, 60.0)
    assert data == b"hi\n"
    host.close()
    host.open()
    assert host.known[KEY]["label"] == "s" and host.problems() == []


@pytest.mark.parametrize(
    "error", [KeyError("state"), TypeError("odd"), OSError(28, "full")]
)
def test_a_fault_of_one_task_ends_it_alone(
    host: Host, connection: object, tmp_path: Path, error: Exception
) -> None:
    task = Task(
        job("x"), Ticket("box", KEY, "t", ""), None, "t" * 32, str(tmp_path / "s")
    )
    (tmp_path / "s").mkdir()

    def fails(*_: object) -> None:
        raise error

    host._guarded(connection, task, fails)  # type: ignore[arg-type]
    assert task.phase is Phase.OVER and task.poll.state is State.FAILED
    is_here = isinstance(error, OSError)
    assert task.poll.problem.startswith("here: " if is_here else "this machine answers")
    assert (tmp_path / "s").exists() != is_here
    host._guarded(connection, task, lambda *_: None)  # type: ignore[arg-type]


def test_an_answer_that_nobody_asked_for_is_waited_for_by_nobody(
    host: Host, tmp_path: Path
) -> None:
    host.open()
    connection = host._connection
    assert connection is not None
    task = Task(job("x"), Ticket("box", KEY, "t", ""), None, "t" * 32, "")

    def fails(*_: object) -> None:
        connection.pending += 1
        raise ValueError("odd")

    with pytest.raises(RemoteError, match="was cut off"):
        host._guarded(connection, task, fails)
    assert connection.is_lost and task.poll == Poll(
        State.FAILED,
        place="this machine",
        problem="this machine answers what makes no sense: ValueError: odd",
    )
