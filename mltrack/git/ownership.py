"""Whose a repository is: git's rule for ``safe.directory``, applied before any file of
it is read.

The files of a repository that belongs to another user could name programs to run and
places to send to. git's own rule is described in git-config(1).
"""

import os
import pwd
from collections.abc import Callable

from mltrack.errors import WorkspaceError


def check(
    top: str, places: tuple[str, ...], safe_directories: Callable[[], list[str]]
) -> None:
    """Raises WorkspaceError if the repository at ``top``, or one of the places that
    belong to it, is another user's and the person's own git configuration does not call
    it safe; ``safe_directories`` returns what that says, in its order.
    """
    for place in places:
        try:
            # of the link, not of what it leads to: who made it chose that
            owner = os.lstat(place).st_uid
        except OSError:
            continue  # not there: nothing of it can be read
        if owner not in _own_ids() and not _is_safe(top, safe_directories()):
            raise WorkspaceError(
                f"{place} belongs to {_name(owner)}, not to you: its files could make "
                "mltrack run programs",
                hint=f"if you trust it: git config --global --add safe.directory {top}",
            )


def _own_ids() -> set[int]:
    """The ids of the person: under sudo also the one who asked for it, as git has it."""
    # SUDO_UID counts for root alone: anybody can set a variable
    own = os.geteuid()
    asked = os.environ.get("SUDO_UID", "")
    return {own, int(asked)} if own == 0 and asked.isdigit() else {own}


def _is_safe(top: str, values: list[str]) -> bool:
    listed: list[str] = []
    for value in values:
        # an empty value begins the list again
        listed = [*listed, value] if value else []
    real = os.path.realpath(top)
    return any(
        # with and without links: what the person typed may be either
        value in ("*", top, real)
        or (value.endswith("/*") and real.startswith(value[:-1]))
        for value in listed
    )


def _name(owner: int) -> str:
    try:
        return f"the user {pwd.getpwuid(owner).pw_name!r}"
    except KeyError:
        return f"the user with id {owner}"
