"""Files that share their blocks until one of them is written: Linux's FICLONE, macOS's
``clonefile``.
"""

import errno
import fcntl
import os
import sys
from contextlib import suppress

from mltrack.disk.abilities import Ability, has
from mltrack.disk.durable import name_of, opened, temporary_path, write_all

# linux/fs.h: _IOW(0x94, 9, int); Python has no name for it
_FICLONE = 0x40049409
# each says "not here", by file system or container; anything else is a real failure
_NO_CLONE = (
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOTTY,
    errno.ENOSYS,
    errno.EPERM,
)


def clone(source: int, target: int) -> bool:
    """Makes an empty file share all blocks of another; returns whether the file system
    can.
    """
    if not has(Ability.CLONE):
        return False
    try:
        if sys.platform == "darwin":
            _clone_by_name(source, target)
        else:
            fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _NO_CLONE:
            return False
        raise
    return True


def shares_blocks(source: str, target: str) -> bool:
    """Returns whether a file in the directory ``target`` can share blocks with one in
    ``source``; leaves neither behind.
    """
    paths = temporary_path(source), temporary_path(target)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    try:
        with opened(paths[0], flags) as a, opened(paths[1], flags) as b:
            write_all(a, b"x" * 4096)
            return clone(a, b)
    finally:
        for path in paths:
            with suppress(FileNotFoundError):
                os.unlink(path)


def _clone_by_name(source: int, target: int) -> None:
    """fclonefileat(2) makes a new file only: it takes the place of the empty one, under
    its name and its descriptor.

    Never run: no macOS was at hand.
    """
    import ctypes  # noqa: PLC0415 - of this system alone

    path = name_of(target)
    if path is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    temporary = temporary_path(os.path.dirname(path))
    library = ctypes.CDLL(None, use_errno=True)
    # -2 is its AT_FDCWD; the path is absolute
    if library.fclonefileat(source, -2, os.fsencode(temporary), 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    # with the bytes it took the mode: that of an object is read-only
    os.chmod(temporary, os.fstat(target).st_mode & 0o777 | 0o600)
    with opened(temporary, os.O_RDWR) as descriptor:
        os.rename(temporary, path)
        os.dup2(descriptor, target, inheritable=False)
