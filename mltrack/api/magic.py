"""``%mltrack`` in a notebook: the command line, with its output below the cell."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Gives a notebook the line magic ``%mltrack``, for ``%load_ext mltrack``."""
    shell.register_magic_function(run, "line", "mltrack")


def run(line: str) -> None:
    """Runs a command line in the notebook's directory and prints what it prints, as it
    comes. Raises IPython's UsageError if it fails, which stops a run of all cells.
    """
    from IPython.core.error import UsageError  # noqa: PLC0415 - whoever calls has it

    # the mltrack of this kernel, whatever the path leads to
    command = [sys.executable, "-P", "-m", "mltrack", *shlex.split(line)]
    # one after another: a command that asks something would wait for ever
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
    ) as process:
        assert process.stdout is not None
        try:
            for text in process.stdout:
                sys.stdout.write(text)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            sys.stdout.write(process.stdout.read())
            raise
    if process.returncode:
        raise UsageError(f"mltrack ended with exit code {process.returncode}: {line}")
