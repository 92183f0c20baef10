"""Inputs of a job on a host: links that several jobs share, and what is believed once
one of them wrote through its own.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mltrack.objects.digest import XXH3
from mltrack.runners.worker import hashing
from mltrack.runners.worker.attempts import Attempt, Attempts
from mltrack.runners.worker.former import facts_of, items_done
from mltrack.runners.worker.inputs import Inputs, are_intact
from mltrack.runners.worker.objects import Damaged, Objects

DATA = b"right\n"


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    found = Objects(str(tmp_path), "xxh3", hashing.find("xxh3", str(tmp_path)))
    found.put(XXH3.hex_of(DATA), DATA)
    return found


def job(key: str) -> dict[str, Any]:
    return {
        "key": key * 32,
        "label": "s",
        "project": "p",
        "token": key * 32,
        "directory": "",
        "inputs": [["in", "file", XXH3.hex_of(DATA), len(DATA), 1]],
        "kept": [],
        "files": {},
        "items": [{"id": "", "commands": ["true"], "outputs": ["out"]}],
    }


def attempt(tmp_path: Path, key: str) -> Attempt:
    made = Attempts(str(tmp_path))
    os.makedirs(tmp_path / "jobs" / (key * 32), exist_ok=True)
    one, alive = made.create(key * 32, facts_of(job(key)))
    os.close(alive)
    return one


def placed(tmp_path: Path, objects: Objects, key: str) -> tuple[Attempt, Inputs]:
    one = attempt(tmp_path, key)
    inputs = Inputs(one.work, job(key), objects)
    inputs.place()
    return one, inputs


def overwrite(one: Attempt) -> None:
    path = Path(one.work) / "in"
    path.chmod(0o644)
    path.write_bytes(b"wrong\n")


@pytest.mark.parametrize("sent_again", [False, True])
@pytest.mark.parametrize("keeps_its_link", [False, True])
def test_an_input_that_one_job_overwrote_is_noticed_by_all_that_had_it(
    keeps_its_link: bool, sent_again: bool, tmp_path: Path, objects: Objects
) -> None:
    bad, its = placed(tmp_path, objects, "1")
    other, others = placed(tmp_path, objects, "2")
    overwrite(bad)
    if not keeps_its_link:
        (Path(other.work) / "in").unlink()
    with pytest.raises(OSError, match="wrote into this input"):
        its.check()
    if sent_again:
        objects.put(XXH3.hex_of(DATA), DATA)
    with pytest.raises(Damaged, match="in: another job overwrote this input"):
        others.check()


def test_inputs_that_nobody_touched_pass(tmp_path: Path, objects: Objects) -> None:
    one, inputs = placed(tmp_path, objects, "1")
    (Path(one.work) / "in").unlink()
    inputs.check()
    assert are_intact(one, objects)


def test_items_made_from_an_overwritten_input_are_made_again(
    tmp_path: Path, objects: Objects
) -> None:
    """Also where the supervisor was killed, and the object was sent anew since."""
    one, _ = placed(tmp_path, objects, "1")
    objects.put(XXH3.hex_of(b"out"), b"out")
    row = {
        "id": "",
        "exit_code": 0,
        "missing": [],
        "outputs": {"out": ["file", XXH3.hex_of(b"out"), 3, 1]},
    }
    Path(one.file("items.jsonl")).write_text(json.dumps(row) + "\n")
    assert items_done(one, objects) == [row]
    overwrite(one)
    assert items_done(one, objects) == []
    objects.put(XXH3.hex_of(DATA), DATA)
    assert items_done(one, objects) == []
