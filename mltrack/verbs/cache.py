"""``cache share``: one cache for all members of a group."""

import grp
import os
from contextlib import suppress
from dataclasses import dataclass

from mltrack.config import edit
from mltrack.config.settings import LOCAL_NAME
from mltrack.disk.durable import make_directories
from mltrack.errors import UsageError
from mltrack.project import Project

# setgid, so that what is made in it is the group's, and writable whatever the umask
DIRECTORY_MODE = 0o2775
_PARTS = ("loose", "packs", "runs", "tmp", "quarantine", "users")


@dataclass(frozen=True, slots=True)
class Shared:
    """What was given to the group, and how many entries belong to others and were left
    as they are.
    """

    path: str
    group: str
    changed: int
    left: int


def share(project: Project, group: str, place: str = "") -> Shared:
    """Lets a group use the cache: its directories belong to the group and hand that on
    to what is made in them.

    Nothing that another user owns is touched. With ``place`` the cache is that
    directory from now on, for this clone.
    """
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(
            f"there is no group {group!r} on this machine", hint="getent group"
        ) from None
    if os.geteuid() != 0 and number not in (*os.getgroups(), os.getegid()):
        raise UsageError(
            f"you are not a member of the group {group!r}", hint="ask its administrator"
        )
    path = os.path.abspath(os.path.expanduser(place)) if place else project.cache.path
    # made now: later one member's umask would decide
    for part in _PARTS:
        make_directories(os.path.join(path, part))
    changed = left = 0
    for directory, _, names in os.walk(path):
        for entry in (directory, *(os.path.join(directory, name) for name in names)):
            # a temporary file of a command that is at work
            with suppress(FileNotFoundError):
                if _give(entry, number):
                    changed += 1
                else:
                    left += 1
    # last: a cache that could not be shared is not moved to
    if place:
        edit.set_value(os.path.join(project.shared_path, LOCAL_NAME), "cache.dir", path)
    return Shared(path, group, changed, left)


def _give(path: str, group: int) -> bool:
    state = os.lstat(path)
    if state.st_uid != os.geteuid():
        return False
    if state.st_gid != group:
        os.chown(path, -1, group, follow_symlinks=False)
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, DIRECTORY_MODE)
    return True
