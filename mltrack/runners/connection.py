"""A connection to the worker on a host: the system's ``ssh``, or a process on this
machine, and frames over its pipes.

``ssh`` is left to its own configuration: agent, jump hosts, known hosts, and its
refusals, which are shown as it words them. It is never asked to accept what it does
not.
"""

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from mltrack.disk.durable import write_all
from mltrack.errors import ConfigError, IntegrityError, RemoteError, WorkspaceError
from mltrack.runners.process import is_readable
from mltrack.runners.program import (
    GREETING,
    HAVE,
    NEED,
    OLD,
    boot_arguments,
    worker_program,
)
from mltrack.runners.worker import frames, messages

_HOST = re.compile(r"[A-Za-z0-9_.@%:\[\]-]{1,255}\Z")
_PYTHON = re.compile(r"[A-Za-z0-9_./~+-]{1,255}\Z")
# seconds; well above ssh's own 15, since ssh says better what is wrong
_GREETING_SECONDS = 60.0
# in bytes; no login message is as long, and a stream without end must not hang us
_MAX_NOISE = 1 << 20
_MAX_WORDS = 1 << 16
_SSH = (
    # a terminal there would change the bytes of frames
    "-T",
    # no questions: there is no terminal to answer them on
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=15",
    # a host that is silent for four times 15 s is lost; its jobs are not
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=4",
)
# not a name that cannot be resolved: a laptop that wakes has no DNS for seconds, and a
# command that begins tries once only
_FINAL = (
    "Host key verification failed",
    "Permission denied",
    "REMOTE HOST IDENTIFICATION",
    "Bad configuration",
    "Bad owner",
)
_UNREACHABLE = 255
"""The exit code by which ``ssh`` says that the fault is its own and not the command's.
"""


class Address(NamedTuple):
    """Where a worker runs. ``host`` is what ``ssh`` is asked for, '' for this machine;
    ``python`` the interpreter there; ``place`` mltrack's directory there; ``config`` an
    ssh configuration instead of the user's.
    """

    host: str
    python: str
    place: str
    config: str = ""

    @property
    def shown(self) -> str:
        return self.host or "this machine"

    def command(self) -> list[str]:
        """Returns the command line that starts the worker."""
        start = [self.python, *boot_arguments(self.place, worker_program())]
        if not self.host:
            return start
        config = ["-F", self.config] if self.config else []
        return [
            "ssh",
            *config,
            *_SSH,
            "--",
            self.host,
            " ".join(map(shlex.quote, start)),
        ]


def check_host(host: str) -> None:
    """Raises ConfigError for what ssh could take for an option, or a shell for more
    than a name.
    """
    if not _HOST.match(host) or host.startswith("-"):
        raise ConfigError(
            f"not the name of a host: {host!r}",
            hint="a name from ~/.ssh/config, or user@host",
        )


def check_python(python: str) -> None:
    if not _PYTHON.match(python) or python.startswith("-"):
        raise ConfigError(
            f"not the path of a Python: {python!r}", hint="such as /usr/bin/python3.11"
        )


class Connection:
    """One worker process at the other end. For one thread at a time."""

    def __init__(self, address: Address) -> None:
        """Connects; raises RemoteError with what ssh or the host said where that fails."""
        self.address = address
        self.is_lost = False
        self.pending = 0
        """Requests whose replies were not received yet."""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the connection is
        try:
            self._process = subprocess.Popen(
                address.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                # an interrupt typed at the terminal is ours to act on, not ssh's
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise RemoteError(
                f"cannot start {address.command()[0]}: {error.strerror}",
                hint="apt install openssh-client",
            ) from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._replies = (
            self._process.stdin.fileno(),
            self._process.stdout.fileno(),
        )
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    @property
    def descriptor(self) -> int:
        """Becomes readable when a reply begins to arrive."""
        return self._replies

    def send(self, message: messages.Request, data: bytes = b"") -> None:
        """Sends a request; :meth:`receive` gives its reply. Several may be under way,
        and are answered in order.
        """
        try:
            self.pending += 1
            frames.send(self._requests, messages.to_wire(message), data)
        except frames.Closed as error:
            raise self._lost() from error

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Returns the next reply; raises the error that it tells, RemoteError if the
        connection is lost.
        """
        try:
            reply, data = frames.receive(self._replies)
        except (frames.Closed, frames.Garbled) as error:
            raise self._lost() from error
        self.pending -= 1
        if "error" in reply:
            raise self._refusal(reply)
        return reply, data

    def request(
        self, message: messages.Request, data: bytes = b""
    ) -> tuple[dict[str, Any], bytes]:
        self.send(message, data)
        return self.receive()

    def abandoned(self) -> RemoteError:
        """Gives the connection up, since what it would answer next was asked for by
        nobody; returns what to raise.
        """
        self.is_lost = True
        return RemoteError(
            f"the exchange with {self.address.shown} was cut off", retryable=True
        )

    def close(self) -> None:
        """Ends the connection; attempts on the host go on."""
        # the worker ends by itself once its input does
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            # seconds; on a dead network ssh may hang, and nobody needs its last words
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                # the group: a ProxyCommand that ssh started ends, too
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._said.close()

    def _greet(self) -> None:
        """Waits for the worker to say what it needs, past whatever the login shell
        prints before.
        """
        line, noise, end = b"", 0, time.monotonic() + _GREETING_SECONDS
        while True:
            if not is_readable(self._replies, end - time.monotonic()):
                raise RemoteError(
                    f"{self.address.shown} does not answer",
                    hint=self._hint(),
                    retryable=True,
                )
            # byte by byte: what follows the line belongs to the first frame
            piece = os.read(self._replies, 1)
            noise += 1
            if not piece or noise > _MAX_NOISE:
                raise self._lost()
            if piece != b"\n":
                line += piece
                continue
            # a prompt without a line end may stand before it
            words = line.rpartition(GREETING)[2].split() if GREETING in line else []
            line = b""
            if words[:1] == [OLD]:
                raise RemoteError(
                    f"{self.address.shown}: {self.address.python} is Python "
                    f"{words[1].decode()}, and the worker needs 3.8",
                    hint=(
                        "name another one: mltrack config --local runner.NAME.python "
                        "/path/to/python3"
                    ),
                )
            if words == [NEED]:
                self._send_program()
                return
            if words == [HAVE]:
                return

    def _send_program(self) -> None:
        try:
            write_all(self._requests, worker_program().data)
        except BrokenPipeError as error:
            raise self._lost() from error

    def _lost(self) -> RemoteError:
        """What to say of a connection that has ended: what ssh, or the worker in its
        last moment, said of it.
        """
        self.is_lost = True
        with suppress(subprocess.TimeoutExpired):
            # seconds; the exit code says whose fault it was, and comes after the end
            self._process.wait(5)
        code = self._process.poll()
        # its last words: a chatty setup may have said a lot before
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - _MAX_WORDS))
        words = self._said.read(_MAX_WORDS).decode("utf-8", "replace").strip()
        lines = [
            line.strip()
            for line in words.splitlines()
            # ssh warns so of each new host, whatever else went wrong
            if line.strip() and not line.startswith("Warning: Permanently")
        ]
        shown = self.address.shown
        if self.address.host and code == _UNREACHABLE:
            return RemoteError(
                f"ssh cannot reach {shown}, or lost it: "
                f"{' '.join(lines[-3:]) or 'the connection ended'}",
                hint=self._hint(),
                retryable=not _is_final(words),
            )
        # the shell's codes for a program that cannot be run, or is not there
        if code in (126, 127) or "not found" in words:
            return RemoteError(
                f"{shown} has no {self.address.python}: {' '.join(lines[-1:])}",
                hint=(
                    "install Python 3.8 or later there, or name one: mltrack config "
                    "--local runner.NAME.python /path/to/python3"
                ),
            )
        said = lines[-1] if lines else "the connection ended"
        return RemoteError(
            f"the worker on {shown} ended: {said}",
            hint=self._hint(),
            retryable=not lines,
        )

    def _hint(self) -> str:
        config = f"-F {self.address.config} " if self.address.config else ""
        return (
            f"try it by hand: ssh {config}-o BatchMode=yes {self.address.host} true"
            if self.address.host
            else ""
        )

    def _refusal(self, reply: dict[str, Any]) -> Exception:
        text = f"{self.address.shown}: {reply['error']}"
        if reply.get("kind") == "damaged":
            return IntegrityError(
                text, hint="run this again: what arrived damaged is sent again"
            )
        if reply.get("kind") == "tampered":
            return WorkspaceError(
                text,
                hint=(
                    f"remove that directory on {self.address.shown}, then run this "
                    "again"
                ),
            )
        is_full = "No space left" in text or "Disk quota" in text
        hint = (
            "free some space there, or lower runner.NAME.cache_limit"
            if is_full
            else "mltrack runner check NAME"
        )
        return RemoteError(text, hint=hint)


def _is_final(words: str) -> bool:
    """Whether ssh refused for a reason that trying again does not change."""
    return any(text in words for text in _FINAL)


def pipelined(
    connection: Connection, requests: Iterable[messages.Request], window: int = 4
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yields the replies to requests, with several under way: a connection with a long
    way to go is kept busy. No request is made before its turn: how many there are may
    be what a host says.
    """
    under_way = 0
    for request in requests:
        connection.send(request)
        under_way += 1
        if under_way >= window:
            under_way -= 1
            yield connection.receive()
    for _ in range(under_way):
        yield connection.receive()
