"""What fsspec's file systems do differently, made one: parts, times, names, faults."""

import os
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import ConfigError, RemoteError, how_to_add
from mltrack.store.kinds import fsspec_store as module
from mltrack.store.kinds.fsspec_door import info_of
from mltrack.store.kinds.fsspec_store import FsspecRemote
from mltrack.store.kinds.kind import FSSPEC, Kind
from mltrack.store.kinds.known import memory
from mltrack.store.kinds.manner import PART_BYTES, Manner
from mltrack.store.kinds.most_bytes import MOST_BYTES


@pytest.fixture
def store() -> FsspecRemote:
    return FsspecRemote(f"memory://{uuid.uuid4().hex}/deep/", {}, memory.KIND)


def pretending(store: FsspecRemote, **calls: Any) -> list[tuple[str, Any]]:
    """Lets the file system answer as it is told; returns what it is asked."""
    asked: list[tuple[str, Any]] = []
    for name, answer in calls.items():

        def call(
            *arguments: Any, name: str = name, answer: Any = answer, **named: Any
        ) -> Any:
            asked.append((name, (*arguments, named)))
            if isinstance(answer, Exception):
                raise answer
            return answer(*arguments, **named) if callable(answer) else answer

        setattr(store._fs, name, call)
    return asked


# reading


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("size", [0, 10, PART_BYTES, 4 * PART_BYTES + 7])
def test_a_file_is_fetched_in_parts(
    store: FsspecRemote, tmp_path: Path, size: int, at_once: int
) -> None:
    data = os.urandom(size)
    store.put("x", data)
    bounds: list[int] = []
    pieces = store._pieces

    def noting(place: str, starts: Sequence[int], ends: Sequence[int]) -> Any:
        assert len(starts) <= at_once
        bounds.append(MOST_BYTES.get())
        return pieces(place, starts, ends)

    store._pieces = noting  # type: ignore[method-assign]
    store.fetch("x", str(tmp_path / "to"), at_once=at_once)
    assert (tmp_path / "to").read_bytes() == data
    parts = -(-size // PART_BYTES)
    assert len(bounds) == -(-parts // at_once)
    assert all(PART_BYTES <= bound < 2 * PART_BYTES for bound in bounds)


def test_a_part_that_is_short_may_be_asked_for_again(
    store: FsspecRemote, tmp_path: Path
) -> None:
    store.put("x", b"12345")
    pretending(store, cat_file=b"123")
    with pytest.raises(RemoteError, match="gave 3 of 5 bytes") as raised:
        store.fetch("x", str(tmp_path / "to"))
    assert raised.value.retryable


def test_ranges_are_asked_for_as_such_and_empty_ones_not_at_all(
    store: FsspecRemote,
) -> None:
    store.put("x", b"0123456789")
    asked = pretending(store, cat_file=b"??")
    assert store.get("x", 3, 2) == b"??" and store.get("x", 3) == b"??"
    assert store.get("x", 3, 0) == b""
    assert [named for _, (_, named) in asked] == [
        {"start": 3, "end": 5},
        {"start": 3, "end": None},
    ]


@pytest.mark.parametrize(
    ("name", "most"),
    [("index/x.idx", 1 << 30), ("packs/x.pack", 1 << 30), ("mltrack.json", 16 << 20)],
)
def test_an_answer_is_bounded_by_what_is_expected(
    store: FsspecRemote, name: str, most: int
) -> None:
    seen: list[int] = []
    pretending(store, cat_file=lambda *_, **__: seen.append(MOST_BYTES.get()) or b"")
    store.get(name)
    store.get(name, 0, 100)
    assert most <= seen[0] < most + (1 << 20) and 100 <= seen[1] < 1 << 20


def test_names_below_a_directory_are_relative_and_half_written_ones_left_out(
    store: FsspecRemote,
) -> None:
    for name in ("a/b", "a/c/d", "e", "tmp/half"):
        store.put(name, b"xy")
    assert sorted(item.name for item in store.list("")) == ["a/b", "a/c/d", "e"]
    assert sorted(item.name for item in store.list("a/")) == ["a/b", "a/c/d"]
    assert list(store.list("nowhere")) == []
    assert {item.size for item in store.list("a")} == {2}
    assert store.missing(["a", "a/b", "x"]) == {"a", "x"}


def test_a_listing_whose_bucket_is_gone_is_told(store: FsspecRemote) -> None:
    pretending(store, find=FileNotFoundError("The specified bucket does not exist"))
    with pytest.raises(RemoteError, match="no such bucket"):
        list(store.list(""))


@pytest.mark.parametrize(
    ("info", "moment"),
    [
        ({"LastModified": datetime.fromtimestamp(7.5, UTC)}, 7.5),
        ({"last_modified": datetime.fromtimestamp(7, UTC)}, 7.0),
        ({"updated": "1970-01-01T00:00:07.5Z"}, 7.5),
        ({"mtime": 7}, 7.0),
        ({"created": 7.5}, 7.5),
        ({"LastModified": None, "created": 7.5}, 7.5),
        ({}, 0.0),
    ],
)
def test_the_time_of_writing_is_read_in_whatever_form(
    store: FsspecRemote, info: dict[str, Any], moment: float
) -> None:
    path = f"{store._root}/x"
    pretending(store, find={path: {"size": 3, **info}})
    [item] = store.list("")
    assert item == ("x", 3, moment)


def test_of_a_web_servers_page_the_links_are_the_names() -> None:
    kind = Kind(("memory",), FSSPEC, manner=Manner(writable=False))
    store = FsspecRemote("memory://page", {}, kind)
    asked = pretending(
        store, ls=lambda place, detail: [f"{place}x", f"{place}sub/", f"{place}y"]
    )
    assert [item.name for item in store.list("dir")] == ["dir/x", "dir/y"]
    assert asked == [("ls", ("/page/dir/", {"detail": False}))]
    assert not store.abilities.writable


# writing


@given(st.integers(0, 50 << 40))
def test_a_file_of_any_size_fits_into_the_parts_that_there_may_be(size: int) -> None:
    part = module._part_bytes(size)
    assert part * 10_000 >= size and part % (256 << 10) == 0
    assert part <= max(256 << 10, size // 9_000 + (256 << 10))


def test_a_file_goes_in_parts_as_large_and_as_many_at_once_as_they_are_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manner = Manner(
        sending={"chunksize": 5 << 20}, concurrency="jobs", replacing={"over": True}
    )
    store = FsspecRemote("memory://x", {}, Kind(("memory",), FSSPEC, manner=manner))
    (tmp_path / "file").write_bytes(b"x")
    asked = pretending(store, put_file=None)
    store.put_file("n", str(tmp_path / "file"), at_once=3)
    monkeypatch.setattr(os.path, "getsize", lambda path: 9_000 * (8 << 20))
    store.put_file("n", str(tmp_path / "file"))
    given = [{**arguments[-1]} for _, arguments in asked]
    assert all(callable(one.pop("callback").relative_update) for one in given)
    assert given == [
        {"chunksize": 5 << 20, "over": True, "jobs": 3},
        {"chunksize": 8 << 20, "over": True, "jobs": 1},
    ]


def test_who_is_first_to_create_a_name_is_told_so(store: FsspecRemote) -> None:
    assert store.create("n", b"first") and not store.create("n", b"second")
    assert store.get("n") == b"first"
    pretending(store, pipe_file=type("NoCredentialsError", (Exception,), {})("x"))
    with pytest.raises(RemoteError, match="no credentials"):
        store.create("m", b"")


def test_what_is_gone_already_is_passed_over(store: FsspecRemote) -> None:
    store.put("a", b"")
    store.delete(["x", "a", "a"])
    assert list(store.list("")) == []


def test_uploads_that_nobody_completes_are_given_up(store: FsspecRemote) -> None:
    assert store.clean(1e9) == 0, "only S3 keeps them"
    old, new = (datetime.fromtimestamp(moment, UTC) for moment in (100, 200))
    store._root = "bucket/deep"
    uploads = [
        {"Key": "deep/a", "UploadId": "1", "Initiated": old},
        {"Key": "deep/b", "UploadId": "2", "Initiated": new},
        {"Key": "deeper/c", "UploadId": "3", "Initiated": old},
    ]
    asked = pretending(store, call_s3=lambda call, **named: {"Uploads": uploads})
    assert store.clean(150) == 1
    assert [named["UploadId"] for _, (*_, named) in asked if "UploadId" in named] == [
        "1"
    ]


# faults


@pytest.mark.parametrize("name", ["/abs", "..", "a/../b"])
def test_no_name_leads_out_of_it(store: FsspecRemote, name: str) -> None:
    for ask in (
        store.get,
        lambda one: store.put(one, b""),
        lambda one: [*store.list(one)],
    ):
        if name == "/abs" and ask is not store.get:
            continue  # a prefix may begin with a slash
        with pytest.raises(RemoteError, match="not a name in a remote"):
            ask(name)


def test_faults_are_told_in_our_words(store: FsspecRemote, tmp_path: Path) -> None:
    fault = type("EndpointConnectionError", (Exception,), {})("why")
    pretending(
        store, cat_file=fault, size=fault, pipe_file=fault, rm_file=fault, find=fault
    )
    for act in (
        lambda: store.get("x"),
        lambda: store.fetch("x", str(tmp_path / "to")),
        lambda: store.put("x", b""),
        lambda: store.delete(["x"]),
        lambda: list(store.list("")),
    ):
        with pytest.raises(RemoteError, match="cannot be reached: why") as raised:
            act()
        assert raised.value.retryable


def test_a_file_system_that_cannot_be_had_is_named() -> None:
    kind = Kind(("nosuch",), FSSPEC, library="nosuch-fs")
    with pytest.raises(ConfigError, match="need a library") as raised:
        FsspecRemote("nosuch://x", {}, kind)
    assert raised.value.hint == how_to_add("nosuch-fs")


def test_what_stands_at_an_address_is_asked_anew(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1")
    assert info_of(f"local://{tmp_path}/x")["size"] == 1
    (tmp_path / "x").write_bytes(b"12")
    assert info_of(f"local://{tmp_path}/x")["size"] == 2
