"""Why a stage failed, in the words that a person reads."""

import pytest

from mltrack.cli.fault_words import FAILURES, fault_words
from mltrack.engine.fault import Fault, FaultCause, fault_of
from mltrack.runners.failures import SETUP_FAILED
from mltrack.runners.job import Failure, Poll, State


def words(poll: Poll, tail: bytes = b"", timeout: float | None = None) -> str:
    return fault_words(fault_of(poll, tail, runner="rack", timeout=timeout))


@pytest.mark.parametrize(
    ("poll", "said"),
    [
        (
            Poll(State.LOST, place="gpu1", problem="its supervisor is gone"),
            "its job on gpu1 was lost: its supervisor is gone",
        ),
        (Poll(State.LOST), "its job on rack was lost: nothing knows of it"),
        (
            Poll(State.UNREACHABLE, problem="no route"),
            "no route; its job goes on there, and the next `mltrack repro` takes its "
            "result",
        ),
        (Poll(State.CANCELLED), "its job was cancelled"),
        (Poll(State.FAILED, problem="disk full", place="gpu1"), "gpu1: disk full"),
        (Poll(State.FAILED, problem="gpu1: full", place="gpu1"), "gpu1: full"),
        (
            Poll(State.FAILED, 2, command="python a.py\nmore"),
            "the script that begins with `python a.py` ended with exit code 2",
        ),
        (
            Poll(State.FAILED, -15, command="x", failure=Failure.TIMEOUT),
            "`x` took longer than its timeout of 5 s and was ended",
        ),
        (
            Poll(State.FAILED, -9, command="x"),
            "`x` was killed by SIGKILL (often: out of memory)",
        ),
        (
            Poll(State.FAILED, 143, command="x"),
            "`x` ended with exit code 143: a program in it was killed by SIGTERM",
        ),
        (
            Poll(State.FAILED, 127, command="x"),
            "`x` ended with exit code 127: a program in it was not found",
        ),
        (
            Poll(State.FAILED, 127, command="x", place="gpu1"),
            "`x` ended with exit code 127: a program in it was not found on gpu1 "
            "(what commands need there: runner.rack.setup)",
        ),
    ],
)
def test_how_a_job_ended(poll: Poll, said: str) -> None:
    assert words(poll, timeout=5.0) == said


def test_a_failed_setup_names_the_setting_and_not_the_command() -> None:
    poll = Poll(State.FAILED, 1, command="python train.py", place="gpu1")
    said = words(poll, SETUP_FAILED)
    assert said == "the setup of runner rack failed on gpu1: see runner.rack.setup"


def test_what_the_machine_is_to_blame_for_is_named() -> None:
    poll = Poll(State.FAILED, 1, command="x")
    assert words(poll, b"CUDA out of memory").endswith("(out of GPU memory)")


def test_what_it_looked_for_is_named_with_where_it_looked() -> None:
    fault = Fault(FaultCause.COMMAND, 1, Failure.USER, "x", sought=("a.py", "b.txt"))
    where = {
        "in its sandbox": fault._replace(in_sandbox=True),
        "on gpu1": fault._replace(place="gpu1"),
        "on rack": fault._replace(runner="rack"),
    }
    for words_for_it, one in where.items():
        assert f"; {words_for_it} it looked for a.py, b.txt, which" in fault_words(one)


@pytest.mark.parametrize("cause", list(FaultCause))
def test_every_cause_has_words(cause: FaultCause) -> None:
    fault = Fault(cause, 1, paths=("data/a",), error="it broke")
    assert fault_words(fault).strip()


def test_every_failure_that_earns_an_extra_try_has_a_name() -> None:
    assert set(Failure) - set(FAILURES) == {Failure.USER, Failure.CANCELLED}
