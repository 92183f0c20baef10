"""Answers a client's requests, one after another, over standard input and output, until
the connection ends.

It keeps nothing in memory that matters: attempts run in processes of their own and
speak through files, so that the next connection, of this client or of another, finds
all there is to know.
"""

from __future__ import annotations

import os
import platform
import select
import shutil
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Dict, Tuple

from . import attempts, frames, hashing, messages
from .attempts import Attempt, Attempts, Tampered
from .former import UNIT, facts_of, find, take_over
from .housekeeping import keep_house
from .objects import Content, Damaged, Objects
from .parts import Parts
from .raw import list_raw, read_raw
from .slots import Slots
from .supervise import Supervisor, bury, remove
from .system import cpus, words_of
from .watching import last_values

# in bytes; the client asks for offsets in steps of just this (FRAME in moving)
PIECE = 4 << 20
_LOG_PIECE = 1 << 18
# in bytes: small logs stay for whoever looks later
_LOG_KEPT = 1 << 20
# seconds between looks: the end of a job is known that much late at most
_LOOK_SECONDS = 0.02
# not `dict[…]`: this line is carried out, on Python 3.8 too
Reply = Tuple[Dict[str, Any], bytes]


class Server:
    """One connection. ``place`` is mltrack's directory on this host."""

    def __init__(self, place: str, requests: int, replies: int) -> None:
        self._place, self._requests, self._replies = place, requests, replies
        self._attempts = Attempts(place)
        self._objects: Objects
        self._parts: Parts
        self._slots = Slots([])
        self._answers: dict[type, Callable[[Any, bytes], Reply]] = {
            messages.Hello: self._hello,
            messages.Library: self._library,
            messages.Install: self._install,
            messages.Holders: self._holders,
            messages.Known: self._known,
            messages.Start: self._start,
            messages.Watch: self._watch,
            messages.Cancel: self._cancel,
            messages.Take: self._take,
            messages.Has: self._has,
            messages.Put: self._put,
            messages.Part: self._part,
            messages.Settle: self._settle,
            messages.Read: self._read,
            messages.ReadPart: self._read_part,
            messages.ListRaw: self._list_raw,
            messages.ReadRaw: self._read_raw,
        }

    def run(self) -> None:
        while True:
            try:
                message, data = frames.receive(self._requests)
                reply = self._answer(message, data)
                frames.send(self._replies, *reply)
            except frames.Closed:
                return

    def _answer(self, found: dict[str, Any], data: bytes) -> Reply:
        """Every fault of a request is told to who made it: ``error`` says what,
        ``kind`` whose.
        """
        try:
            message = messages.from_wire(found)
            return self._answers[type(message)](message, data)
        except Damaged as error:
            return {"error": str(error), "kind": "damaged"}, b""
        except Tampered as error:
            return {"error": str(error), "kind": "tampered"}, b""
        except OSError as error:
            return {
                "error": words_of(error),
                "kind": "system",
                "errno": error.errno or 0,
            }, b""
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return {
                "error": f"a request that makes no sense: {type(error).__name__}: {error}",
                "kind": "protocol",
            }, b""

    # the host

    def _hello(self, message: messages.Hello, data: bytes) -> Reply:
        self._algorithm = str(message.algorithm)
        if self._algorithm not in hashing.LIBRARIES:
            raise ValueError(self._algorithm)
        names = message.gpus
        self._slots = Slots(
            [str(number) for number in range(int(names))]
            if names is not None
            else None,
            message.locks,
        )
        self._open_objects()
        keep_house(self._place, self._attempts, self._objects, int(message.limit))
        usage = shutil.disk_usage(self._place)
        gpus = self._slots.gpus()
        return {
            "host": socket.gethostname(),
            "python": platform.python_version(),
            "abi": hashing.abi(),
            "machine": platform.machine(),
            "system": platform.system(),
            "cpus": cpus(),
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "gpus": [list(gpu) for gpu in gpus],
            "free": usage.free,
            "place": self._place,
            "hashes": self._objects.hashing is not None,
            "now": time.time(),
        }, b""

    def _open_objects(self) -> None:
        self._objects = Objects(
            self._place, self._algorithm, hashing.find(self._algorithm, self._place)
        )
        self._parts = Parts(self._objects)

    def _library(self, message: messages.Library, data: bytes) -> Reply:
        """Takes the files of a library that fits this interpreter."""
        at = 0
        for name, size in message.files:
            hashing.accept(self._place, name, data[at : at + size])
            at += size
        self._open_objects()
        return {"hashes": self._objects.hashing is not None}, b""

    def _install(self, message: messages.Install, data: bytes) -> Reply:
        hashing.install(self._algorithm, self._place)
        self._open_objects()
        return {"hashes": self._objects.hashing is not None}, b""

    def _holders(self, message: messages.Holders, data: bytes) -> Reply:
        return {
            "slots": [
                [list(slot.gpu), slot.holder, slot.is_foreign]
                for slot in self._slots.held()
            ]
        }, b""

    # jobs

    def _known(self, message: messages.Known, data: bytes) -> Reply:
        """The latest attempt of each key, or of those asked for."""
        keys = message.keys
        found = (
            self._attempts.all()
            if keys is None
            else [one for key in keys for one in self._attempts.of(key)]
        )
        # oldest first: the last one stays
        latest = {attempt.key: attempt for attempt in found}
        return {"jobs": [self._row(attempt) for attempt in latest.values()]}, b""

    def _row(self, attempt: Attempt) -> dict[str, Any]:
        try:
            job = attempts.read_json(attempt.file("job.json")) or {}
            state = self._look(attempt)
        except Tampered as error:
            job, state = {}, {"state": attempts.LOST, "problem": str(error)}
        return {
            "key": attempt.key,
            "number": attempt.number,
            **{name: job.get(name, "") for name in UNIT},
            "state": state["state"],
            "gpus": state.get("gpus", []),
            "values": last_values(state["live"]) if "live" in state else {},
            "exit_code": state.get("exit_code"),
            "age": time.time() - float(job.get("submitted", time.time())),
            "is_taken": os.path.exists(attempt.file("taken")),
        }

    def _start(self, message: messages.Start, data: bytes) -> Reply:
        """Starts an attempt, or finds the one there is: alive, ended and not taken yet,
        or with a result that is whole.
        """
        job = message.job
        # two clients with one key must not both find nothing and start it
        with self._attempts.alone(job["key"]):
            former = self._attempts.of(job["key"])
            found = find(former, job, self._objects, is_fresh=bool(message.fresh))
            if found is not None:
                # it was asked for: housekeeping counts from here
                os.utime(found.path)
                return {"found": True, "number": found.number}, b""
            roots = [
                (kind, hex_digest, size)
                for _, kind, hex_digest, size, *_ in job["inputs"]
            ]
            if job.get("checkpoint") and former:
                saved = (attempts.read_json(former[-1].file("result.json")) or {}).get(
                    "checkpoint"
                )
                job["checkpoint_content"] = (
                    saved if saved and not self._objects.missing([saved[:3]]) else None
                )
            lacking = self._objects.missing(roots)
            if lacking:
                return {"missing": len(lacking)}, b"".join(map(bytes.fromhex, lacking))
            if former:
                take_over(job, former[-1], self._objects, is_fresh=bool(message.fresh))
            attempt, alive = self._attempts.create(job["key"], facts_of(job))
            self._detach(attempt, alive, job)
        return {
            "found": False,
            "number": attempt.number,
            "resumed": bool(job.get("checkpoint_content")),
        }, b""

    def _detach(self, attempt: Attempt, alive: int, job: dict[str, Any]) -> None:
        """Starts the supervisor: of no terminal, no parent, and with nothing of this
        connection.
        """
        # a fork, since starting an interpreter may take longer than the job
        child = os.fork()
        if child:
            os.close(alive)
            os.waitpid(child, 0)
            return
        try:
            os.setsid()
            # twice: it has no parent here, and can never get a terminal
            if os.fork():
                os._exit(0)
            null = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(null, number)
            # the connection's pipes, or ssh would not end; and the lock on the key
            for name in os.listdir("/dev/fd"):
                number = int(name)
                if number > 2 and number != alive:
                    with suppress(OSError):
                        os.close(number)
            Supervisor(attempt, alive, job, self._objects, self._slots).run()
        finally:
            # never back into the loop above: two would answer one client
            os._exit(0)

    def _watch(self, message: messages.Watch, data: bytes) -> Reply:
        """Returns what is new of attempts: at once if anything is, else when something
        is, after ``seconds``, or when the next request arrives.
        """
        end = time.monotonic() + float(message.seconds)
        while True:
            replies, pieces, is_new = [], [], False
            for key, number, offset, known in message.jobs:
                attempt = self._attempts.get(key, number)
                state = self._look(attempt)
                piece = _log_from(attempt, offset)
                is_new = (
                    is_new
                    or bool(piece)
                    or [state["state"], state.get("gpus", [])] != known
                )
                replies.append({**state, "log": len(piece)})
                pieces.append(piece)
            if is_new or time.monotonic() >= end:
                return {"jobs": replies}, b"".join(pieces)
            if select.select([self._requests], [], [], _LOOK_SECONDS)[0]:
                return {"jobs": replies}, b"".join(pieces)

    def _look(self, attempt: Attempt) -> dict[str, Any]:
        try:
            state = attempts.look(attempt)
            if state["state"] == attempts.LOST and not os.path.exists(
                attempt.file("result.json")
            ):
                # under the key's lock: another connection may be starting or burying it
                with self._attempts.alone(attempt.key):
                    return bury(attempt, self._objects)
            return state
        except Tampered as error:
            return {"state": attempts.LOST, "problem": str(error), "tampered": True}

    def _cancel(self, message: messages.Cancel, data: bytes) -> Reply:
        """Asks for the end of attempts; each ends in its own time, and what watches it
        sees that.
        """
        for key, number in message.jobs:
            attempts.mark(self._attempts.get(key, number), "cancel")
        return {}, b""

    def _take(self, message: messages.Take, data: bytes) -> Reply:
        """Notes that the result of an attempt has arrived; ``held`` says whether
        objects are left here on purpose.
        """
        attempt = self._attempts.get(message.key, message.number)
        # whatever the client made of its answers: there is nothing to be taken yet
        if not attempts.is_over(attempt):
            return {}, b""
        # before `taken`: between the two a sweep would evict what is to stay here
        if message.held:
            attempts.mark(attempt, "held")
        else:
            with suppress(FileNotFoundError):
                os.unlink(attempt.file("held"))
        if message.rejected:
            attempts.mark(attempt, "rejected")
            self._distrust(attempt)
        attempts.mark(attempt, "taken")
        with suppress(FileNotFoundError):
            # whoever took the result has it
            if os.stat(attempt.file("log")).st_size > _LOG_KEPT:
                os.unlink(attempt.file("log"))
        remove(attempt.work)
        return {}, b""

    def _distrust(self, attempt: Attempt) -> None:
        """Reads what a result of no use names, and drops what does not match its
        digest: it may be that.
        """
        result = self._look(attempt)
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            for item in result.get("items", []):
                for row in item["outputs"].values():
                    for hex_digest in self._objects.below(Content(*row)):
                        self._objects.drop_if_damaged(hex_digest)

    # objects

    def _has(self, message: messages.Has, data: bytes) -> Reply:
        """Which of these contents are here, with all below them."""
        roots = [tuple(row) for row in message.roots]
        return {
            "has": [
                not self._objects.missing([(row[0], row[1], row[2])]) for row in roots
            ]
        }, b""

    def _put(self, message: messages.Put, data: bytes) -> Reply:
        at = 0
        for hex_digest, size in message.objects:
            self._objects.put(hex_digest, data[at : at + size])
            at += size
        return {}, b""

    def _part(self, message: messages.Part, data: bytes) -> Reply:
        """Takes a piece of a large object; without one says how much of it is here."""
        if data:
            self._parts.put(message.hex, message.offset, message.size, data)
            return {}, b""
        return {"offset": self._parts.begin(message.hex, int(message.size))}, b""

    def _settle(self, message: messages.Settle, data: bytes) -> Reply:
        self._objects.settle()
        return {}, b""

    def _read(self, message: messages.Read, data: bytes) -> Reply:
        pieces = []
        for hex_digest in message.objects:
            with open(self._objects.path_of(hex_digest), "rb") as file:
                pieces.append(file.read())
        return {"sizes": [len(piece) for piece in pieces]}, b"".join(pieces)

    def _read_part(self, message: messages.ReadPart, data: bytes) -> Reply:
        with open(self._objects.path_of(message.hex), "rb") as file:
            file.seek(message.offset)
            return {}, file.read(PIECE)

    def _list_raw(self, message: messages.ListRaw, data: bytes) -> Reply:
        return {
            "rows": list_raw(
                self._attempts.get(message.key, message.number), message.path
            )
        }, b""

    def _read_raw(self, message: messages.ReadRaw, data: bytes) -> Reply:
        attempt = self._attempts.get(message.key, message.number)
        return {}, read_raw(attempt, message.path, message.inner, message.offset, PIECE)


def _log_from(attempt: Attempt, offset: int) -> bytes:
    if offset < 0:  # whoever asks wants no log
        return b""
    with suppress(FileNotFoundError), open(attempt.file("log"), "rb") as file:
        file.seek(offset)
        return file.read(_LOG_PIECE)
    return b""


def main(place: str) -> None:
    """Serves one connection on standard input and output. Nothing else of this process
    may write there.
    """
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    Server(place, requests, replies).run()
