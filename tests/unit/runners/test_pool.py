"""Which host of a pool a job goes to, decided without any host."""

from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.digest import XXH3
from mltrack.runners.connection import Address
from mltrack.runners.hosts import HostRunner
from mltrack.runners.job import Abilities, State, Ticket, Works
from mltrack.runners.pool import fit_for, host_for, is_found
from mltrack.runners.task import HostSettings, Phase, Task
from mltrack.store.local.cache import Cache
from tests.support.runners import job, now


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostRunner:
    """Hosts a, of one CPU and GPU, and b, of two; none is ever spoken to."""
    addresses = [Address(name, "python3", str(tmp_path / name)) for name in ("a", "b")]
    settings = HostSettings("pool", {}, "", 1 << 40, "")
    runner = HostRunner(
        settings,
        addresses,
        str(tmp_path),
        str(tmp_path / "jobs"),
        Cache(str(tmp_path / "cache"), XXH3),
    )
    for number, host in enumerate(runner.hosts, 1):
        host.hello = {
            "cpus": number,
            "memory": 10**9,
            "gpus": [[str(n), "", 0, 0] for n in range(number)],
        }
        monkeypatch.setattr(host, "start", lambda: None)
    runner._abilities = Abilities(
        Works.APART, survives=True, queues=True, capacity={"cpus": 2.0, "gpus": 2.0}
    )
    return runner


def places(pool: HostRunner, *claims: dict[str, float]) -> list[str]:
    for number, resources in enumerate(claims):
        pool.submit(job("true", key=f"{number:032x}", resources=resources))
    return [task.host for task in pool._board.tasks]


def test_a_job_goes_where_its_claims_are_free(pool: HostRunner) -> None:
    assert places(pool, {"gpus": 1.0}, {"gpus": 1.0}, {"gpus": 1.0}) == ["a", "b", "b"]


def test_some_wait_at_a_host_and_the_others_here(pool: HostRunner) -> None:
    hosts = places(pool, *({"gpus": 1.0} for _ in range(8)))
    assert sorted(hosts) == ["", "", "a", "a", "b", "b", "b", "b"]


def test_what_fits_on_one_host_only_goes_there_or_waits(pool: HostRunner) -> None:
    assert places(pool, {"cpus": 2.0}, {"cpus": 2.0}, {"cpus": 1.0}) == ["b", "", "a"]


def test_a_host_that_knows_the_job_has_it(pool: HostRunner) -> None:
    pool.hosts[0].known = {
        f"{0:032x}": {"state": "running", "is_taken": False, "number": 1}
    }
    assert places(pool, {"cpus": 1.0}, {"cpus": 1.0}) == ["a", "b"]


def test_a_result_that_was_taken_binds_only_those_who_want_it_again(
    pool: HostRunner,
) -> None:
    pool.hosts[0].known = {
        f"{0:032x}": {"state": "done", "is_taken": True, "number": 1}
    }
    wanted = job("true", key=f"{0:032x}", resources={"gpus": 2.0})
    fresh = job("true", key=f"{0:032x}", resources={"gpus": 2.0}, fresh=True)
    assert pool.holds(wanted) == "done" and pool.holds(fresh) == ""


def test_what_only_a_lost_host_could_run_is_unreachable(pool: HostRunner) -> None:
    pool.hosts[1].is_given_up, pool.hosts[1].trouble = True, RemoteError("b is gone")
    ticket = pool.submit(job("true", key="1" * 32, resources={"cpus": 2.0}))
    assert (
        now(pool, ticket).state is State.UNREACHABLE
        and "b is gone" in now(pool, ticket).problem
    )
    other = pool.submit(job("true", key="2" * 32, resources={"cpus": 1.0}))
    assert now(pool, other).state is State.QUEUED


def test_a_job_that_is_handed_over_waits_for_nobody(pool: HostRunner) -> None:
    places(pool, *({"gpus": 1.0} for _ in range(8)))
    with pool._board.changed:
        for task in pool._board.tasks:
            task.may_queue = True
        pool._assign()
    assert all(task.phase is Phase.CLAIMED for task in pool._board.tasks)


def test_what_no_host_has_alone_is_named(pool: HostRunner) -> None:
    pool.hosts[0].hello["memory"] = 10**12
    pool._abilities = Abilities(
        Works.APART, survives=True, capacity={"cpus": 2.0, "memory": 1e12}
    )
    shortage = pool.lacks({"cpus": 2.0, "memory": 5e11})
    assert shortage is not None and "no host of pool has all of it" in shortage.words


@pytest.mark.parametrize(
    ("state", "taken", "found", "fresh"),
    [
        ("queued", False, True, True),
        ("running", True, True, True),
        ("done", False, True, True),
        ("done", True, True, False),
        ("failed", False, True, True),
        ("failed", True, False, False),
        ("cancelled", False, False, False),
        ("lost", False, False, False),
    ],
)
def test_which_jobs_of_a_host_are_found(
    state: str, taken: bool, found: bool, fresh: bool
) -> None:
    row = {"state": state, "is_taken": taken}
    assert is_found(row, job("true")) == found
    assert is_found(row, job("true", fresh=True)) == fresh
    assert not is_found(None, job("true"))


def test_what_failed_on_a_host_goes_to_another_unless_its_checkpoint_is_there(
    pool: HostRunner,
) -> None:
    pool._former = {f"{n:032x}": "b" for n in range(2)}
    claims = {"gpus": 1.0}
    pool.submit(job("true", key=f"{0:032x}", resources=claims))
    pool.submit(job("true", key=f"{1:032x}", resources=claims, checkpoint="ck"))
    assert [task.host for task in pool._board.tasks] == ["a", "b"]
    # where only that one has enough, it goes there again
    pool.submit(job("true", key=f"{2:032x}", resources={"gpus": 2.0}))
    assert fit_for(job("true", resources={"gpus": 2.0}), pool.hosts) == [pool.hosts[1]]


def test_a_host_that_is_given_up_gets_nothing(pool: HostRunner) -> None:
    pool.hosts[1].is_given_up = True
    one = job("true", key="ab" * 16, resources={"gpus": 1.0})
    task = Task(one, Ticket("pool", one.key, "t", ""), None, "t", "")
    assert host_for(task, pool.hosts, [], {}) is pool.hosts[0]
    pool.hosts[1].known = {one.key: {"state": "running", "is_taken": False}}
    assert host_for(task, pool.hosts, [], {}) is pool.hosts[0]
    pool.hosts[1].is_given_up = False
    assert host_for(task, pool.hosts, [], {}) is pool.hosts[1]


def test_claims_that_are_not_counted_hold_up_nothing(pool: HostRunner) -> None:
    claims = {"time": 1e9, "gpu_memory": 1e12, "licenses": 0.0}
    assert fit_for(job("true", resources=claims), pool.hosts) == pool.hosts
    assert fit_for(job("true", resources={"licenses": 1.0}), pool.hosts) == []


def test_what_arrives_holds_nothing_at_its_host_any_more(pool: HostRunner) -> None:
    pool.submit(job("true", key=f"{0:032x}", resources={"gpus": 2.0}))
    pool.submit(job("true", key=f"{1:032x}", resources={"gpus": 2.0}))
    first, second = pool._board.tasks
    one = job("true", key=f"{2:032x}", resources={"gpus": 2.0})
    third = Task(one, Ticket("pool", one.key, "t", ""), None, "t", "")
    assert host_for(third, pool.hosts, [first, second], {}) is None
    for phase in (Phase.RECEIVING, Phase.OVER):
        first.phase = second.phase = phase
        assert host_for(third, pool.hosts, [first, second], {}) is pool.hosts[1]
