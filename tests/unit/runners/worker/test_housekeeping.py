"""Keeping a host's directory in order: now and then, by one, and only what nobody
needs.
"""

import fcntl
import os
import time
from pathlib import Path

import pytest

from mltrack.objects.digest import XXH3
from mltrack.runners.worker.attempts import Attempt, Attempts, mark, write_json
from mltrack.runners.worker.housekeeping import keep_house
from mltrack.runners.worker.objects import FRESH_SECONDS, STAMP_NS, Objects

KEY = "ab" * 16


@pytest.fixture
def old(host: Path, objects: Objects, attempts: Attempts) -> str:
    """The digest of an object that nobody has asked for in a while."""
    hex_digest = XXH3.hex_of(b"old")
    objects.put(hex_digest, b"old")
    long_ago = time.time_ns() - int(2 * FRESH_SECONDS * 1e9)
    os.utime(objects.path_of(hex_digest), ns=(long_ago, STAMP_NS))
    return hex_digest


def is_there(objects: Objects, hex_digest: str) -> bool:
    return os.path.exists(objects.path_of(hex_digest))


def keep(host: Path, attempts: Attempts, objects: Objects, limit: int = 0) -> None:
    keep_house(str(host), attempts, objects, limit)


def ended(attempts: Attempts, *outputs: list[object]) -> Attempt:
    with attempts.alone(KEY):
        attempt, alive = attempts.create(KEY, {})
    os.close(alive)
    items = [{"outputs": {str(at): row for at, row in enumerate(outputs)}}]
    write_json(
        attempt.file("result.json"), {"mltrack": 1, "state": "done", "items": items}
    )
    return attempt


def test_objects_above_the_limit_go(
    host: Path, attempts: Attempts, objects: Objects, old: str
) -> None:
    keep(host, attempts, objects, 3)
    assert is_there(objects, old)
    os.unlink(host / "housekeeping")
    keep(host, attempts, objects, 2)
    assert not is_there(objects, old)


def test_what_results_name_stays_and_so_does_what_lies_below_it(
    host: Path, attempts: Attempts, objects: Objects, old: str
) -> None:
    listing = b"mltrack-tree 1\nf %s 3 a\n" % old.encode()
    top = XXH3.hex_of(listing)
    objects.put(top, listing)
    attempt = ended(attempts, ["tree", top, 3, 1])
    keep(host, attempts, objects)
    assert is_there(objects, old)
    mark(attempt, "taken")
    os.unlink(host / "housekeeping")
    keep(host, attempts, objects)
    assert not is_there(objects, old)


def test_old_attempts_go(
    host: Path, attempts: Attempts, objects: Objects, old: str
) -> None:
    attempt = ended(attempts)
    os.utime(attempt.path, (0, 0))
    keep(host, attempts, objects, 1 << 30)
    assert not os.path.exists(attempt.path)


def test_it_is_done_at_most_once_in_ten_minutes(
    host: Path, attempts: Attempts, objects: Objects, old: str
) -> None:
    keep(host, attempts, objects, 3)
    keep(host, attempts, objects, 0)
    assert is_there(objects, old)
    for seconds in (599, 601):
        moment = time.time() - seconds
        os.utime(host / "housekeeping", (moment, moment))
        keep(host, attempts, objects, 0)
        assert is_there(objects, old) == (seconds < 600)


def test_a_clock_that_was_turned_back_does_not_stop_it(
    host: Path, attempts: Attempts, objects: Objects, old: str
) -> None:
    keep(host, attempts, objects, 3)
    moment = time.time() + 10**6
    os.utime(host / "housekeeping", (moment, moment))
    keep(host, attempts, objects, 0)
    assert not is_there(objects, old)


def test_of_two_who_come_at_once_one_does_it(
    host: Path, attempts: Attempts, objects: Objects, old: str
) -> None:
    with open(host / "housekeeping", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        keep(host, attempts, objects)
        assert is_there(objects, old)
    keep(host, attempts, objects)
    assert not is_there(objects, old)


@pytest.mark.parametrize(
    "row", [["file"], 7, ["file", "../x", 1, 1, 1], ["tree", 7, 1], None]
)
def test_where_a_result_cannot_be_understood_nothing_is_deleted(
    host: Path, attempts: Attempts, objects: Objects, old: str, row: object
) -> None:
    ended(attempts, row)  # type: ignore[arg-type]
    keep(host, attempts, objects)
    assert is_there(objects, old)
