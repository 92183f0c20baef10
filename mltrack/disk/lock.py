"""Locks that the kernel holds: ``flock`` on a file, released by itself when the process
ends, however it ends.

Nothing is ever parsed from a lock file, so none can be stale.
"""

import fcntl
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from mltrack.disk.abilities import Ability, has
from mltrack.disk.durable import make_directories, share_like_parent
from mltrack.errors import LockedError


@contextmanager
def locked(
    path: str,
    *,
    shared: bool = False,
    wait: bool = True,
    what: str = "",
    waiting: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Holds the lock for the length of a block.

    ``waiting`` is called once if the lock is not to be had at once. With ``wait=False``
    a lock that another process holds raises LockedError at once. In a directory that
    this user cannot write to, a shared lock that cannot be had is not taken: whoever
    only reads there has nothing to protect.
    """
    try:
        descriptor = _open(path)
    except OSError:
        # who writes there without it would not be waited for
        if not shared or os.access(os.path.dirname(path), os.W_OK):
            raise
        yield
        return
    try:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            # without waiting first: so there is a moment to say that one waits
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait:
                if waiting is not None:
                    waiting()
                fcntl.flock(descriptor, mode)
                yield
                return
            raise LockedError(
                f"{what or path} is in use by another mltrack process",
                hint="wait until it has ended, then run this again",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    """Opens a lock file, which may be another user's: ``flock`` needs no right to write
    it.
    """
    try:
        return _open_to_write(path)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _open_to_write(path: str) -> int:
    # closed on exec: a command that outlives us would go on holding it
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    # also one that an earlier mltrack made: the group needs the lock, too
    with suppress(OSError):
        share_like_parent(path)
    return descriptor


def hold(descriptor: int) -> None:
    """Locks a file that this process has opened to write, until it closes it or ends:
    :func:`is_held` says so to everyone on whatever machine shares the file system.
    """
    # it waits for those who only look, for a moment
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def is_held(path: str) -> bool:
    """Returns whether a process holds a file; also where it may not be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:
        return True
    try:
        # shared: two who look at once do not take each other for its holder
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class NameLocks:
    """Any number of locks by name, exclusive or shared.

    They end with this object, or with its process. Raises PermissionError for a file
    that this user may not write.
    """

    def __init__(self, path: str) -> None:
        self._locks: _Bytes | _Files = (
            _Bytes(path) if has(Ability.NAME_LOCKS) else _Files(path)
        )
        self._shared: dict[str, int] = {}

    def take(self, name: str) -> bool:
        """Takes the lock of a name, and returns whether it was to be had; one that is
        held here already is.
        """
        try:
            self._locks.take(name)
        except (BlockingIOError, PermissionError):
            # fcntl(2): a lock of somebody else is EAGAIN or EACCES, by system
            return False
        return True

    def wait_for(self, name: str) -> None:
        """Takes the lock of a name once nobody else has it."""
        self._locks.take(name, wait=True)

    def release(self, name: str) -> None:
        self._locks.release(name)

    def is_held(self, name: str) -> bool:
        """Returns whether somebody else has the lock of a name, without taking it."""
        return self._locks.is_held(name)

    def take_shared(self, name: str) -> bool:
        """Takes the lock of a name beside others who share it, and returns whether it
        was to be had. It is held until it was released as often as it was taken.
        """
        # one lock for all who share it here: the kernel does not count them, so we do
        if name not in self._shared:
            try:
                self._locks.take(name, shared=True)
            except (BlockingIOError, PermissionError):
                return False
        self._shared[name] = self._shared.get(name, 0) + 1
        return True

    def release_shared(self, name: str) -> None:
        self._shared[name] -= 1
        if not self._shared[name]:
            del self._shared[name]
            self.release(name)

    def close(self) -> None:
        """Releases all of them."""
        self._locks.close()


class _Bytes:
    """Locks on one byte each of one file: open file description locks. Two names share
    a byte with a chance of one in 2^62; then one waits for the other without need.
    """

    def __init__(self, path: str) -> None:
        # these locks, other than `flock`, are had only by who may write the file
        self._descriptor = _open_to_write(path)

    def take(self, name: str, *, shared: bool = False, wait: bool = False) -> None:
        self._set(fcntl.F_RDLCK if shared else fcntl.F_WRLCK, name, wait=wait)

    def release(self, name: str) -> None:
        self._set(fcntl.F_UNLCK, name, wait=False)

    def is_held(self, name: str) -> bool:
        asked = struct.pack(
            "hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _position(name), 1, 0
        )
        # asked and not tried: whoever wants it now is not refused for our looking
        answer = fcntl.fcntl(self._descriptor, fcntl.F_OFD_GETLK, asked)
        return bool(struct.unpack("hhqqi4x", answer)[0] != fcntl.F_UNLCK)

    def close(self) -> None:
        os.close(self._descriptor)

    # of the open file: a lock of the process, F_SETLK's, goes when any descriptor of
    # the same path is closed
    def _set(self, kind: int, name: str, *, wait: bool) -> None:
        fcntl.fcntl(
            self._descriptor,
            fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK,
            # struct flock of Linux; its pid must be 0 here
            struct.pack("hhqqi4x", kind, os.SEEK_SET, _position(name), 1, 0),
        )


class _Files:
    """A file for each name, locked by ``flock`` and removed by who had it last: where
    the kernel has no locks of open files.
    """

    def __init__(self, path: str) -> None:
        self._directory = path + ".d"
        make_directories(self._directory)
        self._held: dict[str, int] = {}

    def take(self, name: str, *, shared: bool = False, wait: bool = False) -> None:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        if name in self._held:
            # taken again, or the other way: the kernel changes it in place
            fcntl.flock(self._held[name], mode | fcntl.LOCK_NB)
            return
        while True:
            descriptor = _open_to_write(self._path(name))
            try:
                fcntl.flock(descriptor, mode if wait else mode | fcntl.LOCK_NB)
                # removed since it was opened: whoever comes next locks another file
                if os.fstat(descriptor).st_nlink:
                    self._held[name] = descriptor
                    return
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def is_held(self, name: str) -> bool:
        return name not in self._held and is_held(self._path(name))

    def release(self, name: str) -> None:
        descriptor = self._held.pop(name, None)
        if descriptor is None:
            return
        # under the lock, and only where nobody shares it
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(self._path(name))
        os.close(descriptor)

    def close(self) -> None:
        for name in list(self._held):
            self.release(name)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, _digest_of(name).hex())


def _position(name: str) -> int:
    """The byte that stands for a name."""
    # an offset is signed, and with the one byte must not overflow: 62 bits
    return int.from_bytes(_digest_of(name)) >> 2


def _digest_of(name: str) -> bytes:
    # eight bytes: names are of any length, and any bytes
    return hashlib.blake2b(
        name.encode("utf-8", "surrogateescape"), digest_size=8
    ).digest()
