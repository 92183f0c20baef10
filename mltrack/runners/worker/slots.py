"""GPU slots of this machine, shared by all mltrack processes of all users.

One file per GPU below a directory that everybody may write: who holds the kernel's lock
on it has the GPU, and the file says who that is. The lock is inherited by the command,
so that a GPU is free when the last process that may use it has ended, and never before.
Waiting requests stand in line: each holds a lock on one byte of the file ``queue``, at
a place that only grows, and takes GPUs only when nobody stands before it. All that a
request wants is taken at once or not at all. Locks end with their processes, so none is
ever stale.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from .system import has

DIRECTORY = "/tmp/mltrack-gpus"
FREE_SHARE = 0.8
"""A GPU of whose memory less than this is free is used by someone who holds no lock,
and is left alone.
"""

# F_OFD_GETLK and F_OFD_SETLK, which Python's fcntl names since 3.9
_GETLK, _SETLK = 36, 37
# struct flock of 64-bit Linux: type, whence, start, length, pid
_FLOCK = struct.Struct("hhqqi4x")
# the bytes before it hold the number that was given last
_FIRST_PLACE = 1024
# in bytes; another user may have written it
_MAX_NOTE = 4096
_ODD = re.compile(r"[^A-Za-z0-9_.-]")


class Gpu(NamedTuple):
    """One GPU: its name for CUDA_VISIBLE_DEVICES, its model, and its memory in bytes, 0
    where nobody knows.
    """

    name: str
    model: str = ""
    total: int = 0
    free: int = 0


class Slot(NamedTuple):
    """One GPU and who has it: what its holder wrote, or None. ``is_foreign`` says that
    someone without a lock uses it.
    """

    gpu: Gpu
    holder: dict[str, Any] | None
    is_foreign: bool


class Request:
    """A wish for GPUs that stands in line from the moment it is made, until it is
    granted or released.
    """

    def __init__(
        self, slots: Slots, count: int, note: dict[str, Any], memory: int
    ) -> None:
        self.names: list[str] = []
        self.descriptors: list[int] = []
        self._slots, self._count, self._memory = slots, count, memory
        self._note = note
        self._queue, self._place = slots.stand_in_line()

    def try_take(self) -> bool:
        """Takes the GPUs if they are to be had now; returns whether it has them."""
        if self._queue < 0:
            return True
        # else two requests could each find half of what they want, again and again
        with _alone(self._queue):
            if self._is_anyone_before():
                return False
            taken: dict[str, int] = {}
            try:
                for gpu in self._slots.gpus():
                    if len(taken) == self._count:
                        break
                    if is_free(gpu, self._memory):
                        descriptor = self._slots.lock(gpu.name)
                        if descriptor is not None:
                            taken[gpu.name] = descriptor
            except BaseException:
                _close_all(taken.values())
                raise
            if len(taken) < self._count:
                _close_all(taken.values())
                return False
            text = json.dumps({**self._note, "since": int(time.time())}).encode()[
                :_MAX_NOTE
            ]
            for descriptor in taken.values():
                # another user's file that cannot be written: the lock is what counts
                with suppress(OSError):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, text, 0)
        # not before: who comes next must find these taken
        self._leave_line()
        self.names, self.descriptors = list(taken), list(taken.values())
        return True

    def touch(self) -> None:
        """Says that what it holds is in use, to whoever removes old files from
        temporary directories.
        """
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.utime(descriptor)

    def release(self) -> None:
        """Gives back what it holds, or its place in line."""
        self._leave_line()
        _close_all(self.descriptors)
        self.names, self.descriptors = [], []

    def _is_anyone_before(self) -> bool:
        asked = _FLOCK.pack(
            fcntl.F_WRLCK, os.SEEK_SET, _FIRST_PLACE, self._place - _FIRST_PLACE, 0
        )
        # without such locks there is no line: who asks first after a release has it
        if self._place == _FIRST_PLACE or not has("name-locks"):
            return False
        found = fcntl.fcntl(self._queue, _GETLK, asked)
        return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)

    def _leave_line(self) -> None:
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1


class Slots:
    """The GPUs of this machine. ``names`` are those that are configured; without any,
    those that NVML finds.
    """

    def __init__(self, names: list[str] | None = None, directory: str = "") -> None:
        self._names = names
        self._directory = directory or DIRECTORY

    def gpus(self) -> list[Gpu]:
        found = {gpu.name: gpu for gpu in nvml_gpus()}
        if self._names is None:
            return list(found.values())
        return [found.get(name, Gpu(name)) for name in self._names]

    def request(self, count: int, note: dict[str, Any], memory: int = 0) -> Request:
        """Stands in line for ``count`` GPUs, each with ``memory`` bytes free if given;
        ``note`` is for others to read.
        """
        return Request(self, count, note, memory)

    def held(self) -> list[Slot]:
        """Returns every GPU with its holder."""
        slots = []
        for gpu in self.gpus():
            # a look takes the lock for a moment; who misses a GPU by that asks again
            descriptor = self.lock(gpu.name, only_look=True)
            if descriptor is None:
                note = self._note(gpu.name)
                note["age"] = max(
                    0, int(time.time()) - int(note.get("since", time.time()))
                )
                slots.append(Slot(gpu, note, is_foreign=False))
            else:
                if descriptor >= 0:
                    os.close(descriptor)
                slots.append(Slot(gpu, None, is_foreign=not is_free(gpu)))
        return slots

    def stand_in_line(self) -> tuple[int, int]:
        """Takes the next place; returns the descriptor that holds it, and the place."""
        queue = self._open("queue", create=True)
        try:
            with _alone(queue):
                text = os.pread(queue, 32, 0)
                place = int(text) + 1 if text.strip().isdigit() else _FIRST_PLACE
                # always 32 bytes: no digit of an older number stays behind
                os.pwrite(queue, b"%-31d\n" % place, 0)
                if has("name-locks"):
                    held = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
                    fcntl.fcntl(queue, _SETLK, held)
        except BaseException:
            os.close(queue)
            raise
        return queue, place

    def lock(self, name: str, *, only_look: bool = False) -> int | None:
        """Locks a GPU's file; returns the descriptor that holds it, None if someone
        else does. With ``only_look`` a file that is not there gives -1 instead of being
        made.
        """
        try:
            descriptor = self._open(f"gpu-{_ODD.sub('_', name)}", create=not only_look)
        except FileNotFoundError:
            return -1
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            return None
        # removed since it was opened: whoever comes next locks another file
        if os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            return self.lock(name, only_look=only_look)
        return descriptor

    def _note(self, name: str) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            descriptor = self._open(f"gpu-{_ODD.sub('_', name)}", create=False)
            try:
                note = json.loads(os.pread(descriptor, _MAX_NOTE, 0))
            finally:
                os.close(descriptor)
            if isinstance(note, dict):
                return note
        return {}

    def _open(self, name: str, *, create: bool) -> int:
        """Opens a file of the shared directory, which other users may have made: never
        through a link, never a file that also stands elsewhere.
        """
        if create:
            with suppress(FileExistsError):
                os.mkdir(self._directory, 0o1777)
                # the umask took bits away; sticky: nobody removes another's file
                os.chmod(self._directory, 0o1777)
        if not stat.S_ISDIR(os.lstat(self._directory).st_mode):
            raise NotADirectoryError(
                errno.ENOTDIR, "is not a real directory", self._directory
            )
        path = os.path.join(self._directory, name)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            if not create:
                raise
            try:
                descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                # whatever our umask: every user locks the same file
                os.fchmod(descriptor, 0o666)
            except FileExistsError:  # another process made it a moment ago
                descriptor = os.open(path, flags)
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
            os.close(descriptor)
            raise PermissionError(errno.EPERM, "is not a regular file", path)
        return descriptor


def visible(request: Request | None) -> dict[str, str]:
    """Returns the variables by which CUDA sees the GPUs of a request, or none, by the
    numbers that NVML gives them.
    """
    names = request.names if request is not None else []
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(names)}


def is_free(gpu: Gpu, memory: int = 0) -> bool:
    """Returns whether enough of a GPU's memory is free: ``memory`` bytes, or most of
    it; yes where nobody knows.
    """
    return not gpu.total or gpu.free >= (memory or gpu.total * FREE_SHARE)


@contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _close_all(descriptors: Any) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def nvml_gpus() -> list[Gpu]:
    """Returns the GPUs that NVIDIA's driver knows, in the order of their numbers; none
    where there is no driver.
    """
    from . import nvml  # noqa: PLC0415 - 5 ms, for nothing where nobody asks for GPUs

    return [Gpu(*row) for row in nvml.gpus()]
