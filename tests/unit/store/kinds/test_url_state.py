"""The state of something at a URL: another one whenever its server says that it
changed.
"""

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltrack.errors import PipelineError, RemoteError
from mltrack.objects.content import URL
from mltrack.objects.digest import XXH3
from mltrack.store.kinds.url_state import url_content


class Server(http.server.ThreadingHTTPServer):
    """Says of everything what it is told to say, and sends no bytes of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.answer = 200, dict[str, str]()
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/x"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.server.asked.append(self.command)
        self.send_response(self.server.status)
        for name, value in self.server.answer.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made
        made.shutdown()


def state(server: Server, **answer: str) -> str:
    server.answer = {name.replace("_", "-"): value for name, value in answer.items()}
    return url_content(server.url, XXH3).hex


def test_an_etag_or_else_a_time_and_the_size_are_the_state(server: Server) -> None:
    moment = "Thu, 01 Jan 1970 00:00:00 GMT"
    tagged = state(server, ETag='"1"', Content_Length="5")
    assert state(server, ETag='"1"', Content_Length="5") == tagged
    assert state(server, ETag='"2"', Content_Length="5") != tagged
    assert state(server, ETag='"1"', Content_Length="6") != tagged
    assert state(server, ETag='"1"', Content_Length="5", Last_Modified=moment) == tagged
    timed = state(server, Last_Modified=moment, Content_Length="5")
    assert timed != tagged
    assert state(server, Last_Modified="another", Content_Length="5") != timed
    assert set(server.asked) == {"HEAD"}, "its bytes were asked for"


def test_its_kind_and_size_are_what_the_server_says(server: Server) -> None:
    server.answer = {"ETag": '"1"', "Content-Length": "5"}
    content = url_content(server.url, XXH3)
    assert (content.kind, content.size) == (URL, 5) and XXH3.is_hex(content.hex)
    server.answer = {"ETag": '"1"'}
    assert url_content(server.url, XXH3).size == 0


def test_a_server_that_says_nothing_of_changes_is_refused(server: Server) -> None:
    server.answer = {"Content-Length": "5"}
    with pytest.raises(PipelineError, match="neither etag nor version nor time"):
        url_content(server.url, XXH3)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_no_dependency(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(PipelineError, match="does not exist"):
        url_content(server.url, XXH3)


@pytest.mark.parametrize("status", [403, 500])
def test_a_server_that_refuses_is_told(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(RemoteError, match=f"cannot be asked: {status}"):
        url_content(server.url, XXH3)


def test_a_server_that_cannot_be_reached_may_be_tried_again() -> None:
    with pytest.raises(RemoteError, match="cannot be asked") as raised:
        url_content("http://127.0.0.1:9/x", XXH3)
    assert raised.value.retryable


def test_other_kinds_are_asked_through_fsspec(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    (tmp_path / "x").write_bytes(b"12345")
    url = f"local://{tmp_path}/x"
    first = url_content(url, XXH3)
    assert (first.kind, first.size) == (URL, 5) and url_content(url, XXH3) == first
    os.utime(tmp_path / "x", (1.0, 1.0))
    assert url_content(url, XXH3).hex != first.hex
    with pytest.raises(PipelineError, match="does not exist"):
        url_content(url + "y", XXH3)
    with pytest.raises(RemoteError, match="cannot be asked"):
        url_content("nosuch://x", XXH3)
