"""Why a stage failed, in words."""

import signal
from collections.abc import Callable

from mltrack.engine.fault import Fault, FaultCause
from mltrack.runners.job import Failure

# names: more would hide what the line says
_SHOWN = 5
# characters: the line goes on behind the command
_MAX_COMMAND = 100
_SIGNALLED = range(129, 160)
"""The exit codes by which a shell says that a signal ended a program: 128 and more."""

FAILURES = {
    Failure.TIMEOUT: "timeout",
    Failure.STOPPED: "stopped by a rule of the stage",
    Failure.MEMORY: "out of memory",
    Failure.GPU_MEMORY: "out of GPU memory",
    Failure.PREEMPTED: "preempted",
    Failure.BAD_NODE: "the machine is at fault",
    Failure.LOST: "lost",
    Failure.UNREACHABLE: "unreachable",
}


def fault_words(fault: Fault) -> str:
    """Returns why an attempt gave no result, as a phrase."""
    return _WORDS[fault.cause](fault)


def _command(fault: Fault) -> str:
    text = f"{_shown(fault)} {_ending(fault)}"
    if fault.place:
        text += f" on {fault.place}"
    if fault.lacks_program:
        text += f" (what commands need there: runner.{fault.runner}.setup)"
    if fault.failure in (Failure.GPU_MEMORY, Failure.BAD_NODE):
        text += f" ({FAILURES[fault.failure]})"
    return text + _sought(fault)


def _shown(fault: Fault) -> str:
    """The command that failed, as one line."""
    # of a script of many lines the first says which one it is
    lines = fault.command.strip().splitlines() or [""]
    first = lines[0]
    shown = f"`{first[:_MAX_COMMAND]}`" if first else "its command"
    if len(lines) > 1:
        # the shell does not say which of them it was
        return f"the script that begins with {shown}"
    return shown


def _stopped(fault: Fault) -> str:
    where = f" on {fault.place}" if fault.place else ""
    return f"{_shown(fault)} was stopped{where}: {fault.error}"


def _sought(fault: Fault) -> str:
    if not fault.sought:
        return ""
    where = "in its sandbox" if fault.in_sandbox else f"on {_host(fault)}"
    names = ", ".join(fault.sought[:_SHOWN])
    return f"; {where} it looked for {names}, which it does not declare"


def _host(fault: Fault) -> str:
    return fault.place or fault.runner


def _ending(fault: Fault) -> str:
    if fault.failure is Failure.TIMEOUT:
        return f"took longer than its timeout of {fault.timeout or 0:g} s and was ended"
    if fault.failure is Failure.MEMORY:
        return "was killed by the kernel: the machine ran out of memory"
    if fault.failure is Failure.PREEMPTED:
        return "was preempted"
    code = fault.exit_code or 0
    if code < 0:
        return f"was killed by {_signal_name(-code)}"
    # a shell's own codes: 127 for what is not there, 126 for what cannot be run
    if code == 127:
        return "ended with exit code 127: a program in it was not found"
    if code == 126:
        return "ended with exit code 126: a program in it may not be executed"
    if code in _SIGNALLED:
        name = _signal_name(code - 128)
        return f"ended with exit code {code}: a program in it was killed by {name}"
    return f"ended with exit code {fault.exit_code}"


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    # the kernel kills with this signal where memory runs out
    return name + (" (often: out of memory)" if name == "SIGKILL" else "")


def _setup(fault: Fault) -> str:
    return (
        f"the setup of runner {fault.runner} failed on {fault.place}: "
        f"see runner.{fault.runner}.setup"
    )


def _machine(fault: Fault) -> str:
    # errors of ssh name their host already
    is_named = not fault.place or fault.error.startswith(fault.place)
    return fault.error if is_named else f"{fault.place}: {fault.error}"


def _cancelled(_fault: Fault) -> str:
    return "its job was cancelled"


def _lost(fault: Fault) -> str:
    why = fault.error or "nothing knows of it"
    return f"its job on {_host(fault)} was lost: {why}"


def _unreachable(fault: Fault) -> str:
    return (
        f"{fault.error}; its job goes on there, and the next `mltrack repro` takes its "
        "result"
    )


def _refused(fault: Fault) -> str:
    return fault.error + (f" (hint: {fault.hint})" if fault.hint else "")


def _dependency_missing(fault: Fault) -> str:
    return (
        f"it depends on {fault.paths[0]!r}, which does not exist; "
        "`mltrack pull` brings tracked data"
    )


def _undeclared_read(fault: Fault) -> str:
    return (
        f"it read what it does not declare: {', '.join(fault.paths[:_SHOWN])}; "
        "add it to `deps`, or set `check: warn`"
    )


def _output_missing(fault: Fault) -> str:
    names = ", ".join(map(repr, fault.paths))
    return f"it did not write {names}, declared as its output"


def _output_unfit(fault: Fault) -> str:
    return (
        "its outputs cannot be recorded (a link that leads out, a pipe, a "
        f"repository?): {fault.error}"
    )


_WORDS: dict[FaultCause, Callable[[Fault], str]] = {
    FaultCause.COMMAND: _command,
    FaultCause.SETUP: _setup,
    FaultCause.MACHINE: _machine,
    FaultCause.STOPPED: _stopped,
    FaultCause.CANCELLED: _cancelled,
    FaultCause.LOST: _lost,
    FaultCause.UNREACHABLE: _unreachable,
    FaultCause.REFUSED: _refused,
    FaultCause.DEPENDENCY_MISSING: _dependency_missing,
    FaultCause.UNDECLARED_READ: _undeclared_read,
    FaultCause.OUTPUT_MISSING: _output_missing,
    FaultCause.OUTPUT_UNFIT: _output_unfit,
}
