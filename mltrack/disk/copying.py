"""Copying files: inside the kernel where it can, holes left as holes.

Where the bytes are also to be hashed, one thread copies while another hashes what has
reached the copy: the digest is always that of the stored bytes, and the time that of
the slower of the two.
"""

import errno
import os
import queue
import threading
from collections.abc import Iterator
from typing import Protocol

from mltrack.disk.abilities import Ability, has
from mltrack.disk.durable import name_error, opened, write_all
from mltrack.events import meter

# bytes: read and hashed at 6.2 GiB/s with these, at 4.3 with pieces of 4 MiB
_PIECE = 1 << 18
# bytes handed on at a time: the last are hashed with no more copying beside them
_STRIDE = 32 << 20
_OVERLAP_FROM = 8 << 20
"""Below this a second thread costs more than it saves."""
_ZEROS = bytes(_PIECE)
# each says "not here", by file system or container; anything else is a real failure
_NO_KERNEL_COPY = (
    errno.EXDEV,
    errno.EINVAL,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EPERM,
    errno.EBADF,
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Hasher(Protocol):
    def update(self, data: bytes, /) -> object: ...


def link_or_copy(path: str, target: str) -> None:
    """Gives a file a second name, or makes a copy where its file system cannot."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with opened(path, os.O_RDONLY) as a, opened(target, flags, 0o444) as b:
            copy_bytes(a, b)


def copy_bytes(source: int, target: int) -> int:
    """Copies a file's bytes into an empty one; returns how many there were."""
    state = os.fstat(source)
    total = 0
    for offset, length, is_data in _extents(source, state):
        total += _copy_range(source, target, offset, length) if is_data else length
        meter.moved += length
    # a hole at the end was not written, so nothing has made the file that long yet
    if total and os.fstat(target).st_size != total:
        os.ftruncate(target, total)
    return total


def copy_and_hash(source: int, target: int, hasher: Hasher) -> int:
    """Copies a file's bytes into an empty one that can be read, hashing the copy;
    returns how many there were.
    """
    state = os.fstat(source)
    if state.st_size < _OVERLAP_FROM:
        total = 0
        while piece := os.read(source, _PIECE):
            hasher.update(piece)
            write_all(target, piece)
            total += len(piece)
        meter.hashed += total
        return total
    return _overlapped(source, state, target, hasher)


def hash_bytes(descriptor: int, hasher: Hasher) -> int:
    """Hashes a file from its start, without reading what is known to be zeros; returns
    how many bytes there were.
    """
    total = 0
    for offset, length, is_data in _extents(descriptor, os.fstat(descriptor)):
        total += (
            _hash_range(descriptor, hasher, offset, length)
            if is_data
            else _hash_zeros(hasher, length)
        )
    return total


def _overlapped(source: int, state: os.stat_result, target: int, hasher: Hasher) -> int:
    copied: queue.SimpleQueue[tuple[int, int, bool] | None] = queue.SimpleQueue()
    failures: list[BaseException] = []

    def follow() -> None:
        try:
            while (item := copied.get()) is not None:
                offset, length, is_data = item
                if not is_data:
                    _hash_zeros(hasher, length)
                elif _hash_range(target, hasher, offset, length) != length:
                    # of the copy, not the source: that may change while it is read
                    raise OSError(
                        errno.EIO, "the copy is shorter than what was written to it"
                    )
        except BaseException as error:
            # a thread only prints its error: this one is raised where it is joined
            failures.append(error)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    total = 0
    try:
        for offset, length, is_data in _extents(source, state):
            done = _copy_range(source, target, offset, length) if is_data else length
            copied.put((offset, done, is_data))
            total += done
            if done < length or failures:
                break
    finally:
        # whatever ended the copying, or the thread would wait for good
        copied.put(None)
        thread.join()
    if failures:
        raise failures[0]
    if os.fstat(target).st_size != total:
        os.ftruncate(target, total)
    return total


def _extents(descriptor: int, state: os.stat_result) -> Iterator[tuple[int, int, bool]]:
    """Yields ``(offset, length, is data)`` over a file, data in strides."""
    at, size = 0, state.st_size
    # stat(2) counts in 512 bytes always; only a file with holes is worth two more calls
    is_sparse = state.st_blocks * 512 < size and has(Ability.HOLES)
    while at < size:
        end = size
        if is_sparse:
            try:
                start = os.lseek(descriptor, at, os.SEEK_DATA)
            except OSError as error:
                # ENXIO: from here on there is nothing but a hole
                if error.errno != errno.ENXIO:
                    raise
                start = size
            if start > at:
                yield at, start - at, False
                at = start
                continue
            end = os.lseek(descriptor, at, os.SEEK_HOLE)
        length = min(end - at, _STRIDE)
        yield at, length, True
        at += length


def _copy_range(source: int, target: int, offset: int, length: int) -> int:
    """Copies a range to the same place; returns how many bytes there were to copy."""
    done = 0
    in_kernel = has(Ability.KERNEL_COPY)
    while done < length:
        if in_kernel:
            try:
                count = os.copy_file_range(
                    source, target, length - done, offset + done, offset + done
                )
            except OSError as error:
                if error.errno not in _NO_KERNEL_COPY:
                    # of two files the call tells neither: the one that grows is meant
                    if error.errno in _NO_ROOM:
                        name_error(error, target)
                    raise
                in_kernel = False
                continue
        else:
            piece = os.pread(source, min(_PIECE, length - done), offset + done)
            count = len(piece)
            # copy_file_range was given offsets, and has not moved the position
            os.lseek(target, offset + done, os.SEEK_SET)
            write_all(target, piece)
        # the source is shorter than it was: the caller sees that by the count
        if count == 0:
            break
        done += count
    return done


def _hash_range(descriptor: int, hasher: Hasher, offset: int, length: int) -> int:
    done = 0
    while done < length and (
        piece := os.pread(descriptor, min(_PIECE, length - done), offset + done)
    ):
        hasher.update(piece)
        done += len(piece)
        meter.hashed += len(piece)
    return done


def _hash_zeros(hasher: Hasher, length: int) -> int:
    for at in range(0, length, _PIECE):
        hasher.update(_ZEROS[: min(_PIECE, length - at)])
    meter.hashed += length
    return length
