"""Data at URLs, tracked here: what its server said of it is known, and nothing is read
again that it calls the same.
"""

import gzip
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

LARGE = os.urandom(3 << 20)


class Server(http.server.ThreadingHTTPServer):
    """Files by their paths, each with the headers that a test gives it; notes what is
    asked.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.refused_methods: set[str] = set()
        self.asked: list[str] = []
        self.seen_headers: list[dict[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, path: str, data: bytes, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[path] = data, {"Content-Length": str(len(data)), **named}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, *, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.seen_headers.append(dict(self.headers))
        data, headers = self.server.files.get(self.path, (b"", {}))
        is_there = self.path in self.server.files
        status = 200 if is_there else 404
        if self.command in self.server.refused_methods:
            status = 405
        if "Location" in headers:
            status = 302
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body and status == 200:
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made
        made.shutdown()


def asked(server: Server) -> list[str]:
    """What was asked since the last time."""
    seen = [*server.asked]
    server.asked.clear()
    return seen


def test_a_file_of_the_web_is_tracked_with_what_its_server_said(
    ws: Workspace, server: Server
) -> None:
    server.put("/data/train.csv", b"a,b\n", ETag='"one"')
    done = ws.mltrack("import", f"{server.url}/data/train.csv", "-o", "raw/train.csv")
    assert f"imported raw/train.csv (4 B) from {server.url}" in done.out
    assert "git add raw/train.csv.mlt raw/.gitignore" in done.err
    assert ws.read("raw/train.csv") == "a,b\n"
    text = ws.read("raw/train.csv.mlt")
    assert f'from:\n  url: "{server.url}/data/train.csv"\n' in text
    assert '  etag: "\\"one\\""\n  size: "4"\n  digest: "xxh3:' in text
    assert asked(server) == ["GET /data/train.csv"], "it was asked twice"
    assert ws.mltrack("status", "--json").json["clean"]


def test_update_reads_only_what_its_server_calls_another(
    ws: Workspace, server: Server
) -> None:
    server.put("/a", b"first\n", ETag='"1"')
    server.put("/b", b"other\n", Last_Modified="Thu, 01 Jan 1970 00:00:00 GMT")
    ws.mltrack("import", f"{server.url}/a")
    ws.mltrack("import", f"{server.url}/b")
    asked(server)
    assert "a: unchanged" in ws.mltrack("update").out
    assert asked(server) == ["HEAD /a", "HEAD /b"]
    server.put("/a", b"second\n", ETag='"2"')
    said = ws.mltrack("update").out
    assert "a: 1 modified" in said and "b: unchanged" in said
    assert ws.read("a") == "second\n"
    assert [line for line in asked(server) if line.startswith("GET")] == ["GET /a"]
    assert "a: unchanged" in ws.mltrack("update", "a").out


def test_a_directory_stands_for_the_imports_in_it(
    ws: Workspace, server: Server
) -> None:
    for name in ("a", "b", "c"):
        server.put(f"/{name}", b"1\n", ETag='"1"')
        ws.mltrack("import", f"{server.url}/{name}", "-o", f"{name}{name}/{name}")
    asked(server)
    ws.mltrack("update", "aa", "bb/b")
    assert asked(server) == ["HEAD /a", "HEAD /b"]


def test_a_url_has_no_revisions(ws: Workspace, server: Server) -> None:
    server.put("/a", b"1\n", ETag='"1"')
    ws.mltrack("import", f"{server.url}/a")
    asked(server)
    assert "which has no revisions" in ws.mltrack("update", "--rev", "v2", code=2).err
    assert asked(server) == []


def test_a_server_that_answers_to_get_alone(ws: Workspace, server: Server) -> None:
    server.refused_methods.add("HEAD")
    server.put("/a", b"first\n", ETag='"1"')
    ws.mltrack("import", f"{server.url}/a")
    assert "unchanged" in ws.mltrack("update").out


def test_status_names_what_is_behind(
    ws: Workspace, server: Server, tmp_path: Path
) -> None:
    server.put("/a", b"first\n", ETag='"1"')
    ws.mltrack("import", f"{server.url}/a")
    ws.mltrack("remote", "add", "store", str(tmp_path / "store"))
    ws.mltrack("push")
    assert "behind" not in ws.mltrack("status", "--remote", "store").out
    server.put("/a", b"second\n", ETag='"2"')
    said = ws.mltrack("status", "--remote", "store")
    assert f"a  ({server.url}/a has changed)" in said.out
    [item] = ws.mltrack("status", "--remote", "store", "--json").json["behind"]
    assert item == {"path": "a", "seen": 'etag "2" 7', "why": ""}


def test_an_edit_is_not_lost_by_update(ws: Workspace, server: Server) -> None:
    server.put("/a", b"first\n", ETag='"1"')
    ws.mltrack("import", f"{server.url}/a")
    server.put("/a", b"second\n", ETag='"2"')
    ws.write("a", "mine\n")
    refused = ws.mltrack("update", "a", code=1)
    assert "mltrack update --force a" in refused.err and ws.read("a") == "mine\n"
    ws.mltrack("update", "--force", "a")
    assert ws.read("a") == "second\n"
    ws.mltrack("undo")
    assert ws.read("a") == "mine\n"


def test_pull_gets_it_from_its_source_where_no_remote_has_it(
    ws: Workspace, server: Server, tmp_path: Path
) -> None:
    server.put("/a", LARGE, ETag='"1"')
    ws.mltrack("import", f"{server.url}/a")
    ws.commit("import")
    again = Workspace(tmp_path / "again", ws.environment)
    subprocess.run(["git", "clone", "-q", ws.path, again.path], check=True)
    again.mltrack("init")
    again.mltrack("pull")
    assert (again.path / "a").read_bytes() == LARGE
    # another state of it is not what the pointer names
    (again.path / "a").unlink()
    shutil.rmtree(again.path / ".mltrack/cache")
    server.put("/a", b"other\n", ETag='"2"')
    assert again.mltrack("pull", code=None).code != 0
    assert not again.exists("a")


def test_what_is_only_noted_comes_by_update(ws: Workspace, server: Server) -> None:
    server.put("/large", LARGE, ETag='"1"')
    said = ws.mltrack("import", "--no-download", f"{server.url}/large").out
    assert "noted large (3.1 MB)" in said
    assert asked(server) == ["HEAD /large"]
    assert not ws.exists("large") and "kind: url" in ws.read("large.mlt")
    assert (
        "only noted (mltrack update brings them):\n  large" in ws.mltrack("status").out
    )
    assert "mltrack update large" in ws.mltrack("checkout", "large", code=2).err
    # nothing of it is missing anywhere
    ws.commit("noted")
    assert "all whole" in ws.mltrack("fsck").out
    assert "large: 1 added" in ws.mltrack("update").out
    assert (ws.path / "large").read_bytes() == LARGE
    assert "only noted" not in ws.mltrack("status").out


def test_what_is_only_noted_is_removed_like_a_pointer(
    ws: Workspace, server: Server
) -> None:
    server.put("/large", LARGE, ETag='"1"')
    ws.mltrack("import", "--no-download", f"{server.url}/large")
    ws.mltrack("remove", "large")
    assert not ws.exists("large.mlt") and not ws.exists(".gitignore")


def test_data_goes_straight_to_a_remote(
    ws: Workspace, server: Server, tmp_path: Path
) -> None:
    ws.mltrack("remote", "add", "-d", "store", str(tmp_path / "store"))
    server.put("/large", LARGE, ETag='"1"')
    ws.mltrack("import", "--to-remote", f"{server.url}/large")
    assert not ws.exists("large")
    assert not list((ws.path / ".mltrack/cache").rglob("*.pack"))
    ws.mltrack("pull")
    assert (ws.path / "large").read_bytes() == LARGE


def test_a_directory_is_imported_through_fsspec(ws: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "shelf"
    (place / "deep").mkdir(parents=True)
    (place / "a").write_text("a\n")
    (place / "deep/b").write_text("b\n")
    ws.mltrack("import", f"file://{place}", "-o", "d")
    assert ws.read("d/deep/b") == "b\n"
    lines = [
        f"{name}\0modified\0{(place / name).stat().st_mtime}\0{2}"
        for name in ("a", "deep/b")
    ]
    listing = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert f'listing: "{listing}"' in ws.read("d.mlt")
    assert "d: unchanged" in ws.mltrack("update").out
    (place / "c").write_text("c\n")
    (place / "a").unlink()
    assert "d: 1 added, 1 deleted" in ws.mltrack("update").out
    assert ws.read("d/c") == "c\n" and not ws.exists("d/a")


def test_bytes_packed_for_the_way_are_unpacked(ws: Workspace, server: Server) -> None:
    server.put("/a.csv", gzip.compress(b"a,b\n"), ETag='"1"', Content_Encoding="gzip")
    server.put("/a.gz", gzip.compress(b"a,b\n"), ETag='"1"', Content_Encoding="gzip")
    ws.mltrack("import", f"{server.url}/a.csv")
    assert ws.read("a.csv") == "a,b\n"
    assert {one["Accept-Encoding"] for one in server.seen_headers} == {"identity"}
    ws.mltrack("import", f"{server.url}/a.gz")
    assert gzip.decompress((ws.path / "a.gz").read_bytes()) == b"a,b\n"


def test_redirects_are_followed(ws: Workspace, server: Server) -> None:
    server.put("/now", b"here\n", ETag='"1"')
    server.put("/a", b"", Location=f"{server.url}/now")
    ws.mltrack("import", f"{server.url}/a")
    assert ws.read("a") == "here\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("/gone", "there is nothing at"),
        ("/short", "said 99 bytes and sent 5"),
        ("/unmarked", "nothing would show that it changed"),
    ],
)
def test_what_cannot_be_trusted_is_refused_and_leaves_nothing(
    ws: Workspace, server: Server, given: str, said: str
) -> None:
    server.put("/short", b"12345", ETag='"1"', Content_Length="99")
    server.put("/unmarked", b"12345")
    refused = ws.mltrack("import", f"{server.url}{given}", "-o", "a", code=None)
    assert refused.code in (2, 6) and said in refused.err
    assert not ws.exists("a") and not ws.exists("a.mlt")
    assert os.listdir(ws.path / ".mltrack/tmp") == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gopher://host/x", "is no address that data can be imported from"),
        ("simplecache::http://host/x", "is no address that data can be imported from"),
        ("memory://x", "is no address that data can be imported from"),
        ("data/x", "a path of another project goes with --repo"),
        ("http://me:word@host/x", "holds a secret"),
        ("http://host/x?X-Amz-Signature=1", "holds a secret"),
    ],
)
def test_addresses_that_are_refused(ws: Workspace, url: str, said: str) -> None:
    refused = ws.mltrack("import", url, "-o", "a", code=2).err
    assert said in refused and "word" not in refused
    assert not ws.exists("a.mlt")


def test_a_query_that_is_no_secret_is_kept(ws: Workspace, server: Server) -> None:
    server.put("/a.csv?download=1", b"a\n", ETag='"1"')
    ws.mltrack("import", f"{server.url}/a.csv?download=1")
    assert ws.read("a.csv") == "a\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--no-download", "--to-remote"],
        ["--remote", "store"],
        ["--rev", "v1"],
        ["--repo", ".", "--no-download"],
    ],
)
def test_options_that_exclude_each_other(ws: Workspace, options: list[str]) -> None:
    ws.mltrack("import", "http://127.0.0.1:1/x", *options, code=2)


def test_update_of_a_directory_reads_only_the_files_that_changed(
    ws: Workspace, tmp_path: Path
) -> None:
    place = tmp_path / "shelf"
    (place / "deep").mkdir(parents=True)
    for name in ("a", "b", "deep/c"):
        (place / name).write_text(f"{name}\n")
    ws.mltrack("import", f"file://{place}", "-o", "d")
    # other bytes of the same size and time: they would come if they were read
    times = (place / "b").stat()
    (place / "b").write_text("?\n")
    os.utime(place / "b", ns=(times.st_atime_ns, times.st_mtime_ns))
    (place / "a").write_text("another\n")
    assert "d: 1 modified" in ws.mltrack("update").out
    assert ws.read("d/a") == "another\n" and ws.read("d/b") == "b\n"
    assert ws.read("d/deep/c") == "deep/c\n"
    # as often as it changes
    (place / "new").write_text("new\n")
    assert "d: 1 added" in ws.mltrack("update").out
    assert ws.read("d/b") == "b\n"
    # what the cache has no more is read, and what is remembered may be lost
    shutil.rmtree(ws.path / ".mltrack/cache")
    (place / "b").write_text("now\n")
    ws.mltrack("update", "--force")
    assert ws.read("d/b") == "now\n" and ws.read("d/deep/c") == "deep/c\n"
    for kept in (ws.path / ".mltrack/index/urls").iterdir():
        kept.write_bytes(b"[")
    (place / "a").write_text("at last\n")
    assert "d: 1 modified" in ws.mltrack("update").out
    assert ws.read("d/a") == "at last\n"
