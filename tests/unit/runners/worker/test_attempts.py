"""Attempts on a host: what whoever comes later finds, and that nobody who lives is
taken for dead.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.runners.worker import attempts as module
from mltrack.runners.worker.attempts import (
    Attempt,
    Attempts,
    Tampered,
    end_leftovers,
    is_alive,
    look,
    mark,
    read_json,
    write_json,
)
from mltrack.runners.worker.objects import Content
from mltrack.runners.worker.system import VARIABLE
from tests.support.processes import ends, sleeper
from tests.support.processes import is_alive as is_running

KEY, OTHER, NONE = "ab" * 16, "cd" * 32, "none-" + "ef" * 16
DAY = 86400


def created(
    attempts: Attempts, key: str, job: dict[str, object]
) -> tuple[Attempt, int]:
    """Makes an attempt as a server does: alone with its key."""
    with attempts.alone(key):
        return attempts.create(key, job)


@pytest.fixture
def living(attempts: Attempts) -> Iterator[Attempt]:
    """An attempt whose supervisor is this process."""
    attempt, alive = created(attempts, KEY, {"token": "t" * 32})
    yield attempt
    os.close(alive)


@pytest.fixture
def dead(attempts: Attempts) -> Attempt:
    attempt, alive = created(attempts, KEY, {"token": "t" * 32})
    os.close(alive)
    return attempt


def ended(attempt: Attempt, state: str = module.DONE, **facts: object) -> None:
    result = {"mltrack": 1, "state": state, "items": [], **facts}
    write_json(attempt.file("result.json"), result)


# files


@given(
    value=st.dictionaries(
        st.text(), st.one_of(st.integers(), st.text(), st.none()), max_size=5
    )
)
def test_what_is_written_is_read(
    value: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("json") / "x.json"
    write_json(str(path), {"first": 1})
    write_json(str(path), value)
    assert read_json(str(path)) == value and os.listdir(path.parent) == ["x.json"]


def test_no_file_is_none_and_anything_else_was_tampered_with(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert read_json(str(path)) is None
    for data in (b"", b"{", b"[]", b"7", b"\xff", b" " * ((64 << 20) + 1)):
        path.write_bytes(data)
        with pytest.raises(Tampered, match=r"x\.json is not as mltrack writes it"):
            read_json(str(path))


# keys and numbers


def test_attempts_of_a_key_are_numbered_from_one(attempts: Attempts) -> None:
    assert attempts.of(KEY) == [] and attempts.all() == []
    for number in range(1, 12):
        attempt, alive = created(attempts, KEY, {"token": str(number)})
        os.close(alive)
        assert attempt.number == number and attempt == attempts.get(KEY, number)
    created(attempts, NONE, {})
    created(attempts, OTHER, {})
    assert [one.number for one in attempts.of(KEY)] == list(range(1, 12))
    assert {one.key for one in attempts.all()} == {KEY, OTHER, NONE}
    asked = read_json(attempts.get(KEY, 7).file("job.json"))
    assert asked == {"mltrack": 1, "token": "7"}
    assert os.stat(attempts.get(KEY, 7).path).st_mode & 0o777 == 0o700


def test_what_is_no_attempt_is_passed_over(attempts: Attempts) -> None:
    created(attempts, KEY, {})
    for name in ("0", "01", "x", "1.5", "9999999999"):
        Path(attempts.path, KEY, name).mkdir()
    for name in ("notes", "AB" * 16, "ab" * 15, "none-" + "ef" * 15):
        Path(attempts.path, name).mkdir()
    Path(attempts.path, OTHER).write_text("a file")
    assert [(one.key, one.number) for one in attempts.all()] == [(KEY, 1)]


@pytest.mark.parametrize("key", ["", "..", "../" + KEY, KEY + "/1", KEY.upper(), "x"])
def test_what_is_no_key_leads_nowhere(attempts: Attempts, key: str) -> None:
    for ask in (attempts.of, lambda one: attempts.get(one, 1)):
        with pytest.raises(Tampered, match="is no run key"):
            ask(key)


def test_one_at_a_time_is_alone_with_a_key(attempts: Attempts) -> None:
    order: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with attempts.alone(KEY):
            inside.set()
            go_on.wait(60)
            order.append("first")

    def second() -> None:
        with attempts.alone(KEY):
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    inside.wait(60)
    with attempts.alone(OTHER):  # nobody is there
        threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert order == ["first", "second"]


# alive, or not


def test_who_holds_its_lock_lives(living: Attempt, attempts: Attempts) -> None:
    assert is_alive(living)
    again = os.open(living.file("alive"), os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(again)
    assert not is_alive(attempts.get(KEY, 9))


def test_who_has_gone_is_dead_at_once_on_its_own_machine(dead: Attempt) -> None:
    assert not is_alive(dead)
    write_json(dead.file("state.json"), {"host": socket.gethostname()})
    assert not is_alive(dead)


@pytest.mark.parametrize(("silent", "lives"), [(10.0, True), (1000.0, False)])
def test_on_another_machine_who_was_heard_of_lately_lives(
    dead: Attempt, silent: float, lives: bool
) -> None:
    """A lock of another machine may not be seen here."""
    write_json(dead.file("state.json"), {"host": "another machine"})
    moment = time.time() - silent
    os.utime(dead.file("alive"), (moment, moment))
    assert is_alive(dead) == lives
    assert not [name for name in os.listdir(dead.path) if name.startswith("alive-")]


# looking


def test_the_state_is_told_until_there_is_a_result(living: Attempt) -> None:
    assert look(living) == {"state": module.QUEUED}
    write_json(living.file("state.json"), {"state": "running", "gpus": ["1"]})
    assert look(living) == {"state": module.RUNNING, "gpus": ["1"]}
    write_json(living.file("state.json"), {"state": "done"})
    assert look(living)["state"] == module.QUEUED, "only a result says that it is over"
    for state in (module.DONE, module.FAILED, module.CANCELLED, module.LOST):
        ended(living, state, exit_code=3)
        assert look(living) == {
            "mltrack": 1,
            "state": state,
            "items": [],
            "exit_code": 3,
        }


def test_without_a_supervisor_and_a_result_it_is_lost(dead: Attempt) -> None:
    assert look(dead)["state"] == module.LOST
    assert "its supervisor is gone" in look(dead)["problem"]
    ended(dead)
    assert look(dead)["state"] == module.DONE


def test_what_the_host_does_not_know_is_lost(attempts: Attempts) -> None:
    found = look(attempts.get(KEY, 1))
    assert found == {"state": "lost", "problem": "the host does not know it"}


@pytest.mark.parametrize(
    "result",
    ["{", "[]", '{"state": "done"}', '{"mltrack": 1, "state": "running"}', "{}"],
)
def test_a_result_that_mltrack_did_not_write_is_told(
    dead: Attempt, result: str
) -> None:
    Path(dead.file("result.json")).write_text(result)
    with pytest.raises(Tampered, match=r"result\.json"):
        look(dead)


def test_what_a_dead_supervisor_left_running_is_ended(attempts: Attempts) -> None:
    token = os.urandom(16).hex()
    attempt, alive = created(attempts, KEY, {"token": token})
    made = [sleeper(**{VARIABLE: name}) for name in (token, os.urandom(16).hex())]
    try:
        look(attempt)
        assert is_running(made[0].pid), "its supervisor lives"
        os.close(alive)
        look(attempt)
        assert made[0].wait(60) == -9 and is_running(made[1].pid)
    finally:
        for process in made:
            process.kill()
            process.wait()
    assert ends(made[0].pid)


@pytest.mark.parametrize("token", [None, "", 7, "short", ["t" * 32]])
def test_without_a_whole_token_nothing_is_ended(
    attempts: Attempts, token: object
) -> None:
    attempt, alive = created(attempts, KEY, {"token": token})
    os.close(alive)
    made = sleeper(**{VARIABLE: ""})
    try:
        end_leftovers(attempt)
        assert is_running(made.pid)
    finally:
        made.kill()
        made.wait()


def test_a_mark_is_left_where_there_is_an_attempt(
    dead: Attempt, attempts: Attempts
) -> None:
    mark(dead, "cancel")
    mark(dead, "cancel")
    assert os.path.getsize(dead.file("cancel")) == 0
    mark(attempts.get(KEY, 9), "cancel")
    assert not os.path.exists(attempts.get(KEY, 9).path)


# what is kept


@pytest.mark.parametrize(
    ("marks", "days", "stays"),
    [
        ((), 29, True),
        ((), 31, False),
        (("taken",), 6, True),
        (("taken",), 8, False),
        (("taken", "held"), 8, True),
        # it is all that keeps outputs left on the host from being evicted
        (("taken", "held"), 31, True),
        (("held",), 31, True),
    ],
)
def test_attempts_go_once_nobody_will_ask_for_them(
    dead: Attempt, attempts: Attempts, marks: tuple[str, ...], days: int, stays: bool
) -> None:
    for name in marks:
        mark(dead, name)
    moment = time.time() - days * DAY
    os.utime(dead.path, (moment, moment))
    attempts.clean()
    assert os.path.exists(dead.path) == stays


def test_an_attempt_that_lives_stays_however_old(
    living: Attempt, attempts: Attempts
) -> None:
    mark(living, "taken")
    os.utime(living.path, (0, 0))
    attempts.clean()
    assert os.path.exists(living.path)


def test_what_cannot_be_read_keeps_none_of_the_others(
    dead: Attempt, attempts: Attempts
) -> None:
    other, alive = created(attempts, OTHER, {})
    os.close(alive)
    Path(dead.file("state.json")).write_text("{")
    for one in (dead, other):
        os.utime(one.path, (0, 0))
    attempts.clean()
    assert os.path.exists(dead.path) and not os.path.exists(other.path)


def test_what_a_result_names_is_kept_until_it_was_taken(
    dead: Attempt, attempts: Attempts
) -> None:
    row = ["file", "11" * 16, 5, 1]
    saved = ["tree", "22" * 16, 7, 2]
    ended(dead, items=[{"outputs": {"o": row}}], checkpoint=saved)
    both = [Content(*row), Content(*saved)]
    assert list(attempts.kept()) == both
    mark(dead, "taken")
    assert list(attempts.kept()) == []
    mark(dead, "held")
    assert list(attempts.kept()) == both
    Path(dead.file("result.json")).write_text(json.dumps([row]))
    assert list(attempts.kept()) == []
