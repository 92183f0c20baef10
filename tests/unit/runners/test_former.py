"""Which attempt of a key a job is found in."""

import os
from pathlib import Path
from typing import Any

import pytest

from mltrack.runners.worker.attempts import Attempt, Attempts, mark, write_json
from mltrack.runners.worker.former import facts_of, find
from mltrack.runners.worker.objects import Objects

KEY = "a" * 32


@pytest.fixture
def made(tmp_path: Path) -> Attempts:
    return Attempts(str(tmp_path))


def job(token: str, *kept: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(("label", "project", "directory"), ""),
        "key": KEY,
        "token": token,
        "items": [],
        "inputs": [[path, "file", "ab" * 16, 1, 1] for path in kept],
        "kept": list(kept),
    }


def ended(made: Attempts, spec: dict[str, Any], state: str = "done") -> Attempt:
    with made.alone(KEY):
        attempt, alive = made.create(KEY, facts_of(spec))
    write_json(attempt.file("result.json"), {"mltrack": 1, "state": state, "items": []})
    os.close(alive)
    return attempt


def found(
    made: Attempts, tmp_path: Path, spec: dict[str, Any], *, is_fresh: bool = False
) -> int:
    """The number of the attempt; 0 for a new one."""
    objects = Objects(str(tmp_path), "xxh3", None)
    one = find(made.of(KEY), spec, objects, is_fresh=is_fresh)
    return one.number if one is not None else 0


def test_a_client_that_asks_again_finds_its_own_attempt_behind_anothers(
    made: Attempts, tmp_path: Path
) -> None:
    """Its reply was lost, and another client, which goes on from another state, was
    faster with the next one.
    """
    ended(made, job("mine"))
    ended(made, job("other", "model"))
    assert found(made, tmp_path, job("mine")) == 1
    assert found(made, tmp_path, job("third")) == 0


@pytest.mark.parametrize(
    ("state", "is_taken", "is_fresh", "number"),
    [
        ("done", False, False, 2),
        ("done", False, True, 2),
        ("done", True, False, 2),
        ("done", True, True, 0),
        ("failed", False, False, 2),
        ("failed", True, False, 0),
        ("lost", False, False, 0),
        ("cancelled", False, False, 0),
    ],
)
def test_the_last_attempt_is_found_while_its_end_is_news_or_its_result_whole(
    state: str,
    is_taken: bool,
    is_fresh: bool,
    number: int,
    made: Attempts,
    tmp_path: Path,
) -> None:
    ended(made, job("first"))
    last = ended(made, job("second"), state)
    if is_taken:
        mark(last, "taken")
    assert found(made, tmp_path, job("third"), is_fresh=is_fresh) == number


def test_a_damaged_older_attempt_is_no_error(made: Attempts, tmp_path: Path) -> None:
    Path(ended(made, job("first")).file("job.json")).write_text("{")
    ended(made, job("second"))
    assert found(made, tmp_path, job("third")) == 2
