"""Why an attempt gave no result: a typed cause, and what it concerns."""

from enum import Enum
from typing import NamedTuple

from mltrack.errors import MltrackError
from mltrack.runners.failures import classify, lacks_program, lacks_setup
from mltrack.runners.job import Failure, Poll, State


class FaultCause(Enum):
    """The typed cause in a fault; the value is its stable name in ``--json``."""

    COMMAND = "command"
    """A command ended badly; ``failure`` is the kind."""
    SETUP = "setup"
    """The setup of the runner ended badly, before the command."""
    MACHINE = "machine"
    """The machine kept the command from ending well; ``error`` is what it said."""
    STOPPED = "stopped"
    """A stop rule of the stage ended the command; ``error`` says why."""
    CANCELLED = "cancelled"
    LOST = "lost"
    """Nothing knows of the job any more."""
    UNREACHABLE = "unreachable"
    """Nobody can ask for the job, or for a place for one."""
    REFUSED = "refused"
    """mltrack could not start the command; ``error`` says why."""
    DEPENDENCY_MISSING = "dependency-missing"
    UNDECLARED_READ = "undeclared-read"
    OUTPUT_MISSING = "output-missing"
    OUTPUT_UNFIT = "output-unfit"
    """An output is nothing that can be recorded; ``error`` says why."""


class Fault(NamedTuple):
    """One cause, and what is known of it.

    ``exit_code`` is the command's, negative for a signal, None where it gave none.
    ``failure`` is the kind by which another try may do better. ``command`` is the one
    that failed, ``place`` the host that had it, '' for this machine. ``timeout`` is in
    seconds. ``paths`` are those that the cause is about. ``sought`` are paths that the
    stage does not declare, and that the command looked for where it ran: a host, or
    with ``in_sandbox`` a copy on this machine. With ``lacks_program`` a program or a
    module was not found. ``error`` are words of the machine, or of mltrack's own error,
    whose ``hint`` goes with it.
    """

    cause: FaultCause
    exit_code: int | None = None
    failure: Failure | None = None
    command: str = ""
    runner: str = ""
    place: str = ""
    timeout: float | None = None
    paths: tuple[str, ...] = ()
    sought: tuple[str, ...] = ()
    in_sandbox: bool = False
    lacks_program: bool = False
    error: str = ""
    hint: str = ""


class Failed(Exception):
    """The attempt did not give a result."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.cause.value)
        self.fault = fault


def fault_of(poll: Poll, tail: bytes, *, runner: str, timeout: float | None) -> Fault:
    """Returns why a job did not end well; ``tail`` is what it printed last."""
    return Fault(
        _cause_of(poll, tail),
        exit_code=poll.exit_code,
        failure=classify(poll, tail),
        command=poll.command,
        runner=runner,
        place=poll.place,
        timeout=timeout,
        # on this machine the shell's own words are on the screen already
        lacks_program=bool(poll.place) and lacks_program(poll, tail),
        error=poll.stopped or poll.problem,
    )


def _cause_of(poll: Poll, tail: bytes) -> FaultCause:
    # first: of these an exit code or a problem says nothing
    if poll.state in _BY_STATE:
        return _BY_STATE[poll.state]
    if poll.stopped:
        return FaultCause.STOPPED
    if poll.problem:
        return FaultCause.MACHINE
    if poll.place and lacks_setup(tail):
        return FaultCause.SETUP
    return FaultCause.COMMAND


_BY_STATE = {
    State.CANCELLED: FaultCause.CANCELLED,
    State.LOST: FaultCause.LOST,
    State.UNREACHABLE: FaultCause.UNREACHABLE,
}


def refused(error: MltrackError, failure: Failure | None = None) -> Failed:
    """Returns the failure of an attempt that could not be begun, for this error."""
    fault = Fault(
        FaultCause.REFUSED, failure=failure, error=error.message, hint=error.hint or ""
    )
    return Failed(fault)
