"""Who made a thing that lies on a disk: whether that process still runs, where that can
be told.

A process's id means something on its own machine only, until its next start, and within
its container; and it may be another's by now. So the name of an owner says all of that.
"""

import hashlib
import os
from contextlib import suppress
from functools import cache, lru_cache

from mltrack.disk.abilities import Ability, has


def own() -> str:
    """Returns the name of this process: letters, digits and dots."""
    return _name(os.getpid())


def is_gone(owner: str) -> bool | None:
    """Returns whether the process of that name has ended; None where that cannot be
    told from here: it is of another machine, another container, or an older version.
    """
    place, _, rest = owner.partition(".")
    pid, _, start = rest.partition(".")
    if place != _place() or not pid.isdigit():
        return None
    return not is_running(int(pid)) or _start(int(pid)) != start


def is_running(pid: int) -> bool:
    """Returns whether a process of that id runs on this machine."""
    try:
        # signal 0 only asks whether the process is there
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


# by id: a forked process is another one
@lru_cache(maxsize=1)
def _name(pid: int) -> str:
    return f"{_place()}.{pid}.{_start(pid)}"


@cache
def _place() -> str:
    """Names this machine since its last start, and the container."""
    known = [os.uname().nodename]
    if has(Ability.PROC):
        with suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:
            known.append(file.read().strip())
        with suppress(OSError):
            known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


def _start(pid: int) -> str:
    """When a process started, in ticks since the machine did; '' for one that is not
    there, '0' where none can say.
    """
    if not has(Ability.PROC):
        return "0"
    with suppress(OSError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
        # the name of its program comes before, and may hold anything
        return file.read().rpartition(b")")[2].split()[19].decode()
    return ""
