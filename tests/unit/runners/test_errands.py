"""What is done for one task with its host: started, learned about, its outputs
received; with a real worker on this machine.
"""

import os
import time
from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.digest import XXH3
from mltrack.runners import errands as module
from mltrack.runners.connection import Connection
from mltrack.runners.errands import Errands
from mltrack.runners.job import Poll, State, Ticket
from mltrack.runners.task import Board, HostSettings, Phase, Task
from mltrack.runners.tickets import Tickets
from mltrack.runners.worker.messages import Watch
from mltrack.store.local.cache import Cache
from mltrack.store.local.caches import Caches
from tests.support.runners import EXEC, Given, job

KEY = "ab" * 16


@pytest.fixture
def errands(settings: HostSettings, cache: Cache, tmp_path: Path) -> Errands:
    tickets = Tickets(str(tmp_path / "jobs"))
    return Errands("gpu1", settings, Board(), Caches(cache), tickets)


def task(
    tmp_path: Path, *commands: str, given: Given | None = None, **more: object
) -> Task:
    log = str(tmp_path / "log")
    one = job(*commands, inputs=given.inputs if given else {}, **more)
    return Task(
        one,
        Ticket("box", one.key, "t" * 32, log),
        given,  # type: ignore[arg-type]
        "0" * 32,
        str(tmp_path / "scratch"),
    )


def follow(errands: Errands, connection: Connection, one: Task) -> None:
    """Asks the host until the job is over there, as the host's thread does."""
    while one.phase is Phase.WATCHED:
        row = [one.key, one.number, one.offset, one.seen]
        reply, data = connection.request(Watch([row], 10.0))
        errands.learn(one, reply["jobs"][0], data, hashes=True)


def test_a_job_is_started_followed_and_its_outputs_are_received(
    errands: Errands, connection: Connection, tmp_path: Path
) -> None:
    given = Given({"in": b"input"}, {"d": {"x": b"x", "run.sh": b"#!/bin/sh"}})
    command = "cat in d/x; mkdir -p sub/o; cp -a d/* sub/o; ln -s x sub/o/l; cp in p"
    one = task(tmp_path, command, given=given, outputs=("sub/o", "p", "made nowhere"))
    assert errands.start(connection, one, much=False)
    assert one.phase is Phase.WATCHED and one.number == 1 and not one.is_found
    assert one.poll.state is State.QUEUED and one.sent > 0
    [noted] = Tickets(str(tmp_path / "jobs")).of(KEY)
    assert (noted.host, noted.number, noted.label) == ("gpu1", 1, "s")
    follow(errands, connection, one)
    assert Path(one.ticket.log_path).read_bytes() == b"inputx"
    assert one.phase is Phase.RECEIVING and one.poll.state is State.DONE
    errands.receive(connection, one)
    scratch = tmp_path / "scratch"
    assert one.phase is Phase.OVER and one.poll.left == {}
    assert (scratch / "p").read_bytes() == b"input"
    assert (scratch / "sub/o/x").read_bytes() == b"x"
    assert os.access(scratch / "sub/o/run.sh", os.X_OK)
    assert os.readlink(scratch / "sub/o/l") == "x"
    assert EXEC not in one.poll.left


def test_a_job_that_is_asked_for_again_is_found(
    errands: Errands, connection: Connection, tmp_path: Path
) -> None:
    first, again = (task(tmp_path, "echo 1; echo 1 > o", outputs=("o",)) for _ in "ab")
    errands.start(connection, first, much=False)
    follow(errands, connection, first)
    again.token = "1" * 32
    errands.start(connection, again, much=False)
    assert again.is_found and again.number == first.number
    os.unlink(first.ticket.log_path)
    follow(errands, connection, again)
    assert again.was_over and not first.was_over
    assert Path(again.ticket.log_path).read_bytes() == b"1\n"


def test_a_failure_is_over_at_once(
    errands: Errands, connection: Connection, tmp_path: Path
) -> None:
    one = task(tmp_path, "echo why; exit 3", outputs=("o",))
    errands.start(connection, one, much=False)
    follow(errands, connection, one)
    assert one.phase is Phase.OVER and one.poll.state is State.FAILED
    assert one.poll.exit_code == 3 and one.poll.place == "gpu1"


def test_a_lot_of_inputs_waits_for_a_connection_of_its_own(
    errands: Errands,
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SMALL_TRANSFER", 10)
    large = tmp_path / "large"
    large.write_bytes(bytes(11))
    given = Given({"in": bytes(11)})
    given.objects[XXH3.hex_of(bytes(11))] = str(large)
    one = task(tmp_path, "cp in o", given=given, outputs=("o",))
    assert not errands.start(connection, one, much=False)
    assert one.phase is Phase.WAITING and one.sent == 0
    assert errands.start(connection, one, much=True) and one.sent == 11
    little = task(tmp_path, "cp in o", given=Given({"in": bytes(10)}), key="cd" * 16)
    assert errands.start(connection, little, much=False)


def test_inputs_that_nobody_has_are_told(
    errands: Errands, connection: Connection, tmp_path: Path
) -> None:
    one = task(tmp_path, "true", given=Given({"in": b"input"}))
    one.origin = None
    with pytest.raises(RemoteError, match="gpu1 lacks inputs of s"):
        errands.start(connection, one, much=False)


def test_a_host_that_keeps_nothing_is_told_after_a_while(
    errands: Errands,
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MAX_ROUNDS", 3)
    sent: list[list[str]] = []
    monkeypatch.setattr(
        Errands, "_send", lambda self, connection, one, lacking: sent.append(lacking)
    )
    one = task(tmp_path, "true", given=Given({"in": b"input"}))
    with pytest.raises(RemoteError, match="does not keep what it is sent"):
        errands.start(connection, one, much=False)
    assert sent == [[XXH3.hex_of(b"input")]] * 3


def test_what_is_not_wanted_any_more_is_not_started(
    errands: Errands, connection: Connection, tmp_path: Path
) -> None:
    one = task(tmp_path, "touch " + str(tmp_path / "ran"))
    one.wants_end = True
    assert errands.start(connection, one, much=False)
    assert one.phase is Phase.OVER and one.poll.state is State.CANCELLED
    time.sleep(0)
    assert not (tmp_path / "ran").exists()
    assert not list(Tickets(str(tmp_path / "jobs")).all())


def test_outputs_that_may_stay_stay_and_their_listings_come(
    errands: Errands, connection: Connection, cache: Cache, tmp_path: Path
) -> None:
    one = task(
        tmp_path,
        "mkdir -p d/sub; echo 1 > d/sub/x; echo 2 > o",
        outputs=("d", "o"),
        left=frozenset({"d"}),
    )
    errands.start(connection, one, much=False)
    follow(errands, connection, one)
    errands.receive(connection, one)
    assert list(one.poll.left) == ["d"] and os.listdir(one.scratch) == ["o"]
    content = one.poll.left["d"]
    assert cache.missing_below(content.hex) == {XXH3.hex_of(b"1\n")}


def test_a_result_that_is_not_wanted_stays_for_the_next_one(
    errands: Errands, connection: Connection, tmp_path: Path
) -> None:
    one = task(tmp_path, "echo 1 > o", outputs=("o",))
    errands.start(connection, one, much=False)
    follow(errands, connection, one)
    one.wants_end = True
    errands.receive(connection, one)
    assert one.phase is Phase.OVER and os.listdir(one.scratch) == []


def test_a_log_is_told_to_its_end_before_the_end_of_its_job(
    errands: Errands, tmp_path: Path
) -> None:
    one = task(tmp_path, "x")
    one.phase = Phase.WATCHED
    row = {"state": "failed", "exit_code": 1, "items": []}
    errands.learn(one, row, b"piece", hashes=True)
    assert one.phase is Phase.WATCHED and one.offset == 5 and one.seen == []
    errands.learn(one, {"state": "running", "gpus": [1]}, b"", hashes=True)
    assert one.seen == ["running", [1]] and one.poll == Poll(
        State.RUNNING, place="gpu1", gpus=("1",)
    )
    errands.learn(one, row, b"", hashes=True)
    assert one.phase is Phase.OVER and one.poll.exit_code == 1
