"""Runs mltrack, and a shell command of somebody else's at a moment in the middle of it.

usage: python -P -m tests.support.meanwhile EVENT PREFIX COMMAND ARGUMENT...

EVENT is the name of an audit event with a path as its first argument (``open``,
``os.rename``, ``os.remove``, ``os.mkdir``); the command runs once, just before the
first of them whose path's last part begins with PREFIX. Ends with 99 if there was none.
"""

import os
import subprocess
import sys


def main() -> None:
    event, prefix, command, *arguments = sys.argv[1:]
    state = {"done": False}

    def look(name: str, given: tuple[object, ...]) -> None:
        if (
            name != event
            or state["done"]
            or not given
            or not isinstance(given[0], str | bytes)
        ):
            return
        if os.path.basename(os.fsdecode(given[0])).startswith(prefix):
            state["done"] = True
            subprocess.run(["/bin/sh", "-ec", command], check=True)

    real_exit = os._exit

    def leave(code: int) -> None:
        real_exit(code if state["done"] else 99)

    sys.addaudithook(look)
    os._exit = leave  # type: ignore[assignment]
    sys.argv = ["mltrack", *arguments]
    from mltrack.__main__ import main as run

    try:
        run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    else:
        code = 0
    sys.stdout.flush()
    leave(code)


main()
