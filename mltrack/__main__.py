"""The console script. ``--version`` is answered here, before anything is loaded."""

import sys

from mltrack import __version__


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"mltrack {__version__}\n")
        return
    from mltrack.cli.main import run  # noqa: PLC0415 - see above

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
