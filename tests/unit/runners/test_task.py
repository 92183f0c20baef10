"""A job under way: what is said of it, and what its host is asked for."""

from base64 import b64decode

import pytest

from mltrack.objects.content import FILE, Content
from mltrack.pipeline.stage import StopRule
from mltrack.runners.job import Item, Job, Poll, State, Ticket
from mltrack.runners.task import Board, HostSettings, Phase, Task

SETTINGS = HostSettings("box", {}, "", 1 << 40, ". env")


def task(**settings: object) -> Task:
    job = Job(
        **{
            "key": "ab" * 16,
            "label": "s",
            "shell": "/bin/sh",
            "directory": "sub",
            "items": (Item("", ("x", "y"), ("o",)),),
            **settings,
        }
    )  # type: ignore[arg-type]
    return Task(job, Ticket("box", job.key, "t", "log"), None, "t" * 32, "scratch")


def test_what_is_over_there_and_on_its_way_here_still_runs() -> None:
    one = task()
    assert one.present("").state is State.QUEUED
    for phase in (Phase.WATCHED, Phase.RECEIVING):
        one.phase, one.poll = (
            phase,
            Poll(State.DONE, 0, left={"o": Content(FILE, "", 1)}),
        )
        shown = one.present("no way there")
        assert shown.state is State.RUNNING and shown.problem == "no way there"
        assert shown.exit_code is None and not shown.left
    one.phase = Phase.OVER
    assert one.present("no way there") == one.poll


def test_what_is_known_beside_the_hosts_word_goes_along() -> None:
    one = task()
    one.was_over, one.sent, one.is_resumed = True, 7, True
    for phase in Phase:
        one.phase = phase
        shown = one.present("")
        assert (shown.was_over, shown.sent, shown.is_resumed) == (True, 7, True)


def test_the_place_and_the_gpus_are_those_of_the_host() -> None:
    one = task()
    one.poll = Poll(State.RUNNING, place="gpu1", gpus=("3",))
    shown = one.present("")
    assert (shown.state, shown.place, shown.gpus) == (State.RUNNING, "gpu1", ("3",))


def test_how_much_is_to_come_back() -> None:
    one = task(left=frozenset({"big"}))
    assert one.outputs_size() == 0
    left = {"big": Content(FILE, "aa", 1 << 40), "o": Content(FILE, "bb", 5)}
    one.poll = Poll(State.DONE, left=left)
    assert one.outputs_size() == 5
    # a host that cannot hash does not know
    one.poll = Poll(State.DONE, left={**left, "raw": Content("raw", "", 0)})
    assert one.outputs_size() == float("inf")


def test_a_job_without_a_key_is_known_by_its_token() -> None:
    assert task().key == "ab" * 16 and task(key="").key == f"none-{'t' * 32}"


def test_a_host_is_asked_for_all_that_the_job_says() -> None:
    one = task(
        project="p",
        timeout=7.0,
        checkpoint="ck",
        live="sub/live",
        stop=(StopRule("nan", "loss"),),
        monitor=True,
        inputs={"in": Content(FILE, "aa", 3), "conf": Content(FILE, "bb", 4)},
        files={"conf": b"\x00lr: 1"},
        kept=("o",),
        variables={"A": "1"},
        unset=("B",),
        resources={"gpus": 1.0},
    )
    spec = one.spec(SETTINGS)
    assert b64decode(spec.pop("files")["conf"]) == b"\x00lr: 1"
    assert spec == {
        "key": "ab" * 16,
        "token": "t" * 32,
        "label": "s",
        "project": "p",
        "shell": "/bin/sh",
        "directory": "sub",
        "live": "sub/live",
        "stop": [["nan", "loss", 0.0, "min", False]],
        "monitor": True,
        "setup": ". env",
        "timeout": 7.0,
        "checkpoint": "ck",
        "items": [{"id": "", "commands": ("x", "y"), "outputs": ("o",)}],
        # what is given as bytes is no object that the host could lack
        "inputs": [["in", "file", "aa", 3, 1]],
        "kept": ["o"],
        "variables": {"A": "1"},
        "unset": ["B"],
        "resources": {"gpus": 1.0},
    }


def test_whoever_waits_is_told_of_each_change() -> None:
    board = Board()
    with board.changed:
        before = board.serial
        board.tell()
        assert board.serial == before + 1
    with pytest.raises(RuntimeError):
        board.tell()  # only while it is held
