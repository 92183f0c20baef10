"""Keeping a host's directory in order: what is forgotten, what is evicted, and what
never is.
"""

import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mltrack.objects.digest import XXH3
from mltrack.runners.worker import hashing
from mltrack.runners.worker.attempts import (
    KEEP_SECONDS,
    KEEP_TAKEN_SECONDS,
    Attempt,
    Attempts,
    mark,
    write_json,
)
from mltrack.runners.worker.former import facts_of
from mltrack.runners.worker.housekeeping import keep_house
from mltrack.runners.worker.objects import STAMP_NS, Objects

DAY = 86400.0


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path), "xxh3", hashing.find("xxh3", str(tmp_path)))


def old_object(objects: Objects, data: bytes, age: float = 10 * DAY) -> list[Any]:
    """An object that nobody has asked for in a while, as a row of a result."""
    hex_digest = XXH3.hex_of(data)
    objects.put(hex_digest, data)
    moment = time.time_ns() - int(age * 1e9)
    os.utime(objects.path_of(hex_digest), ns=(moment, STAMP_NS))
    return ["file", hex_digest, len(data), 1]


def attempt(tmp_path: Path, key: str = "a", **facts: Any) -> tuple[Attempt, int]:
    made = Attempts(str(tmp_path))
    with made.alone(key * 32):
        return made.create(key * 32, facts)


def ended(one: tuple[Attempt, int], *outputs: list[Any]) -> Attempt:
    """An attempt whose result names outputs."""
    result = {
        "mltrack": 1,
        "state": "done",
        "items": [{"outputs": {str(n): row for n, row in enumerate(outputs)}}],
    }
    write_json(one[0].file("result.json"), result)
    os.close(one[1])
    return one[0]


def sweep(tmp_path: Path, objects: Objects, attempts_age: float = 0.0) -> None:
    """Keeps house with no room for any object, as if attempts had been left for a
    while.
    """
    moment = time.time() - attempts_age
    for one in Attempts(str(tmp_path)).all():
        os.utime(one.path, (moment, moment))
    (tmp_path / "housekeeping").unlink(missing_ok=True)
    keep_house(str(tmp_path), Attempts(str(tmp_path)), objects, 0)


def test_what_was_left_on_purpose_stays_for_years(
    tmp_path: Path, objects: Objects
) -> None:
    row = old_object(objects, b"left")
    one = ended(attempt(tmp_path), row)
    mark(one, "held")
    mark(one, "taken")
    sweep(tmp_path, objects, attempts_age=3 * 365 * DAY)
    sweep(tmp_path, objects, attempts_age=3 * 365 * DAY)
    assert os.path.exists(one.path) and objects.has(row[1])


@pytest.mark.parametrize(
    ("is_taken", "limit"), [(True, KEEP_TAKEN_SECONDS), (False, KEEP_SECONDS)]
)
def test_an_attempt_is_forgotten_when_its_time_is_over(
    is_taken: bool, limit: float, tmp_path: Path, objects: Objects
) -> None:
    one = ended(attempt(tmp_path))
    if is_taken:
        mark(one, "taken")
    sweep(tmp_path, objects, attempts_age=limit - DAY)
    assert os.path.exists(one.path)
    sweep(tmp_path, objects, attempts_age=limit + DAY)
    assert not os.path.exists(one.path)


def test_inputs_of_a_job_in_line_are_not_evicted(
    tmp_path: Path, objects: Objects
) -> None:
    """It has no links to them yet, and whoever waits for a GPU may wait for days."""
    waits, taken_over = old_object(objects, b"in"), old_object(objects, b"checkpoint")
    idle = old_object(objects, b"idle")
    _, alive = attempt(tmp_path, inputs=[waits], uses=[taken_over])
    sweep(tmp_path, objects)
    assert objects.has(waits[1]) and objects.has(taken_over[1])
    assert not objects.has(idle[1])
    os.close(alive)


def test_outputs_of_items_that_ended_are_not_evicted_while_the_rest_runs(
    tmp_path: Path, objects: Objects
) -> None:
    row = old_object(objects, b"out of the first item")
    one, alive = attempt(tmp_path)
    line = json.dumps({"outputs": {"out": row}})
    Path(one.file("items.jsonl")).write_text(f'{line}\n{{"outputs": {{"ou')
    sweep(tmp_path, objects)
    assert objects.has(row[1])
    os.close(alive)


def test_what_a_job_takes_over_is_noted_for_the_sweep(tmp_path: Path) -> None:
    row = ["file", "ab" * 16, 1, 1]
    job = {
        **dict.fromkeys(("label", "project", "token", "directory", "items"), ""),
        "inputs": [["in", *row]],
        "kept": [],
        "checkpoint_content": row,
        "done": [{"outputs": {"out": row}}],
    }
    facts = facts_of(job)
    assert facts["inputs"] == [row] and facts["uses"] == [row, row]


def test_of_a_key_without_attempts_nothing_is_left(
    tmp_path: Path, objects: Objects
) -> None:
    """Else each look at all that a host knows would walk ever more of them."""
    one = ended(attempt(tmp_path, "a"))
    mark(one, "taken")
    os.close(attempt(tmp_path, "b")[1])
    with Attempts(str(tmp_path)).alone("c" * 32):
        pass
    sweep(tmp_path, objects, attempts_age=KEEP_TAKEN_SECONDS + DAY)
    assert os.listdir(tmp_path / "jobs") == ["b" * 32]


def test_a_key_whose_lock_was_swept_away_is_locked_anew(tmp_path: Path) -> None:
    """Two that waited for the lock must not both have one."""
    made, key = Attempts(str(tmp_path)), "a" * 32
    entered: list[str] = []

    def wait_for_it() -> None:
        with Attempts(str(tmp_path)).alone(key):
            entered.append("waited")

    with made.alone(key):
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        while not waits_for_a_lock():
            time.sleep(0.01)
        shutil.rmtree(tmp_path / "jobs" / key)
        with made.alone(key):
            entered.append("came later")
    thread.join()
    assert entered == ["came later", "waited"]


def waits_for_a_lock() -> bool:
    """Whether a thread of this process waits for a lock that another holds."""
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any("->" in words and str(os.getpid()) in words for words in waiting)
