"""What is said of an error of the system: the path, why, and what may help."""

import errno
import os


def words_of(error: OSError) -> str:
    """Returns what the system refused, with the path."""
    path = error.filename2 or error.filename
    shown = os.fsdecode(path) if isinstance(path, str | bytes) else ""
    return (
        f"{shown}: {error.strerror or error}"
        if shown
        else f"the system refused: {error.strerror or error}"
    )


def hint_for(error: OSError) -> str:
    """Returns what may help against it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space; `mltrack gc` deletes what nothing refers to. Nothing was recorded; run this again then"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "check the permissions of that path, then run this again"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "too many open files: raise `ulimit -n`"
    return "nothing half-written is kept; run this again when the cause is gone"
