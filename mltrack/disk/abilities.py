"""What is asked of the system beyond POSIX. Each is found at run time, and whoever asks
for one has another way without it.

``MLTRACK_ABILITIES`` names those that may be used, separated by commas; ``none`` is
none of them. So a machine that has all can show that the other ways are right.
"""

import fcntl
import os
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache

from mltrack.errors import UsageError

VARIABLE = "MLTRACK_ABILITIES"


class Ability(Enum):
    """One thing that not every system has; the text behind it says what is done without
    it.
    """

    # Linux: FICLONE; macOS: clonefile
    CLONE = "clone"
    """Files share blocks. Without: they are copied."""
    KERNEL_COPY = "kernel-copy"
    """``copy_file_range``. Without: bytes are read and written."""
    HOLES = "holes"
    """``SEEK_DATA``. Without: holes are read as the zeros that they are."""
    SYNCFS = "syncfs"
    """One file system is written back. Without: all of them are."""
    PIDFD = "pidfd"
    """A descriptor tells that a process has ended. Without: a thread waits for it."""
    NAME_LOCKS = "name-locks"
    """Open file description locks on bytes. Without: a file for each name."""
    LEASES = "leases"
    """The kernel says whether a file is open for writing. Without: the cache gets a copy
    where it would have taken the file itself.
    """
    PROC = "proc"
    """proc(5). Without: a process is known by its number alone, and a command that was
    killed is not known to have run out of memory.
    """
    AFFINITY = "affinity"
    """The processors that this process may use. Without: all of the machine's count."""


_ASKED: Mapping[Ability, Callable[[], bool]] = {
    # the file system decides, and is asked each time
    Ability.CLONE: lambda: True,
    Ability.KERNEL_COPY: lambda: hasattr(os, "copy_file_range"),
    Ability.HOLES: lambda: hasattr(os, "SEEK_DATA"),
    # the C library is asked by who needs it: to load ctypes costs more than all of this
    Ability.SYNCFS: lambda: True,
    Ability.PIDFD: lambda: hasattr(os, "pidfd_open"),
    # macOS has these locks too, in a struct of another shape
    Ability.NAME_LOCKS: lambda: (
        hasattr(fcntl, "F_OFD_SETLK") and os.uname().sysname == "Linux"
    ),
    Ability.LEASES: lambda: hasattr(fcntl, "F_SETLEASE"),
    Ability.PROC: lambda: os.path.exists("/proc/self/stat"),
    Ability.AFFINITY: lambda: hasattr(os, "sched_getaffinity"),
}


@cache
def has(ability: Ability) -> bool:
    """Returns whether an ability may be used here. One whose answer is the file
    system's may still fail there.

    Raises UsageError for a name in the variable that is none.
    """
    return ability in _allowed() and _ASKED[ability]()


def check_names() -> None:
    """Raises UsageError for a name in the variable that is none: before anything is
    done, rather than where the first of them is asked for.
    """
    _allowed()


def missing() -> list[Ability]:
    """Returns those that may not be used here, in their order."""
    return [ability for ability in Ability if not has(ability)]


@cache
def _allowed() -> frozenset[Ability]:
    text = os.environ.get(VARIABLE)
    if text is None:
        return frozenset(Ability)
    names = {name.strip() for name in text.split(",")} - {"", "none"}
    known = {ability.value: ability for ability in Ability}
    # a slip would switch off what it meant to leave on
    if names - known.keys():
        raise UsageError(
            f"{VARIABLE}: no ability is called {', '.join(sorted(names - known.keys()))}",
            hint=f"one of {', '.join(known)}; or none",
        )
    return frozenset(known[name] for name in names)
