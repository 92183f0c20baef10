"""Attempts on a host: one directory each, ``jobs/<key>/<number>/``, readable by whoever
comes later.

``job.json`` says what was asked for, ``state.json`` how it goes, ``log`` what was
printed, ``items.jsonl`` what each item gave, ``result.json`` what became of it. Each is
written aside and renamed; the result comes last, when what it names is durable. The
supervisor holds the kernel's lock on ``alive`` and touches it: who cannot lock it knows
that it lives.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from .objects import Content
from .system import bearers, write_all

VERSION = 1
QUEUED, RUNNING, DONE, FAILED, CANCELLED, LOST = (
    "queued",
    "running",
    "done",
    "failed",
    "cancelled",
    "lost",
)
# seconds; 18 of them fit into the silence below: a slow disk is no death
HEARTBEAT_SECONDS = 5.0
SILENCE_SECONDS = 90.0
"""After so long without a heartbeat the supervisor on another machine that shares this
directory counts as gone.
"""
KEEP_TAKEN_SECONDS = 7 * 86400
KEEP_SECONDS = 30 * 86400
_MAX_JSON = 64 << 20
_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z")
_KEY = re.compile(r"[0-9a-f]{32,64}\Z|none-[0-9a-f]{32}\Z")


class Tampered(Exception):
    """A file of an attempt is not as mltrack writes it."""


class Attempt(NamedTuple):
    """One attempt at a job."""

    key: str
    number: int
    path: str

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    @property
    def work(self) -> str:
        return self.file("work")


class Attempts:
    """All attempts below ``place``."""

    def __init__(self, place: str) -> None:
        self.path = os.path.join(place, "jobs")
        os.makedirs(self.path, exist_ok=True)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Keeps others from starting or ending an attempt of this key."""
        descriptor = self._lock(key)
        try:
            yield
        finally:
            os.close(descriptor)

    def _lock(self, key: str) -> int:
        """Returns the descriptor that holds a key's lock."""
        directory = self._directory(key)
        while True:
            os.makedirs(directory, exist_ok=True)
            # removed between the two calls, by a sweep: once more
            with suppress(FileNotFoundError):
                descriptor = os.open(
                    os.path.join(directory, "lock"),
                    os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
                    0o600,
                )
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # removed while it was waited for: whoever comes next locks another file
                if os.fstat(descriptor).st_nlink:
                    return descriptor
                os.close(descriptor)

    def of(self, key: str) -> list[Attempt]:
        """Returns the attempts of a key, oldest first."""
        directory = self._directory(key)
        try:
            numbers = sorted(
                int(name) for name in os.listdir(directory) if _NUMBER.match(name)
            )
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [
            Attempt(key, number, os.path.join(directory, str(number)))
            for number in numbers
        ]

    def get(self, key: str, number: int) -> Attempt:
        return Attempt(key, number, os.path.join(self._directory(key), str(number)))

    def all(self) -> list[Attempt]:
        return [
            attempt
            for key in sorted(os.listdir(self.path))
            if _KEY.match(key)
            for attempt in self.of(key)
        ]

    def create(self, key: str, job: dict[str, Any]) -> tuple[Attempt, int]:
        """Makes the next attempt of a key, and returns it with the lock that its
        supervisor inherits.
        """
        former = self.of(key)
        number = former[-1].number + 1 if former else 1
        attempt = self.get(key, number)
        os.mkdir(attempt.path, 0o700)
        write_json(attempt.file("job.json"), {"mltrack": VERSION, **job})
        alive = os.open(
            attempt.file("alive"),
            os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
            0o600,
        )
        # from before the fork on: there is no moment at which it seems dead
        fcntl.flock(alive, fcntl.LOCK_EX)
        return attempt, alive

    def clean(self) -> None:
        """Removes attempts whose result was taken a week ago, and those that ended and
        that nobody has asked for in a month; never one that left outputs here on
        purpose.
        """
        for key in filter(_KEY.match, os.listdir(self.path)):
            found = self.of(key)
            # most have nothing that is over, and no lock to wait for
            if not found or any(map(_is_long_over, found)):
                with suppress(OSError):
                    self._clean(key)

    def _clean(self, key: str) -> None:
        # under its lock: an attempt that is asked for now may be about to be found
        with self.alone(key):
            for attempt in self.of(key):
                if _is_long_over(attempt):
                    shutil.rmtree(attempt.path, ignore_errors=True)
            if not self.of(key):
                os.unlink(os.path.join(self._directory(key), "lock"))
                os.rmdir(self._directory(key))

    def kept(self) -> Iterator[Content]:
        """Yields what results name that were not taken yet, or were left here on
        purpose, and of attempts without a result what they read and have made so far.
        """
        for attempt in self.all():
            if os.path.exists(attempt.file("taken")) and not os.path.exists(
                attempt.file("held")
            ):
                continue
            with suppress(Tampered):  # nobody would believe it, whatever it names
                # looked at first: whoever ends meanwhile is named by its notes
                notes = [*_uses(attempt), *_outputs(_items(attempt))]
                result = read_json(attempt.file("result.json"))
                if result is None:
                    yield from notes
                    continue
                yield from _outputs(result.get("items", []))
                if result.get("checkpoint"):
                    yield Content(*result["checkpoint"])

    def _directory(self, key: str) -> str:
        if not _KEY.match(key):
            raise Tampered(f"{key!r} is no run key")
        return os.path.join(self.path, key)


def _is_long_over(attempt: Attempt) -> bool:
    with suppress(OSError, Tampered):
        # it is all that keeps them from being evicted
        if os.path.exists(attempt.file("held")):
            return False
        age = time.time() - os.stat(attempt.path).st_mtime
        is_taken = os.path.exists(attempt.file("taken"))
        limit = KEEP_TAKEN_SECONDS if is_taken else KEEP_SECONDS
        # a job may well run for longer than that
        return age > limit and not is_alive(attempt)
    return False


def _uses(attempt: Attempt) -> Iterator[Content]:
    """What a job reads, also while it waits in line and has no link to it yet."""
    job = read_json(attempt.file("job.json")) or {}
    for row in (*job.get("inputs", []), *job.get("uses", [])):
        yield Content(*row)


def _items(attempt: Attempt) -> Iterator[dict[str, Any]]:
    """The items that an attempt has noted as ended; a torn last line is none."""
    with suppress(FileNotFoundError), open(
        attempt.file("items.jsonl"), encoding="utf-8"
    ) as file:
        for line in file:
            with suppress(ValueError):
                yield json.loads(line)


def _outputs(items: Iterable[dict[str, Any]]) -> Iterator[Content]:
    for item in items:
        for row in item["outputs"].values():
            yield Content(*row)


def is_alive(attempt: Attempt) -> bool:
    """Returns whether the supervisor of an attempt lives, on this machine or on one
    that shares its directory.
    """
    path = attempt.file("alive")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # shared: two that look must not take each other for the supervisor
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    state = read_json(attempt.file("state.json")) or {}
    # of this machine the kernel's lock is the whole truth
    if state.get("host", socket.gethostname()) == socket.gethostname():
        return False
    # by the clock of the file system, whatever the hosts' clocks say
    return _age(path) < SILENCE_SECONDS


def is_over(attempt: Attempt) -> bool:
    """Returns whether an attempt has a result, or nobody who would write one."""
    # the result first: whoever wrote it may live for a moment longer
    return os.path.exists(attempt.file("result.json")) or not is_alive(attempt)


def _age(path: str) -> float:
    return (now_ns(path) - os.stat(path).st_mtime_ns) / 1e9


def now_ns(path: str) -> int:
    """Returns what time it is for the file system that a path is on; needs a name
    beside it.
    """
    probe = f"{path}-{secrets.token_hex(4)}"
    with open(probe, "wb"):
        pass
    try:
        return os.stat(probe).st_mtime_ns
    finally:
        os.unlink(probe)


def look(attempt: Attempt) -> dict[str, Any]:
    """Returns the state of an attempt and, once it is over, its result. What a
    supervisor that is gone left running is ended. Raises Tampered for files that are
    not as they were written.
    """
    if not os.path.isdir(attempt.path):
        return {"state": LOST, "problem": "the host does not know it"}
    for _ in range(2):
        result = read_json(attempt.file("result.json"))
        if result is not None:
            if result.get("mltrack") != VERSION or result.get("state") not in (
                DONE,
                FAILED,
                CANCELLED,
                LOST,
            ):
                raise Tampered(
                    f"{attempt.file('result.json')} is not as mltrack writes it"
                )
            return result
        if is_alive(attempt):
            state = read_json(attempt.file("state.json")) or {}
            return {
                **state,
                "state": RUNNING if state.get("state") == RUNNING else QUEUED,
            }
    # looked twice: a supervisor that has just written its result is no longer alive
    # either
    end_leftovers(attempt)
    return {
        "state": LOST,
        "problem": "its supervisor is gone: it was killed, or the host was restarted",
    }


def end_leftovers(attempt: Attempt) -> None:
    """Kills the processes that carry this attempt's token: nobody waits for them any
    more.
    """
    job = read_json(attempt.file("job.json")) or {}
    token = job.get("token")
    # a token too short to be ours might be in other processes' environments
    if not isinstance(token, str) or len(token) != 32:
        return
    # until none is found: one may fork while it is being killed
    for _ in range(10):
        found = [pid for pid in bearers(token) if pid != os.getpid()]
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return
        time.sleep(0.02)


def mark(attempt: Attempt, name: str) -> None:
    """Leaves an empty file that says something about an attempt: ``cancel``, ``taken``,
    ``held``.
    """
    with suppress(FileNotFoundError), open(attempt.file(name), "wb"):
        pass


def write_json(path: str, value: Any) -> None:
    # hosts that share the directory have processes of equal numbers
    temporary = f"{path}.{os.getpid()}-{secrets.token_hex(4)}"
    data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
    )
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    # its directory is not synced: a result that a power cut takes is made again
    os.rename(temporary, path)


def read_json(path: str) -> dict[str, Any] | None:
    """Returns the object in a file, None where there is no file; raises Tampered for
    anything else.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_JSON + 1)
        value = json.loads(data) if len(data) <= _MAX_JSON else None
    except FileNotFoundError:
        return None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Tampered(f"{path} is not as mltrack writes it")
    return value
