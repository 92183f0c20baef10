"""What kind of failure ended a job, and what follows from it.

Told from how the job ended and, where that says nothing, from what its command printed
last: the words of the frameworks and of NVIDIA's driver, as their documentation and
source print them.
"""

import re
from typing import NamedTuple

from mltrack.runners.job import Failure, Poll, State

_GPU_MEMORY = re.compile(
    rb"CUDA out of "
    rb"memory|OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|CUBLAS_STATUS_ALLOC_FAILED"
    rb"|CUDNN_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED: Out of memory|HIP out of memory"
)
_BAD_NODE = re.compile(
    rb"uncorrectable ECC error|CUDA_ERROR_ECC_UNCORRECTABLE|no CUDA-capable device is "
    rb"detected|CUDA driver initialization failed"
    rb"|Driver/library version mismatch|has fallen off the bus|CUDA-capable "
    rb"device\(s\) is/are busy or unavailable"
    rb"|Unable to determine the device handle for GPU|NVML: Unknown Error"
)
_NO_MODULE = re.compile(
    rb"ModuleNotFoundError|No module named|command not found|not found$", re.MULTILINE
)
SETUP_FAILED = b"mltrack: the setup of this runner failed"
_BAD_HOST = re.compile(
    r"No space left on device|Disk quota exceeded|Read-only file system|Input/output "
    r"error"
)


class Rule(NamedTuple):
    """``extra`` tries are made without counting as one of the stage's own; with
    ``counts`` the stage's own are made too. ``pause`` is before an extra try, in
    seconds.
    """

    extra: int
    counts: bool
    pause: float = 0.0


RULES: dict[Failure, Rule] = {
    Failure.USER: Rule(0, counts=True),
    Failure.TIMEOUT: Rule(0, counts=True),
    # it would do the same again
    Failure.STOPPED: Rule(0, counts=False),
    Failure.MEMORY: Rule(0, counts=True),
    Failure.GPU_MEMORY: Rule(0, counts=True),
    # not the command's doing: tried again, and the stage's own tries are left for it
    Failure.PREEMPTED: Rule(3, counts=False, pause=1.0),
    Failure.BAD_NODE: Rule(2, counts=True, pause=1.0),
    Failure.LOST: Rule(3, counts=True, pause=1.0),
    # it may still run over there: a try elsewhere would run it twice
    Failure.UNREACHABLE: Rule(0, counts=False),
    Failure.CANCELLED: Rule(0, counts=False),
}


def classify(poll: Poll, tail: bytes) -> Failure:
    """Returns the kind of a failure; ``tail`` is what the command printed last."""
    if poll.state is State.CANCELLED:
        return Failure.CANCELLED
    if poll.state is State.UNREACHABLE:
        return Failure.UNREACHABLE
    if poll.state is State.LOST:
        return Failure.LOST
    if poll.failure is not None:
        return poll.failure
    # of a host only: what this machine's disk says, the person has to hear
    if poll.place and _BAD_HOST.search(poll.problem):
        return Failure.BAD_NODE
    if _GPU_MEMORY.search(tail):
        return Failure.GPU_MEMORY
    if _BAD_NODE.search(tail):
        return Failure.BAD_NODE
    if poll.exit_code in (-15, 143) and poll.place:
        # someone else asked it to end: on a host, that is who looks after it
        return Failure.PREEMPTED
    return Failure.USER


def lacks_setup(tail: bytes) -> bool:
    """Whether the setup of the runner ended badly, so that no command was tried."""
    return SETUP_FAILED in tail


def lacks_program(poll: Poll, tail: bytes) -> bool:
    # a shell's code for a command that it did not find
    """Whether a command ended since a program or a module was not found."""
    return poll.exit_code == 127 or _NO_MODULE.search(tail) is not None
