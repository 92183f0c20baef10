"""Why jobs failed, told from how they ended and from what they printed."""

import pytest

from mltrack.runners.failures import RULES, classify
from mltrack.runners.job import Failure, Poll, State

FAILED = Poll(State.FAILED, 1)


@pytest.mark.parametrize(
    ("poll", "tail", "kind"),
    [
        (FAILED, b"ValueError: bad shape", Failure.USER),
        (
            FAILED,
            b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            Failure.GPU_MEMORY,
        ),
        (
            FAILED,
            b"jaxlib.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying",
            Failure.GPU_MEMORY,
        ),
        (FAILED, b"CUDA error: uncorrectable ECC error encountered", Failure.BAD_NODE),
        (
            FAILED,
            b"Failed to initialize NVML: Driver/library version mismatch",
            Failure.BAD_NODE,
        ),
        (
            Poll(
                State.FAILED, None, place="gpu1", problem="/x: No space left on device"
            ),
            b"",
            Failure.BAD_NODE,
        ),
        (
            Poll(State.FAILED, None, problem="here: /x: No space left on device"),
            b"",
            Failure.USER,
        ),
        (
            Poll(State.FAILED, -15, failure=Failure.TIMEOUT),
            b"CUDA out of memory",
            Failure.TIMEOUT,
        ),
        (
            Poll(State.FAILED, 1, failure=Failure.PREEMPTED),
            b"CUDA out of memory",
            Failure.PREEMPTED,
        ),
        (Poll(State.FAILED, -9, failure=Failure.MEMORY), b"", Failure.MEMORY),
        (Poll(State.FAILED, -15, place="gpu1"), b"", Failure.PREEMPTED),
        (Poll(State.FAILED, -15), b"", Failure.USER),
        (Poll(State.FAILED, 143, place="gpu1"), b"", Failure.PREEMPTED),
        (Poll(State.FAILED, -9, place="gpu1"), b"", Failure.USER),
        (Poll(State.LOST), b"", Failure.LOST),
        (Poll(State.UNREACHABLE), b"", Failure.UNREACHABLE),
        (Poll(State.CANCELLED), b"CUDA out of memory", Failure.CANCELLED),
    ],
)
def test_kinds(poll: Poll, tail: bytes, kind: Failure) -> None:
    assert classify(poll, tail) is kind


def test_every_kind_has_a_rule() -> None:
    assert set(RULES) == set(Failure)
