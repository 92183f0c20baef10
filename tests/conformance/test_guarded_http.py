"""A server that sends on to another host, or never stops sending, gets neither
credentials nor our memory.
"""

import base64
import http.server
import threading
from collections.abc import Iterator

import pytest

from mltrack.errors import MltrackError, RemoteError
from mltrack.store.kinds import fsspec_store as fsspec_remote
from mltrack.store.kinds.opening import open_store

SENT_AT_MOST = 64 << 20


class Server(http.server.ThreadingHTTPServer):
    """Answers everything in one way, and notes what it was asked."""

    def __init__(self, location: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.location, self.sent = location, 0
        self.seen: list[dict[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """The other side hangs up: that is what is wanted."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))
        if self.server.location:
            self.send_response(302)
            self.send_header("Location", self.server.location + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while self.server.sent < 2 * SENT_AT_MOST:
            self.server.sent += self.wfile.write(b"A" * 65536)

    do_HEAD = do_GET  # noqa: N815 - the library calls it so

    def log_message(self, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def endless() -> Iterator[Server]:
    with Server() as server:
        yield server
        server.shutdown()


@pytest.fixture
def redirecting(endless: Server) -> Iterator[Server]:
    with Server(f"http://localhost:{endless.port}") as server:
        yield server
        server.shutdown()


def s3(server: Server) -> dict[str, str]:
    given = {
        "access_key": "a",
        "secret_key": "b",
        "session_token": "TOKEN",
        "region": "us-east-1",
        "tries": "1",
    }
    return {**given, "endpoint": f"http://127.0.0.1:{server.port}"}


@pytest.mark.parametrize("kind", ["s3", "http"])
def test_credentials_do_not_follow_a_redirect(
    redirecting: Server, endless: Server, kind: str
) -> None:
    given = (
        s3(redirecting)
        if kind == "s3"
        else {"user": "a", "password": "b", "tries": "1"}
    )
    url = "s3://bucket/p" if kind == "s3" else f"http://127.0.0.1:{redirecting.port}/p"
    with pytest.raises(RemoteError, match="credentials are not sent there"):
        open_store(url, "/", given).get("mltrack.json")
    assert redirecting.seen and not endless.seen


class Pages(http.server.BaseHTTPRequestHandler):
    """Lists an S3 bucket that has always one page more."""

    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self) -> None:
        type(self).count += 1
        keys = "".join(
            f"<Contents><Key>p/{self.count:09}{i:03}</Key><Size>1</Size></Contents>"
            for i in range(1000)
        )
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{self.count}</NextContinuationToken>"
        data = f"<ListBucketResult>{more}{keys}</ListBucketResult>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Nobody reads it."""


def test_a_list_of_pages_that_does_not_end_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fsspec_remote, "LISTING_BYTES", 1 << 20)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        given = {
            "access_key": "a",
            "secret_key": "b",
            "region": "us-east-1",
            "tries": "1",
        }
        store = open_store(
            "s3://bucket/p",
            "/",
            {**given, "endpoint": f"http://127.0.0.1:{server.server_port}"},
        )
        with pytest.raises(RemoteError, match="a list of its files does not end"):
            list(store.list("packs"))
        server.shutdown()
    assert Pages.count < 100


def azure(server: Server) -> dict[str, str]:
    key = base64.b64encode(b"k" * 32).decode()
    there = f"BlobEndpoint=http://127.0.0.1:{server.port}/me"
    return {
        "connection_string": f"DefaultEndpointsProtocol=http;AccountName=me;AccountKey={key};{there};",
        "tries": "1",
    }


def test_the_signature_of_azure_does_not_follow_a_redirect(
    redirecting: Server, endless: Server
) -> None:
    """Its library follows, and takes its credentials off first."""
    pytest.importorskip("adlfs")
    with pytest.raises(MltrackError):
        open_store("az://container/p", "/", azure(redirecting)).get("mltrack.json")
    assert redirecting.seen
    assert not any(
        "authorization" in map(str.lower, headers) for headers in endless.seen
    )


def test_an_answer_of_azure_that_does_not_end_is_cut_off(endless: Server) -> None:
    pytest.importorskip("adlfs")
    with pytest.raises(RemoteError):
        open_store("az://container/p", "/", azure(endless)).get("mltrack.json")
    assert endless.sent < SENT_AT_MOST


@pytest.mark.parametrize("kind", ["s3", "http"])
def test_an_answer_that_does_not_end_is_cut_off(endless: Server, kind: str) -> None:
    url = "s3://bucket/p" if kind == "s3" else f"http://127.0.0.1:{endless.port}/p"
    with pytest.raises(RemoteError, match="does not end"):
        open_store(url, "/", s3(endless) if kind == "s3" else {"tries": "1"}).get(
            "mltrack.json"
        )
    assert endless.sent < SENT_AT_MOST
