"""What kind of failure ended a job, and what follows from it.

Told from how the job ended and, where that says nothing, from what its command printed
last: the words of the frameworks and of NVIDIA's driver, as their documentation and
source print them.
"""

import re
import signal
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
    Failure.MEMORY: Rule(0, counts=True),
    Failure.GPU_MEMORY: Rule(0, counts=True),
    Failure.PREEMPTED: Rule(3, counts=False, pause=1.0),
    Failure.BAD_NODE: Rule(2, counts=True, pause=1.0),
    Failure.LOST: Rule(3, counts=True, pause=1.0),
    Failure.UNREACHABLE: Rule(0, counts=False),
    Failure.CANCELLED: Rule(0, counts=False),
}
WORDS = {
    Failure.TIMEOUT: "timeout",
    Failure.MEMORY: "out of memory",
    Failure.GPU_MEMORY: "out of GPU memory",
    Failure.PREEMPTED: "preempted",
    Failure.BAD_NODE: "the machine is at fault",
    Failure.LOST: "lost",
    Failure.UNREACHABLE: "unreachable",
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


def words_of(poll: Poll, tail: bytes, *, runner: str, timeout: float | None) -> str:
    """Returns how a job ended that did not end well, for a person."""
    place = poll.place or runner
    if poll.state is State.UNREACHABLE:
        return f"{poll.problem}; its job goes on there, and the next `mltrack repro` takes its result"
    if poll.state is State.LOST:
        return f"its job on {place} was lost: {poll.problem or 'nothing knows of it'}"
    if poll.state is State.CANCELLED:
        return "its job was cancelled"
    if poll.problem:
        is_named = not poll.place or poll.problem.startswith(poll.place)
        return poll.problem if is_named else f"{poll.place}: {poll.problem}"
    command = poll.command.strip().splitlines()[0] if poll.command.strip() else ""
    shown = f"`{command[:100]}`" if command else "its command"
    text = f"{shown} {_ending(poll, timeout)}"
    if poll.place:
        text += f" on {poll.place}"
        if SETUP_FAILED in tail:
            return f"the setup of runner {runner} failed on {poll.place}: see runner.{runner}.setup"
        if poll.exit_code == 127 or _NO_MODULE.search(tail):
            text += f" (what commands need there: runner.{runner}.setup)"
    failure = classify(poll, tail)
    return (
        f"{text} ({WORDS[failure]})"
        if failure in (Failure.GPU_MEMORY, Failure.BAD_NODE)
        else text
    )


def _ending(poll: Poll, timeout: float | None) -> str:
    code = poll.exit_code or 0
    killed = -code if code < 0 else code - 128 if 128 < code < 160 else 0
    if poll.failure is Failure.TIMEOUT:
        return f"took longer than its timeout of {timeout or 0:g} s and was ended"
    if poll.failure is Failure.MEMORY:
        return "was killed by the kernel: the machine ran out of memory"
    if poll.failure is Failure.PREEMPTED:
        return "was preempted"
    if code < 0:
        return f"was killed by {_signal_name(killed)}"
    if code == 127:
        return "ended with exit code 127: a program in it was not found"
    if code == 126:
        return "ended with exit code 126: a program in it may not be executed"
    if killed:
        return f"ended with exit code {code}: a program in it was killed by {_signal_name(killed)}"
    return f"ended with exit code {poll.exit_code}"


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return name + (" (often: out of memory)" if name == "SIGKILL" else "")
