"""Runs mltrack with a disk that breaks at the n-th call that changes it.

usage: python -P -m tests.support.breaking MODE N COUNT_FILE ARGUMENT...

MODE is ``kill`` (the process is gone, as by kill -9, before the call), ``torn`` (half
of a write reaches the disk, then the process is gone) or an errno's name (the call
fails; ``+`` behind it: so do all later ones). N counts from 1; 0 breaks nothing.
``trace`` writes one line per call and path to COUNT_FILE with ``.trace`` behind it. How
many such calls there were is written to COUNT_FILE. mltrack changes the disk through
the ``os`` module only, so nothing escapes.
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


def place(item: object, directory: int | None = None) -> str:
    """Where a path or an open descriptor is."""
    if isinstance(item, int):
        return os.readlink(f"/proc/self/fd/{item}")
    path = os.fsdecode(item)  # type: ignore[arg-type]
    return (
        os.path.join(os.readlink(f"/proc/self/fd/{directory}"), path)
        if directory is not None
        else os.path.abspath(path)
    )


def trace(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    places = [place(given[0], named.get("src_dir_fd", named.get("dir_fd")))]
    if name == "rename":
        places.append(place(given[1], named.get("dst_dir_fd")))
    with open(sys.argv_trace, "a") as file:  # type: ignore[attr-defined]
        file.write("\t".join([name, *places]) + "\n")


def main() -> None:
    mode, at, count_file, *arguments = sys.argv[1:]
    state = {"count": 0}
    sys.argv_trace = count_file + ".trace"  # type: ignore[attr-defined]

    def breaking(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if name == "write" and given and given[0] in (1, 2):
                return real(*given, **named)
            state["count"] += 1
            if mode == "trace":
                trace(name, given, named)
            reached = state["count"] == int(at) or (
                mode.endswith("+") and 0 < int(at) <= state["count"]
            )
            if not reached:
                return real(*given, **named)
            if mode == "torn" and name == "write":
                real(given[0], bytes(given[1])[: len(given[1]) // 2])
            if mode in ("kill", "torn"):
                exit_now(137)
            number = getattr(errno, mode.rstrip("+"))
            raise OSError(
                number,
                os.strerror(number),
                given[0] if given and isinstance(given[0], str) else None,
            )

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
