"""Runs mltrack with a disk that breaks at the n-th call that changes it.

usage: python -P -m tests.support.breaking MODE N COUNT_FILE ARGUMENT...

MODE is ``kill`` (the process is gone, as by kill -9, before the call), ``torn`` (half of a write reaches the disk,
then the process is gone) or an errno's name (the call fails; ``+`` behind it: so do all later ones). N counts from 1;
0 breaks nothing. How many such calls there were is written to COUNT_FILE. mltrack changes the disk through the ``os`` module only, so nothing escapes.
"""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

CALLS = (
    "write",
    "fsync",
    "rename",
    "unlink",
    "mkdir",
    "rmdir",
    "link",
    "symlink",
    "chmod",
    "fchmod",
    "copy_file_range",
    "replace",
)
exit_now, real_write = os._exit, os.write


def main() -> None:
    mode, at, count_file, *arguments = sys.argv[1:]
    state = {"count": 0}

    def breaking(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if name == "write" and given and given[0] in (1, 2):
                return real(*given, **named)
            state["count"] += 1
            reached = state["count"] == int(at) or (mode.endswith("+") and 0 < int(at) <= state["count"])
            if not reached:
                return real(*given, **named)
            if mode == "torn" and name == "write":
                real(given[0], bytes(given[1])[: len(given[1]) // 2])
            if mode in ("kill", "torn"):
                exit_now(137)
            number = getattr(errno, mode.rstrip("+"))
            raise OSError(number, os.strerror(number), given[0] if given and isinstance(given[0], str) else None)

        return call

    for name in CALLS:
        setattr(os, name, breaking(name, getattr(os, name)))

    def leave(code: int) -> None:
        with open(count_file, "w") as file:
            file.write(str(state["count"]))
        exit_now(code)

    os._exit = leave  # type: ignore[assignment]
    sys.argv = ["mltrack", *arguments]
    from mltrack.__main__ import main as run

    run()
    leave(0)


main()
