"""What a host answers: taken for what it says of what was asked for, and nothing
else.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import RemoteError
from mltrack.objects.content import EXEC, FILE, SYMLINK, TREE, Content
from mltrack.objects.digest import XXH3, algorithm
from mltrack.runners.answers import RAW, digests_in, poll_of
from mltrack.runners.job import Failure, Item, ItemResult, Job, Poll, State, Ticket
from mltrack.runners.task import Task

DIGEST = "ab" * 16
TASK = Task(
    Job(
        "cd" * 16,
        "s",
        "/bin/sh",
        "",
        (Item("a", ("x",), ("o", "p")), Item("b", ("y",), ("q",))),
    ),
    Ticket("box", "cd" * 16, "t", "log"),
    None,
    "t",
    "scratch",
)


def answered(row: dict[str, Any], *, hashes: bool = True) -> Poll:
    return poll_of(TASK, row, "gpu1", XXH3, hashes=hashes)


def item(name: str = "a", **outputs: list[Any]) -> dict[str, Any]:
    return {"id": name, "exit_code": 0, "seconds": 1.5, "outputs": outputs}


def test_all_that_a_host_says_of_an_end_is_taken() -> None:
    row = {
        "state": "failed",
        "exit_code": 3,
        "command": "x",
        "peak_memory": 7,
        "timed_out": True,
        "gpus": [0, "1"],
        "problem": "why",
        "seconds": 2,
        "items": [
            item(o=[FILE, DIGEST, 5], p=[TREE, DIGEST, 9, 3]),
            {**item("b", q=[EXEC, DIGEST, 1]), "exit_code": 3},
        ],
    }
    assert answered(row) == Poll(
        State.FAILED,
        exit_code=3,
        command="x",
        peak_memory=7,
        failure=Failure.TIMEOUT,
        items=(ItemResult("a", 0, 1.5), ItemResult("b", 3, 1.5)),
        place="gpu1",
        gpus=("0", "1"),
        problem="why",
        left={
            "o": Content(FILE, DIGEST, 5),
            "p": Content(TREE, DIGEST, 9, 3),
            "q": Content(EXEC, DIGEST, 1),
        },
        seconds=2.0,
    )


def test_what_a_host_does_not_say_is_not_known() -> None:
    assert answered({"state": "lost"}) == Poll(State.LOST, place="gpu1", seconds=0.0)


@pytest.mark.parametrize("kind", [FILE, EXEC, SYMLINK, TREE])
def test_outputs_are_of_the_kinds_that_there_are(kind: str) -> None:
    left = answered({"state": "done", "items": [item(o=[kind, DIGEST, 1])]}).left
    assert left == {"o": Content(kind, DIGEST, 1)}


@pytest.mark.parametrize(
    "outputs",
    [
        {"x": [FILE, DIGEST, 1]},
        {"../o": [FILE, DIGEST, 1]},
        {"/etc/passwd": [FILE, DIGEST, 1]},
        {"o": ["pipe", DIGEST, 1]},
        {"o": [FILE, DIGEST[:-1], 1]},
        {"o": [FILE, "../../x", 1]},
        {"o": [FILE, DIGEST.upper(), 1]},
        {"o": [RAW, "", 0]},
    ],
)
def test_what_nobody_asked_for_is_refused(outputs: dict[str, list[Any]]) -> None:
    with pytest.raises(RemoteError, match="which nobody asked for"):
        answered({"state": "done", "items": [item(**outputs)]})


def test_a_host_that_cannot_hash_names_no_digests() -> None:
    row = {"state": "done", "items": [item(o=[RAW, "", 0])]}
    assert answered(row, hashes=False).left == {"o": Content(RAW, "", 0)}


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"state": "well"},
        {"state": "done", "items": [{"id": "a"}]},
        {"state": "done", "items": "x"},
        {"state": "done", "items": [item(o=[FILE])]},
        {"state": "done", "items": [item(o=7)]},  # type: ignore[arg-type]
        {"state": "done", "items": [item(o=[FILE, DIGEST, "much"])]},
        {"state": "done", "peak_memory": "much"},
        {"state": "done", "gpus": 7},
    ],
)
def test_an_answer_that_makes_no_sense_is_one_of_the_errors_that_it_may_be(
    row: dict[str, Any],
) -> None:
    with pytest.raises((RemoteError, KeyError, TypeError, ValueError)):
        answered(row)


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_digests_that_follow_one_another_are_told_apart(raws: list[bytes]) -> None:
    assert digests_in(b"".join(raws), XXH3) == [raw.hex() for raw in raws]
    assert digests_in(bytes(64), algorithm("blake3")) == ["00" * 32] * 2
