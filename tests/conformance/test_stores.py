"""One suite for every store: what the protocol promises, and objects moved over it."""

import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import FormatError, IntegrityError, MissingObjectError, RemoteError
from mltrack.objects import tree
from mltrack.objects.content import FILE, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.kinds.directory import DirectoryRemote
from mltrack.store.kinds.opening import open_store
from mltrack.store.kinds.store import Store
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import TREES
from mltrack.store.shared import gc as remote_gc
from mltrack.store.shared import transfer
from mltrack.store.shared.fetch import fetch
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import MARKER, pack_path
from mltrack.store.shared.present import Present
from mltrack.store.shared.push import push, push_contents
from mltrack.store.shared.remote import Remote
from tests.services.servers import WRITABLE
from tests.services.service import Service
from tests.support.memory_store import MemoryStore

NO_CONDITIONS = {"s3-rclone": "rclone's server", "gs": "the emulator of GCS"}
"""Servers that overwrite whatever the condition says; the real ones do not."""


@pytest.fixture(params=["directory", "memory", "fsspec-memory", *WRITABLE])
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    serve: Callable[[type[Service]], Any],
) -> Store:
    made: Store
    if request.param == "directory":
        made = DirectoryRemote(str(tmp_path / "store"))
    elif request.param == "memory":
        made = MemoryStore()
    elif request.param == "fsspec-memory":
        pytest.importorskip("fsspec")
        made = open_store(f"memory://{tmp_path.name}-{uuid.uuid4().hex}", "")
    else:
        service = serve(WRITABLE[request.param])
        made = open_store(service.url(uuid.uuid4().hex), "", service.settings())
    made.put("start", b"x")
    return made


def quiet(event: object) -> None:
    pass


def test_what_was_put_is_got_whole_and_in_ranges(store: Store) -> None:
    store.put("a/b/c", bytes(range(200)))
    assert store.get("a/b/c") == bytes(range(200))
    assert store.get("a/b/c", 10, 5) == bytes(range(10, 15))
    assert store.get("a/b/c", 190) == bytes(range(190, 200))
    assert store.get("a/b/c", 190, 100) == bytes(range(190, 200))


def test_a_file_is_put_and_fetched(store: Store, tmp_path: Path) -> None:
    # the emulator of GCS loses a carriage return at the end
    data = os.urandom(3 << 20) + b"."
    (tmp_path / "in").write_bytes(data)
    store.put_file("big", str(tmp_path / "in"))
    store.fetch("big", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == data


def test_a_name_that_does_not_exist_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.get("nosuch")
    with pytest.raises(FileNotFoundError):
        store.fetch("nosuch", str(tmp_path / "out"))
    assert store.missing(["start", "nosuch", "a/b"]) == {"nosuch", "a/b"}


def test_listing_names_everything_below_a_directory_with_sizes(store: Store) -> None:
    store.put("d/one", b"1")
    store.put("d/e/two", b"22")
    store.put("dd/three", b"333")
    assert {(item.name, item.size) for item in store.list("d")} == {
        ("d/one", 1),
        ("d/e/two", 2),
    }
    assert list(store.list("nosuch")) == []
    assert all(item.modified > 1e9 for item in store.list("d"))


def test_deleting_passes_over_what_is_gone(store: Store) -> None:
    store.put("one", b"1")
    store.delete(["one", "nosuch"])
    assert store.missing(["one"]) == {"one"}


def test_two_writers_of_one_name_both_succeed(store: Store) -> None:
    errors: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(20):
                store.put(f"same/{number}", b"equal bytes")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert {item.size for item in store.list("same")} == {11} and len(
        list(store.list("same"))
    ) == 20


def test_of_several_creators_exactly_one_succeeds(
    store: Store, request: pytest.FixtureRequest
) -> None:
    param = request.node.callspec.params["store"]
    if param in NO_CONDITIONS:
        pytest.skip(f"{NO_CONDITIONS[param]} ignores conditions")
    made: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: made.append(store.create("one", b"%d" % n)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 7 + [True]


# objects over the store


@pytest.fixture
def remote(store: Store, tmp_path: Path) -> Remote:
    store.delete(["start"])
    made = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))
    made.open(create=True)
    return made


def new_cache(path: Path) -> Cache:
    return Cache(str(path), XXH3)


def furnish(cache: Cache, count: int = 30) -> Content:
    """Writes a tree of small files, a large one, and a subdirectory."""
    with CacheWriter(cache) as writer:
        below = [(b"%d" % n, "f", writer.put(b"small %d" % n), 8) for n in range(count)]
        sub = writer.put(tree.encode(below), TREES)
        large = writer.put(b"L" * (2 << 20))
        top = tree.encode(
            [(b"sub", "d", sub, 8 * count), (b"large", "f", large, 2 << 20)]
        )
        content = Content(
            TREE, writer.put(top, TREES), 8 * count + (2 << 20), count + 1
        )
        writer.finish()
    return content


def test_what_was_pushed_is_fetched_by_another_cache(
    remote: Remote, tmp_path: Path
) -> None:
    cache = new_cache(tmp_path / "a")
    content = furnish(cache)
    need = transfer.needed(cache, [content], remote.present())
    assert push(cache, remote, need, quiet).objects == 33
    assert transfer.needed(cache, [content], remote.present()).total == 0
    other = new_cache(tmp_path / "b")
    with other.in_use():
        fetch(other, [remote], [content], quiet)
    assert other.holds(content)


def test_one_small_object_is_fetched_without_its_neighbours(
    remote: Remote, tmp_path: Path
) -> None:
    cache = new_cache(tmp_path / "a")
    content = furnish(cache)
    push(cache, remote, transfer.needed(cache, [content], Present((), {})), quiet)
    other = new_cache(tmp_path / "b")
    with other.in_use():
        moved = fetch(
            other, [remote], [Content(FILE, XXH3.hex_of(b"small 7"), 7)], quiet
        )
    assert moved.bytes == 7 and other.read(XXH3.hex_of(b"small 7")) == b"small 7"


def test_nothing_exists_for_others_before_the_index_does(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache(tmp_path / "a")
    content = furnish(cache)
    monkeypatch.setattr(
        remote, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt())
    )
    with pytest.raises(KeyboardInterrupt):
        push(cache, remote, transfer.needed(cache, [content], Present((), {})), quiet)
    fresh = Remote("store", remote.store, XXH3, Met(str(tmp_path / "hints2")))
    assert fresh.digests() == set()
    sent = {item.name for item in fresh.store.list("packs")}
    again = push(
        cache, fresh, transfer.needed(cache, [content], fresh.present()), quiet
    )
    assert {item.name for item in fresh.store.list("packs")} == sent, (
        "finished packs were made anew"
    )
    assert again.bytes == 0, "finished packs were sent again"


def test_a_pack_that_is_sent_whole_publishes_only_what_was_asked_for(
    remote: Remote, tmp_path: Path
) -> None:
    cache = new_cache(tmp_path / "a")
    with CacheWriter(cache) as writer:  # two trees in one pack; only one is pushed
        asked_file, other_file = writer.put(b"asked"), writer.put(b"other" * (1 << 19))
        asked = writer.put(tree.encode([(b"f", "f", asked_file, 5)]), TREES)
        other = writer.put(tree.encode([(b"f", "f", other_file, 5 << 19)]), TREES)
        writer.finish()
    push(
        cache,
        remote,
        transfer.needed(cache, [Content(TREE, asked, 5)], Present((), {})),
        quiet,
    )
    need = transfer.needed(cache, [Content(TREE, other, 5 << 19)], remote.present())
    assert set(need.objects) == {other_file}, (
        "a tree counted as pushed before what is below it"
    )


def test_a_truncated_or_flipped_index_is_told(remote: Remote, tmp_path: Path) -> None:
    cache = new_cache(tmp_path / "a")
    push(
        cache, remote, transfer.needed(cache, [furnish(cache)], Present((), {})), quiet
    )
    name = next(item.name for item in remote.store.list("index"))
    data = remote.store.get(name)
    for damaged in (data[:-1], data[:40] + b"\xff" + data[41:], b""):
        remote.store.delete([name])
        remote.store.put(name, damaged)
        again = Remote(
            "store", remote.store, XXH3, Met(str(tmp_path / f"hints{len(damaged)}"))
        )
        assert not again.digests() and len(again.damaged) == 1, (
            "what it names counts as not there, and is sent again"
        )


def test_a_flipped_byte_in_a_pack_or_object_never_enters_the_cache(
    remote: Remote, tmp_path: Path
) -> None:
    cache = new_cache(tmp_path / "a")
    content = furnish(cache)
    push(cache, remote, transfer.needed(cache, [content], Present((), {})), quiet)
    for item in list(remote.store.list("packs")) + list(remote.store.list("objects")):
        whole = remote.store.get(item.name)
        remote.store.delete([item.name])
        remote.store.put(item.name, whole[:20] + bytes([whole[20] ^ 1]) + whole[21:])
        other = new_cache(tmp_path / "other" / item.name.replace("/", "-"))
        with other.in_use(), pytest.raises(IntegrityError):
            fetch(other, [remote], [content], quiet)
        assert all(
            other.read(hex_digest)
            for hex_digest in [content.hex]
            if other.has(hex_digest)
        )
        remote.store.delete([item.name])
        remote.store.put(item.name, whole)
    other = new_cache(tmp_path / "whole")
    with other.in_use():
        fetch(other, [remote], [content], quiet)


def test_an_object_that_an_index_names_and_nothing_holds_is_told(
    remote: Remote, tmp_path: Path
) -> None:
    cache = new_cache(tmp_path / "a")
    content = furnish(cache)
    push(cache, remote, transfer.needed(cache, [content], Present((), {})), quiet)
    remote.store.delete([item.name for item in remote.store.list("packs")])
    other = new_cache(tmp_path / "b")
    with (
        other.in_use(),
        pytest.raises(IntegrityError, match="is not there, though an index names it"),
    ):
        fetch(other, [remote], [content], quiet)


def test_an_object_in_no_remote_is_told_by_digest(
    remote: Remote, tmp_path: Path
) -> None:
    other = new_cache(tmp_path / "b")
    with other.in_use(), pytest.raises(MissingObjectError, match="xxh3:"):
        fetch(other, [remote], [Content(FILE, "0" * 32, 1)], quiet)


def test_a_place_with_other_files_is_never_made_a_remote(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(RemoteError, match="not empty"):
        Remote("store", store, XXH3, Met(str(tmp_path / "hints"))).open(create=True)


def test_a_remote_of_a_newer_format_or_other_digests_is_refused(
    store: Store, tmp_path: Path
) -> None:
    for text in (
        b'{"mltrack": 2, "hash": "xxh3"}',
        b'{"mltrack": 1, "hash": "blake3"}',
    ):
        store.put("mltrack.json", text, replace=True)
        with pytest.raises(RemoteError):
            Remote("store", store, XXH3, Met(str(tmp_path / "hints"))).open()


class Counting:
    """A store that counts the bytes that are read from it."""

    def __init__(self, store: Store) -> None:
        self.store, self.read = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        data = self.store.get(name, offset, length)
        self.read += len(data)
        return data


def test_one_object_of_many_is_found_by_ranges_of_the_index(tmp_path: Path) -> None:
    store = Counting(MemoryStore())
    remote = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))  # type: ignore[arg-type]
    remote.open(create=True)
    cache = new_cache(tmp_path / "a")
    content = furnish(cache, 20_000)
    push(cache, remote, transfer.needed(cache, [content], Present((), {})), quiet)
    fresh = Remote("store", store, XXH3, Met(str(tmp_path / "other-hints")))  # type: ignore[arg-type]
    store.read = 0
    other = new_cache(tmp_path / "b")
    with other.in_use():
        fetch(other, [fresh], [Content(FILE, XXH3.hex_of(b"small 777"), 9)], quiet)
    assert other.read(XXH3.hex_of(b"small 777")) == b"small 777"
    assert store.read < 100_000
    assert sum(item.size for item in store.list("index")) > 800_000


def test_a_push_during_which_the_remote_forgets_sends_again_what_it_relied_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    remote = Remote("store", store, XXH3, Met(str(tmp_path / "hints")))
    remote.open(create=True)
    cache = new_cache(tmp_path / "a")
    content = furnish(cache)
    # there, but about to be garbage
    push_contents(cache, remote, [Content(FILE, XXH3.hex_of(b"small 3"), 7)], quiet)
    publish = remote.publish

    def forget_then_publish(*given: Any) -> None:
        other = Remote("store", store, XXH3, Met(str(tmp_path / "gc-hints")))
        plan = remote_gc.plan(other, set(), float("inf"), 0)
        remote_gc.execute(other, plan, cache.tmp_path)
        monkeypatch.setattr(remote, "publish", publish)
        publish(*given)

    monkeypatch.setattr(remote, "publish", forget_then_publish)
    push_contents(cache, remote, [content], quiet)
    fresh = Remote("store", store, XXH3, Met(str(tmp_path / "hints2")))
    assert not transfer.needed(cache, [content], fresh.present()).objects
    other = new_cache(tmp_path / "b")
    with other.in_use():
        fetch(other, [fresh], [content], quiet)
    assert other.holds(content)


def test_a_note_of_garbage_that_names_other_files_deletes_nothing(
    remote: Remote, tmp_path: Path
) -> None:
    remote.store.put(
        "gc/evil.json",
        b'{"mltrack": 1, "names": ["mltrack.json", "../x", "packs/zz.pack"]}',
    )
    with pytest.raises(FormatError, match="nothing was deleted"):
        remote_gc.plan(remote, set(), 0, float("inf"))
    assert not remote.store.missing([MARKER])


def test_what_is_lost_in_a_remote_is_sent_again_though_the_listings_above_it_are_there(
    remote: Remote, tmp_path: Path
) -> None:
    cache = new_cache(tmp_path / "a")
    content = furnish(cache)
    push_contents(cache, remote, [content], quiet)
    for index in remote.indexes().values():
        entry = index.whole(bytes.fromhex(XXH3.hex_of(b"small 7")))
        if entry is not None:
            remote.store.delete([pack_path(entry.pack_id)])
    fresh = Remote("store", remote.store, XXH3, Met(str(tmp_path / "hints2")))
    assert push_contents(cache, fresh, [content], quiet).objects == 30
    other = new_cache(tmp_path / "b")
    with other.in_use():
        fetch(
            other,
            [Remote("store", remote.store, XXH3, Met(str(tmp_path / "hints3")))],
            [content],
            quiet,
        )
    assert other.holds(content)
