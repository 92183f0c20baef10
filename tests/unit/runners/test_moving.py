"""Objects on their way to a host and back: checked on whichever side they arrive, and
never more than is wanted.
"""

import os
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import (
    FormatError,
    IntegrityError,
    MissingObjectError,
    RemoteError,
    WorkspaceError,
)
from mltrack.objects import tree
from mltrack.objects.content import EXEC, FILE, SYMLINK, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.runners import moving
from mltrack.runners.connection import Address, Connection
from mltrack.runners.moving import (
    discard,
    fetch_listings,
    fetch_objects,
    receive_output,
    receive_raw,
    send_objects,
)
from mltrack.runners.worker.messages import Has, ListRaw, ReadPart, ReadRaw
from mltrack.store.local.cache import Cache
from tests.support.objects import LARGE, named, put
from tests.support.runners import Given


class FakeHost:
    """Answers as a host would that lists a file of ``said`` bytes and has ``data``."""

    address = Address("gpu1", "python3", "")

    def __init__(self, said: int, data: bytes) -> None:
        self.said, self.data, self.asked = said, data, 0
        self.replies: deque[tuple[dict[str, Any], bytes]] = deque()

    def send(self, message: Any, data: bytes = b"") -> None:
        self.asked += 1
        if isinstance(message, ListRaw):
            self.replies.append(({"rows": [["", "file", self.said, ""]]}, b""))
        else:
            assert isinstance(message, ReadPart | ReadRaw)
            piece = self.data[message.offset : message.offset + moving.FRAME]
            self.replies.append(({}, piece))

    def receive(self) -> tuple[dict[str, Any], bytes]:
        return self.replies.popleft()

    def request(self, message: Any) -> tuple[dict[str, Any], bytes]:
        self.send(message)
        return self.receive()


def raw(host: FakeHost, path: Path) -> None:
    moving.receive_raw(host, "k", 1, "out", str(path))  # type: ignore[arg-type]


def hashed(host: FakeHost, path: Path) -> None:
    content = Content(FILE, XXH3.hex_of(host.data), host.said)
    cache = Cache(str(path.parent / "cache"), XXH3)
    moving.receive_output(host, XXH3, cache, content, str(path))  # type: ignore[arg-type]


class Known(Given):
    """Inputs of which the trees below a tree are known, as of those in the cache."""

    def trees_below(self, hex_digest: str) -> list[str]:
        data = self.objects.get(hex_digest)
        if not isinstance(data, bytes) or not data.startswith(tree.HEADER):
            return []
        inner = [
            below
            for entry in tree.decode(data, XXH3.hex_size)
            if entry.kind == tree.DIRECTORY
            for below in self.trees_below(entry.hex)
        ]
        return [hex_digest, *inner]


def on_host(connection: Connection, *contents: Content) -> list[bool]:
    reply = connection.request(Has([list(one) for one in contents]))[0]
    return list(reply["has"])


def held(address: Address) -> set[str]:
    """The digests of what the host has."""
    top = Path(address.place, "objects/xxh3")
    return {path.parent.name + path.name for path in top.rglob("*") if path.is_file()}


def send(connection: Connection, given: Given) -> int:
    hexes = list(given.objects)
    return send_objects(connection, given, XXH3, hexes)  # type: ignore[arg-type]


DIRECTORY = {"a": b"aa", "run.sh": b"#!/bin/sh", "large": LARGE, "empty": b""}


@pytest.fixture
def sent(connection: Connection) -> Given:
    """A directory that the host has."""
    found = Known({}, {"d": DIRECTORY})
    send(connection, found)
    return found


# there


def test_small_and_large_objects_arrive(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    found = Given({"a": b"one", "b": b"", "c": LARGE})
    found.objects[named(LARGE)] = str(tmp_path / "large")
    assert send(connection, found) == 3 + len(LARGE)
    assert on_host(connection, *found.inputs.values()) == [True] * 3
    assert connection.pending == 0


def test_of_a_tree_the_trees_below_are_sent_and_no_files(
    connection: Connection, address: Address
) -> None:
    inner = tree.encode([(b"x", "f", named(b"x"), 1)])
    top = tree.encode([(b"sub", "d", named(inner), 1)])
    found = Known({})
    found.objects = {named(one): one for one in (top, inner, b"x")}
    send_objects(connection, found, XXH3, [named(top)])  # type: ignore[arg-type]
    assert held(address) == {named(top), named(inner)}


def test_many_objects_travel_many_to_a_frame(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "_MAX_FILES", 7)
    found = Given({f"{n}": b"%d" % n for n in range(50)})
    asked: list[object] = []
    plain = Connection.send
    monkeypatch.setattr(
        Connection,
        "send",
        lambda self, message, data=b"": (
            asked.append(message) or plain(self, message, data)
        ),
    )
    send(connection, found)
    assert len(asked) == 50 // 7 + 1 + 1
    assert all(on_host(connection, *found.inputs.values()))


def test_a_large_object_goes_on_where_an_earlier_connection_was_cut_off(
    connection: Connection,
    address: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moving, "FRAME", len(LARGE) // 4)
    (tmp_path / "large").write_bytes(LARGE)
    found = Given({"c": LARGE})
    found.objects[named(LARGE)] = str(tmp_path / "large")
    left = iter([False, False, False, True])
    with pytest.raises(WorkspaceError, match="was cancelled"):
        send_objects(
            connection,
            found,  # type: ignore[arg-type]
            XXH3,
            [named(LARGE)],
            lambda: next(left),
        )
    while connection.pending:
        connection.receive()
    total = send(connection, found)
    assert total == len(LARGE) // 4 and held(address) == {named(LARGE)}


def test_what_is_nowhere_is_told(connection: Connection, address: Address) -> None:
    with pytest.raises(MissingObjectError, match="neither here nor on this machine"):
        send_objects(connection, Given({}), XXH3, ["ab" * 16])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [10, len(LARGE)])
def test_a_file_that_changed_since_it_was_looked_at_is_not_sent(
    connection: Connection, address: Address, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data[:-1] + b"x" if data[-1:] != b"x" else b"y")
    found = Given({"c": data})
    found.objects[named(data)] = str(tmp_path / "file")
    with pytest.raises(WorkspaceError, match="changed while it was being sent"):
        send(connection, found)
    assert held(address) == set()


def test_an_object_of_the_cache_that_is_damaged_is_not_sent(
    connection: Connection, address: Address
) -> None:
    found = Given({"c": b"right"})
    found.objects[named(b"right")] = b"wrong"
    with pytest.raises(IntegrityError, match="does not match its digest"):
        send(connection, found)
    assert held(address) == set()


# back


def as_it_stands(top: Path) -> dict[str, object]:
    return {
        str(path.relative_to(top)): os.readlink(path)
        if path.is_symlink()
        else (path.read_bytes(), os.access(path, os.X_OK))
        for path in top.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("cached", [(), (b"aa", LARGE), tuple(DIRECTORY.values())])
def test_an_output_is_put_where_nothing_stands(
    connection: Connection,
    cache: Cache,
    sent: Given,
    tmp_path: Path,
    cached: tuple[bytes, ...],
) -> None:
    put(cache, *cached)
    receive_output(connection, XXH3, cache, sent.inputs["d"], str(tmp_path / "to"))
    assert as_it_stands(tmp_path / "to") == {
        name: (data, name == "run.sh") for name, data in DIRECTORY.items()
    }
    with pytest.raises(FileExistsError):
        receive_output(connection, XXH3, cache, sent.inputs["d"], str(tmp_path / "to"))


@pytest.mark.parametrize("kind", [FILE, EXEC, SYMLINK])
def test_single_outputs_are_of_their_kind(
    connection: Connection, cache: Cache, tmp_path: Path, kind: str
) -> None:
    send(connection, Given({"x": b"target"}))
    content = Content(kind, named(b"target"), 6)
    receive_output(connection, XXH3, cache, content, str(tmp_path / "to"))
    to = tmp_path / "to"
    if kind == SYMLINK:
        assert os.readlink(to) == "target"
    else:
        assert to.read_bytes() == b"target"
        assert os.access(to, os.X_OK) == (kind == EXEC)


def changed(address: Address, hex_digest: str, data: bytes) -> None:
    """Somebody with a right to write there changes what a host has."""
    path = Path(address.place, "objects/xxh3", hex_digest[:2], hex_digest[2:])
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "data", [b"aa", LARGE, b"tree"], ids=["small", "large", "tree"]
)
def test_bytes_that_do_not_match_are_told(
    connection: Connection, address: Address, cache: Cache, sent: Given, data: bytes
) -> None:
    content = sent.inputs["d"]
    hex_digest = content.hex if data == b"tree" else named(data)
    changed(address, hex_digest, b"x" * 17)
    with pytest.raises(IntegrityError, match="this machine"):
        receive_output(connection, XXH3, cache, content, address.place + "/../to")
    fresh = Cache(cache.path + "-other", XXH3)
    with pytest.raises((IntegrityError, RemoteError)):
        fetch_objects(connection, fresh, [content])
    assert not fresh.has(hex_digest) and os.listdir(fresh.tmp_path) == []


@pytest.mark.parametrize(
    "row",
    [b"f %s 2 ..\n", b"f %s 2 a%%2fb\n", b"f %s 2 .git\n", b"l %s 2 b\nf %s 2 a\n"],
)
def test_a_tree_that_may_not_be_written_is_refused(
    connection: Connection, cache: Cache, tmp_path: Path, row: bytes
) -> None:
    text = tree.HEADER + row.replace(b"%s", named(b"aa").encode()).replace(b"%%", b"%")
    found = Given({"t": text, "a": b"aa"})
    send(connection, found)
    content = Content(TREE, named(text), 2, 1)
    with pytest.raises(FormatError):
        receive_output(connection, XXH3, cache, content, str(tmp_path / "to"))
    assert list((tmp_path / "to").iterdir()) == [], "only the directory was made"


def test_what_a_host_keeps_is_got_into_the_cache(
    connection: Connection, cache: Cache, sent: Given
) -> None:
    content = sent.inputs["d"]
    fetch_listings(connection, cache, [content, Content(FILE, named(b"x"), 1)])
    assert cache.missing_below(content.hex) == set(map(named, DIRECTORY.values()))
    fetch_objects(connection, cache, [content])
    assert cache.holds(content) and os.listdir(cache.tmp_path) == []
    assert cache.read(named(LARGE)) == LARGE
    fetch_objects(connection, cache, [content])


# without digests


class Naming:
    """A host that names what it wants as an output that it could not hash."""

    address = Address("gpu1", "", "")

    def __init__(self, *rows: list[object]) -> None:
        self.rows, self.asked = rows, list[object]()

    def request(self, message: ListRaw) -> tuple[dict[str, object], bytes]:
        return {"rows": list(self.rows)}, b""

    def send(self, message: object) -> None:
        self.asked.append(message)

    def receive(self) -> tuple[dict[str, object], bytes]:
        return {}, b"bytes"


def received(tmp_path: Path, *rows: list[object]) -> Path:
    to = tmp_path / "to"
    receive_raw(Naming(*rows), "ab" * 16, 1, "o", str(to))  # type: ignore[arg-type]
    return to


def test_an_output_without_digests_comes_as_its_files(tmp_path: Path) -> None:
    to = received(
        tmp_path,
        ["", "tree", 0, ""],
        ["sub", "tree", 0, ""],
        ["sub/x", "exec", 5, ""],
        ["e", "file", 0, ""],
        ["l", "symlink", 0, "sub"],
    )
    assert as_it_stands(to) == {
        "sub/x": (b"bytes", True),
        "e": (b"", False),
        "l": "sub",
    }


def test_a_single_file_without_a_digest_comes_too(tmp_path: Path) -> None:
    assert received(tmp_path, ["", "file", 5, ""]).read_bytes() == b"bytes"


@pytest.mark.parametrize(
    "rows",
    [
        [["../x", "file", 5, ""]],
        [["", "tree", 0, ""], ["..", "file", 5, ""]],
        [["", "tree", 0, ""], ["a/x", "file", 5, ""]],
        [["", "tree", 0, ""], ["/etc/x", "file", 5, ""]],
        [["", "tree", 0, ""], [".git", "tree", 0, ""]],
        [["", "tree", 0, ""], ["l", "symlink", 0, "/etc"], ["l/x", "file", 5, ""]],
        [["", "tree", 0, ""], ["a//x", "file", 5, ""]],
    ],
)
def test_no_name_of_a_host_leads_out_of_the_output(
    tmp_path: Path, rows: list[list[object]]
) -> None:
    with pytest.raises(FormatError):
        received(tmp_path, *rows)
    assert [path.name for path in tmp_path.rglob("x")] == []


def test_what_is_not_wanted_any_more_is_removed(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "l").symlink_to("d")
    discard(str(tmp_path / "l"))
    assert (tmp_path / "d/e").exists()
    discard(str(tmp_path / "d"))
    discard(str(tmp_path / "d"))
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("receive", [raw, hashed])
def test_a_size_that_no_disk_has_costs_no_memory(receive: Any, tmp_path: Path) -> None:
    host = FakeHost(2**60, b"a few bytes")
    with pytest.raises(IntegrityError, match="gpu1 sent other bytes"):
        receive(host, tmp_path / "out")
    assert host.asked < 10


@pytest.mark.parametrize("said", [2, 4])
def test_a_raw_file_that_is_not_as_long_as_it_was_listed_is_refused(
    said: int, tmp_path: Path
) -> None:
    with pytest.raises(IntegrityError, match="those of out"):
        raw(FakeHost(said, b"123"), tmp_path / "out")


@pytest.mark.parametrize("size", [0, 3, moving.FRAME, 6 * moving.FRAME + 1])
def test_a_raw_file_of_any_size_arrives_whole(size: int, tmp_path: Path) -> None:
    host = FakeHost(size, bytes(size))
    raw(host, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == host.data
