"""The console script. ``--version`` is answered here, before anything is loaded."""

import os
import sys

from mltrack import __version__


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"mltrack {__version__}\n")
        return
    from mltrack.cli.main import run  # noqa: PLC0415 - see above

    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        pass  # whoever read our output has gone
    # Taking the interpreter apart costs a tenth of a short command and does nothing: files are closed, and what must
    # last was made durable where it was written.
    os._exit(code)


if __name__ == "__main__":
    main()
