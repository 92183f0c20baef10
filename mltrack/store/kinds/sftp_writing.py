"""Writing over SFTP without a round trip for each write, and without losing an answer.

paramiko's own pipelined files drop what the server says of a write while they wait for
another answer: a write that failed would leave a hole that nobody is told of.
"""

from typing import Any

import paramiko
from paramiko.sftp import CMD_STATUS, CMD_WRITE, int64

# bytes: what every server takes in one request
_PIECE = 32768
# requests under way: 2 MiB hide the round trip of a far host
_AT_ONCE = 64


class Writes:
    """Writes to an open file of an SFTP client, one after the other. Nothing is known
    to be written before ``finish`` has returned.
    """

    def __init__(self, sftp: Any, file: Any) -> None:
        self._sftp = sftp
        self._file = file
        self._offset = 0
        self._under_way = 0
        self._error: Exception | None = None

    def write(self, data: bytes) -> None:
        """Asks for bytes to be written; raises what an earlier write was answered."""
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            while self._under_way >= _AT_ONCE:
                self._wait()
            self._sftp._async_request(
                self, CMD_WRITE, self._file.handle, int64(self._offset), piece
            )
            self._under_way += 1
            self._offset += len(piece)

    def finish(self) -> None:
        """Waits for every answer; raises the first that was an error."""
        while self._under_way:
            self._wait()
        if self._error is not None:
            raise self._error

    def _wait(self) -> None:
        self._sftp._read_response()
        if self._error is not None:
            raise self._error

    # called by the client for each answer, in whatever order they come
    def _async_response(self, kind: int, message: Any, number: int) -> None:
        self._under_way -= 1
        try:
            if kind != CMD_STATUS:
                raise paramiko.SFTPError("a write was not answered by a status")
            self._sftp._convert_status(message)
        except Exception as error:
            # kept: the client may be waiting for another answer
            self._error = self._error or error
