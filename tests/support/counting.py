"""A proxy on loopback that notes the HTTP requests that pass through it, and counts the
bytes that come back.
"""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_REQUEST = re.compile(rb"([A-Z]+ \S+) HTTP/1\.1\r\n")


class Counting:
    """Forwards to a port. ``asked`` are the requests, method and path, in order."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.asked: list[str] = []
        self.bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for end in (client, server):
                    # else the kernel holds back the second half of an answer: 12 ms
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for ends in (
                    (client, server, self._asked),
                    (server, client, self._came),
                ):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()

    def _asked(self, data: bytes) -> None:
        self.asked += [one.decode() for one in _REQUEST.findall(data)]

    def _came(self, data: bytes) -> None:
        self.bytes += len(data)


def _pump(
    source: socket.socket, target: socket.socket, note: Callable[[bytes], None]
) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 18):
            note(data)
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
