"""The console script. ``--version`` is answered here, before anything is loaded."""

import gc
import io
import os
import sys

from mltrack import __version__

_STDERR = 2
_GARBAGE_EVERY = 100_000
_INTERRUPTED = 130


def _end(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """Ends the process for an interrupt that comes while modules are loaded, when
    nothing is begun yet, as `run` does later: in a word, and not in a traceback.
    """
    if issubclass(kind, KeyboardInterrupt):
        os.write(_STDERR, b"\ninterrupted\n")
        os._exit(_INTERRUPTED)
    sys.__excepthook__(kind, error, trace)  # type: ignore[arg-type]


sys.excepthook = _end


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    _fit_streams()
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"mltrack {__version__}\n")
        return
    # looking for garbage cycles 700 allocations after the last look took 8 % of a
    # `status`, and found none; what runs for long still looks now and then
    gc.set_threshold(_GARBAGE_EVERY)
    from mltrack.cli.main import run  # noqa: PLC0415 - see above

    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        pass  # whoever read our output has gone
    # Taking the interpreter apart costs a tenth of a short command and does nothing:
    # files are closed, and what must last was made durable where it was written.
    os._exit(code)


def _fit_streams() -> None:
    """A closed standard stream must not be reused for a file that is opened later, and
    text that the terminal's encoding lacks is shown escaped.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= _STDERR:
        descriptor = os.dup(descriptor)
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
