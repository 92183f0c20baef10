"""The console script. ``--version`` is answered here, before anything is loaded."""

import gc
import os
import sys

from mltrack import __version__


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"mltrack {__version__}\n")
        return
    # Hundreds of thousands of rows are made and few cycles: looking for those as often as usual is a tenth of an add.
    gc.set_threshold(100_000, 20, 20)
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
