"""A TCP proxy on loopback that does harm on purpose: cuts connections, or answers for
the server.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Proxy:
    """Forwards to a port. ``cut_after`` bytes from the server (or to it) every
    connection is reset, as long as ``harm`` lasts; ``answer`` is sent instead of
    forwarding, for so many connections.
    """

    def __init__(
        self, port: int, *, cut_after: int = 0, harm: int = 0, answer: bytes = b""
    ) -> None:
        self._target, self._cut_after, self.harm, self._answer = (
            port,
            cut_after,
            harm,
            answer,
        )
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            does_harm = self.harm > 0
            self.harm -= 1
            threading.Thread(
                target=self._serve, args=(client, does_harm), daemon=True
            ).start()

    def _serve(self, client: socket.socket, does_harm: bool) -> None:
        if does_harm and self._answer:
            with suppress(OSError):
                client.recv(65536)
                client.sendall(self._answer)
                client.close()
            return
        server = socket.create_connection(("127.0.0.1", self._target))
        left = [self._cut_after if does_harm else -1]

        def pump(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    if left[0] >= 0:
                        left[0] -= len(data)
                        if left[0] < 0:
                            _reset(client, server)
                            return
                    target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        back: Callable[[], None] = lambda: pump(server, client)  # noqa: E731
        threading.Thread(target=back, daemon=True).start()
        pump(client, server)


def _reset(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            # a thread that waits in recv would keep it open otherwise
            end.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            end.close()
