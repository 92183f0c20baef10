"""Former attempts of a job: which one stands for it, and what of them is taken over."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mltrack.objects.digest import XXH3
from mltrack.runners.worker import attempts as module
from mltrack.runners.worker.attempts import Attempt, Attempts, mark, write_json
from mltrack.runners.worker.former import facts_of, find, items_done
from mltrack.runners.worker.objects import Objects

KEY = "ab" * 16
JOB: dict[str, Any] = {
    "key": KEY,
    "token": "t" * 32,
    "label": "s",
    "project": "p",
    "directory": "",
    "items": [],
    "inputs": [["in", "file", "11" * 16, 1, 1]],
    "kept": [],
}


def make(attempts: Attempts, token: str = "f" * 32, **job: Any) -> tuple[Attempt, int]:
    with attempts.alone(KEY):
        return attempts.create(KEY, facts_of({**JOB, "token": token, **job}))


def ended(
    attempts: Attempts, state: str = module.DONE, *, output: str = "", **job: Any
) -> Attempt:
    """An attempt that has ended; ``output`` is the digest of what it made."""
    attempt, alive = make(attempts, **job)
    os.close(alive)
    outputs = {"o": ["file", output, 3, 1]} if output else {}
    items = [{"id": "", "exit_code": 0, "outputs": outputs}]
    write_json(
        attempt.file("result.json"),
        {"mltrack": 1, "state": state, "items": items, "missing": []},
    )
    return attempt


def stands(
    attempts: Attempts, objects: Objects, *, fresh: bool = False, **job: Any
) -> int:
    """The number of the attempt that stands for a job; 0 for none."""
    found = find(attempts.of(KEY), {**JOB, **job}, objects, is_fresh=fresh)
    return found.number if found else 0


def test_without_former_attempts_there_is_none(
    attempts: Attempts, objects: Objects
) -> None:
    assert stands(attempts, objects) == 0


def test_one_that_is_under_way_is_found(attempts: Attempts, objects: Objects) -> None:
    _, alive = make(attempts)
    assert stands(attempts, objects) == stands(attempts, objects, fresh=True) == 1
    os.close(alive)
    assert stands(attempts, objects) == 0


@pytest.mark.parametrize(
    ("state", "taken", "fresh", "found"),
    [
        (module.DONE, False, False, True),
        (module.DONE, False, True, True),
        (module.DONE, True, False, True),
        (module.DONE, True, True, False),
        (module.FAILED, False, False, True),
        (module.FAILED, False, True, True),
        (module.FAILED, True, False, False),
        (module.CANCELLED, False, False, False),
        (module.LOST, False, False, False),
    ],
)
def test_a_result_is_found_until_it_is_of_no_use(
    attempts: Attempts,
    objects: Objects,
    state: str,
    taken: bool,
    fresh: bool,
    found: bool,
) -> None:
    objects.put(XXH3.hex_of(b"out"), b"out")
    attempt = ended(attempts, state, output=XXH3.hex_of(b"out"))
    if taken:
        mark(attempt, "taken")
    assert stands(attempts, objects, fresh=fresh) == found


def test_the_latest_attempt_is_the_one_that_counts(
    attempts: Attempts, objects: Objects
) -> None:
    ended(attempts)
    ended(attempts, module.CANCELLED)
    assert stands(attempts, objects) == 0
    ended(attempts)
    assert stands(attempts, objects) == 3


def test_a_result_whose_outputs_are_gone_is_not_found(
    attempts: Attempts, objects: Objects
) -> None:
    out = XXH3.hex_of(b"out")
    ended(attempts, output=out)
    assert stands(attempts, objects) == 0
    objects.put(out, b"out")
    assert stands(attempts, objects) == 1
    Path(objects.path_of(out)).chmod(0o644)
    Path(objects.path_of(out)).write_bytes(b"OUT")
    assert stands(attempts, objects) == 0


def test_a_result_that_lacks_outputs_or_that_was_rejected_is_not_found(
    attempts: Attempts, objects: Objects
) -> None:
    attempt = ended(attempts)
    facts = {"mltrack": 1, "state": "done", "items": [], "missing": ["o"]}
    write_json(attempt.file("result.json"), facts)
    assert stands(attempts, objects) == 0
    write_json(attempt.file("result.json"), {**facts, "missing": []})
    assert stands(attempts, objects) == 1
    mark(attempt, "rejected")
    assert stands(attempts, objects) == 0


def test_outputs_that_could_not_be_hashed_are_there_while_their_files_are(
    attempts: Attempts, objects: Objects
) -> None:
    attempt = ended(attempts)
    items = [{"id": "", "exit_code": 0, "outputs": {"o": ["raw", "", 0]}}]
    facts = {"mltrack": 1, "state": "done", "items": items, "missing": []}
    write_json(attempt.file("result.json"), facts)
    assert stands(attempts, objects) == 0
    os.mkdir(attempt.work)
    assert stands(attempts, objects) == 1


def test_the_same_submission_is_found_whatever_became_of_it(
    attempts: Attempts, objects: Objects
) -> None:
    attempt = ended(attempts, module.CANCELLED, token=JOB["token"])
    mark(attempt, "taken")
    mark(attempt, "rejected")
    assert stands(attempts, objects, fresh=True) == 1


def test_another_state_of_what_it_goes_on_from_makes_another_job(
    attempts: Attempts, objects: Objects
) -> None:
    kept = {"kept": ["in"], "inputs": [["in", "file", "22" * 16, 1, 1]]}
    ended(attempts, **kept)
    assert stands(attempts, objects, **kept) == 1
    other = {**kept, "inputs": [["in", "file", "33" * 16, 1, 1]]}
    assert stands(attempts, objects, **other) == 0
    assert stands(attempts, objects) == 0
    # what it only reads is in the key
    ended(attempts)
    assert stands(attempts, objects, inputs=[["in", "file", "44" * 16, 1, 1]]) == 2


def test_a_dead_attempt_is_given_the_result_that_it_is_lost(
    attempts: Attempts, objects: Objects
) -> None:
    attempt, alive = make(attempts)
    os.close(alive)
    os.mkdir(attempt.work)
    assert stands(attempts, objects) == 0
    result = json.loads(Path(attempt.file("result.json")).read_text())
    assert result["state"] == "lost" and not os.path.exists(attempt.work)


# items


def test_items_that_ended_well_and_are_whole_are_taken_over(
    attempts: Attempts, objects: Objects
) -> None:
    read = XXH3.hex_of(b"in")
    objects.put(read, b"in")
    attempt, alive = make(attempts, inputs=[["in", "file", read, 2, 1]])
    os.close(alive)
    assert items_done(attempt, objects) == []
    out = XXH3.hex_of(b"out")
    objects.put(out, b"out")

    def row(name: str, **changes: Any) -> dict[str, Any]:
        usual = {"exit_code": 0, "missing": [], "outputs": {"o": ["file", out, 3, 1]}}
        return {"id": name, **usual, **changes}

    rows = [
        row("good"),
        row("failed", exit_code=1),
        row("lacks", missing=["p"]),
        row("gone", outputs={"o": ["file", "77" * 16, 3, 1]}),
        row("raw", outputs={"o": ["raw", "", 0]}),
        row("no digest", outputs={"o": ["file", "../x", 3, 1]}),
        row("odd", outputs=7),
        row("none", outputs={}),
        {"id": "nothing else"},
    ]
    lines = [json.dumps(one) for one in rows]
    text = "\n".join([*lines[:3], "{", "7", *lines[3:], lines[0][:20]])
    Path(attempt.file("items.jsonl")).write_text(text)
    assert [one["id"] for one in items_done(attempt, objects)] == ["good", "none"]
    # whoever wrote into the input may have done so before the items read it
    Path(objects.path_of(read)).chmod(0o644)
    Path(objects.path_of(read)).write_bytes(b"IN")
    assert items_done(attempt, objects) == []


def test_what_is_kept_of_a_job_is_for_whoever_lists_it() -> None:
    facts = facts_of({**JOB, "variables": {"TOKEN": "secret"}, "checkpoint": "ck"})
    submitted = facts.pop("submitted")
    assert submitted > 1e9 and facts == {
        "label": "s",
        "project": "p",
        "token": "t" * 32,
        "directory": "",
        "items": [],
        "checkpoint": "ck",
        "kept": [],
        "inputs": [["file", "11" * 16, 1, 1]],
        "uses": [],
    }
