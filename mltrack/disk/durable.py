"""How bytes reach the disk so that neither a kill nor a power cut leaves half of them
under a valid name.

Every write of the project goes through here or follows the same steps: written aside,
made durable, renamed. A failed fsync is never retried: the kernel may already have
dropped the pages, so the temporary file is discarded and the error goes up.
"""

import errno
import fcntl
import itertools
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from mltrack.disk import owner
from mltrack.disk.abilities import Ability, has
from mltrack.errors import FormatError

# two temporary files of one process may be named within one tick of the clock
_serial = itertools.count()
# by descriptor; kept only where the system cannot be asked
_opened: dict[int, str] = {}
# seconds: whether a process of another machine runs cannot be told, only how old
# what it has left is
FOREIGN_SECONDS = 7 * 24 * 3600


def write_atomic(
    path: str,
    data: bytes,
    *,
    aside: str | None = None,
    mode: int = 0o644,
    durable: bool = True,
) -> None:
    """Replaces ``path`` by ``data``: readers see the old bytes or the new, a kill
    leaves either.

    The temporary file stands in the directory ``aside`` (beside ``path`` by default,
    and where ``aside`` is on another file system). With ``durable=False`` a power cut
    may leave an empty file: for what can be rebuilt.
    """
    temporary = temporary_path(aside or os.path.dirname(path) or ".")
    try:
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode
        )
        try:
            write_all(descriptor, data)
            if durable:
                # before the name: else a power cut leaves that without the bytes
                fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.rename(temporary, path)
        except OSError as error:
            if error.errno != errno.EXDEV or aside is None:
                raise
            os.unlink(temporary)
            return write_atomic(path, data, mode=mode, durable=durable)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if durable:
        # the new name is in the directory, and lasts only once that is written too
        fsync_directory(os.path.dirname(path) or ".")
    return None


def link_atomic(path: str, to: bytes, aside: str) -> None:
    """Replaces ``path`` by a symbolic link, as :func:`write_atomic` does by a file; a
    power cut leaves what stood there, or the link.
    """
    temporary = temporary_path(aside)
    try:
        os.symlink(to, os.fsencode(temporary))
        os.rename(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    fsync_directory(os.path.dirname(path) or ".")


# a syncfs also waits for whatever others wrote to that disk
_FEW = 4
"""So many files are made durable one by one rather than by writing back all of a file
system.
"""


def write_all_atomic(items: Mapping[str, bytes], *, aside: str) -> None:
    """Replaces files as ``write_atomic`` does, with one wait for the disk for all of
    them; ``aside`` is on their file system, else each is written by itself.
    """
    if len(items) <= _FEW or not all(
        _same_device(aside, path) for path in {os.path.dirname(path) for path in items}
    ):
        for path, data in items.items():
            write_atomic(path, data, aside=aside)
        return
    staged: list[tuple[str, str]] = []
    try:
        for path, data in items.items():
            temporary = temporary_path(aside)
            # noted before it is there: a failure in between still removes it
            staged.append((temporary, path))
            with opened(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644
            ) as descriptor:
                write_all(descriptor, data)
        # all bytes before any name, by one wait for all of them
        sync_file_system(aside)
        for temporary, path in staged:
            os.rename(temporary, path)
    finally:
        for temporary, _ in staged:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
    for directory in {os.path.dirname(path) for path in items}:
        fsync_directory(directory)


def _same_device(one: str, other: str) -> bool:
    return os.stat(one).st_dev == os.stat(other).st_dev


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Writes all of ``data``: one write call may take less than it was given. An error
    names the file.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        # calls on descriptors leave the name out, and a person cannot act without it
        name_error(error, descriptor)
        raise


def fsync(descriptor: int) -> None:
    """Makes what was written durable. An error names the file, and must not be answered
    by trying again.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        name_error(error, descriptor)
        raise


def name_error(error: OSError, descriptor: int) -> None:
    """Gives an error of an open file the file's name."""
    if not error.filename:
        error.filename = name_of(descriptor)


def name_of(descriptor: int) -> str | None:
    """Returns the path of an open file, where the system or :func:`opened` knows it."""
    with suppress(OSError):
        if has(Ability.PROC):
            return os.readlink(f"/proc/self/fd/{descriptor}")
        if hasattr(fcntl, "F_GETPATH"):
            # PATH_MAX of macOS
            found = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
            return os.fsdecode(found.rstrip(b"\0"))
    return _opened.get(descriptor)


def temporary_path(directory: str) -> str:
    """Returns a fresh name in ``directory``; it carries the process's name, so that
    leftovers can be told by owner, and where he is not known by age.
    """
    return os.path.join(
        directory, f".mlt-{owner.own()}-{time.time_ns():x}-{next(_serial)}.tmp"
    )


def is_temporary(name: str) -> bool:
    """Returns whether a name is one that ``temporary_path`` makes."""
    return name.startswith(".mlt-") and name.endswith(".tmp")


def remove_stale_temporaries(directory: str, before: float = float("inf")) -> int:
    """Removes temporary files and directories whose process is gone and that were last
    changed ``before`` a moment; returns how many. What a process has made that runs
    stays, however old; where that cannot be told, what is younger than a week.
    """
    removed = 0
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if is_temporary(entry.name) and _is_stale(entry, before):
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        import shutil  # noqa: PLC0415 - only where a kill left a directory

                        shutil.rmtree(entry.path)
                    else:
                        os.unlink(entry.path)
                    removed += 1
    return removed


def _is_stale(entry: os.DirEntry[str], before: float) -> bool:
    is_gone = has_lost_owner(entry.name)
    if is_gone is None:
        before = min(before, time.time() - FOREIGN_SECONDS)
    with suppress(OSError):
        modified = entry.stat(follow_symlinks=False).st_mtime
        return is_gone is not False and modified < before
    return False


def has_lost_owner(name: str) -> bool | None:
    """Returns whether the process that made a temporary name has ended; None where that
    cannot be told from here.
    """
    return owner.is_gone(name.split("-")[1])


def names_in(directory: str) -> list[str]:
    """Returns the names in a directory, in any order; none if it is not there."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def fsync_directory(path: str) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: str) -> None:
    """Creates a directory and its parents, and makes the new names durable."""
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for directory in reversed(missing):
        # another process was first, and gives it its permissions
        with suppress(FileExistsError):
            os.mkdir(directory)
            share_like_parent(directory)
        # also where another made it: its own sync may not have come yet
        fsync_directory(os.path.dirname(directory) or ".")


def share_like_parent(path: str) -> None:
    """Gives what was just created the permissions of its directory, where that one is
    shared by a group (setgid): whatever this process's umask says, the others must be
    able to work with it.
    """
    above = os.stat(os.path.dirname(path) or ".").st_mode
    if above & stat.S_ISGID:
        own = os.stat(path)
        wanted = (
            stat.S_IMODE(above)
            if stat.S_ISDIR(own.st_mode)
            else stat.S_IMODE(above) & 0o666
        )
        # the kernel lets only the owner; another's was set by who made it
        if own.st_uid == os.geteuid() and stat.S_IMODE(own.st_mode) != wanted:
            os.chmod(path, wanted)


def sync_file_system(path: str) -> None:
    """Makes everything written to the file system of ``path`` durable, by one
    ``syncfs(2)``.

    The order for many files is: write them aside, call this, rename them all, fsync
    their directories.
    """
    with opened(path, os.O_RDONLY) as descriptor:
        sync_descriptor(descriptor, path)


def sync_descriptor(descriptor: int, name: str = "") -> None:
    """Like :func:`sync_file_system`, for the file system of an open file; ``name`` is
    for the error.
    """
    import ctypes  # noqa: PLC0415 - needed only where many files are written at once

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None or not has(Ability.SYNCFS):
        # this waits for all disks, and tells no error
        os.sync()
        if hasattr(fcntl, "F_FULLFSYNC"):
            # sync(2) of macOS leaves it in the disk's own memory
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name or None)


def read_bounded(
    path: str | bytes, limit: int, *, directory: int | None = None
) -> bytes | None:
    """Returns the bytes of a regular file, or None if nothing is there; never follows a
    link, never blocks on a pipe.
    """
    try:
        descriptor = os.open(
            path,
            # a clone may have brought a link out of it, or a pipe nobody writes to
            os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
            dir_fd=directory,
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FormatError(
                f"{os.fsdecode(path)}: is a symbolic link, where a regular file is "
                "expected"
            ) from None
        raise
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise FormatError(f"{os.fsdecode(path)}: is not a regular file")
        # before anything is allocated: whoever made the file chose its size
        if state.st_size > limit:
            raise FormatError(f"{os.fsdecode(path)}: larger than {limit} bytes")
        return read_all(descriptor, state.st_size)
    finally:
        os.close(descriptor)


def read_all(descriptor: int, expected: int) -> bytes:
    """Returns all bytes from the descriptor's position on; ``expected`` saves a second
    read where it is right.
    """
    # one byte more than expected: getting just as many proves the end
    first = os.read(descriptor, expected + 1)
    if len(first) == expected:
        return first
    pieces = [first]
    while pieces[-1]:
        # it grew, or its size is not known beforehand, as in /proc
        pieces.append(os.read(descriptor, 1 << 18))
    return b"".join(pieces)


@contextmanager
def opened(
    path: str | bytes, flags: int, mode: int = 0o666, *, directory: int | None = None
) -> Iterator[int]:
    """Opens a descriptor for the length of a block."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, mode, dir_fd=directory)
    if not has(Ability.PROC):
        _opened[descriptor] = os.fsdecode(path)
    try:
        yield descriptor
    finally:
        _opened.pop(descriptor, None)
        os.close(descriptor)
