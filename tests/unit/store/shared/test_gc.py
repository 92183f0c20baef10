"""Collecting a remote: forgotten first, deleted later, and never what somebody may
still need.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.errors import FormatError, IntegrityError, RemoteError
from mltrack.objects.content import Content
from mltrack.objects.digest import XXH3
from mltrack.store.catalogue import Whole, encode
from mltrack.store.local.cache import Cache
from mltrack.store.shared import gc
from mltrack.store.shared.deleting import server_time
from mltrack.store.shared.fetch import fetch_objects
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import index_path, object_path
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore
from tests.support.objects import LARGE, again, named, push, silent

NOW = 2.0e9
"""Later than anything that was written by now."""


def collect(
    remote: Remote, cache: Cache, *marked: Content, notes_before: float = 0.0
) -> gc.RemoteGcPlan:
    """One run of a collection that keeps these; returns what it was to do."""
    fresh = again(remote)
    plan = gc.plan(fresh, {one.hex for one in marked}, NOW, notes_before)
    Path(cache.tmp_path).mkdir(parents=True, exist_ok=True)
    gc.execute(fresh, plan, cache.tmp_path)
    return plan


def held(remote: Remote, contents: list[Content], tmp_path: Path) -> set[str]:
    """What a colleague can get of these."""
    place = Cache(str(tmp_path / f"colleague-{len(list(tmp_path.iterdir()))}"), XXH3)
    fetch_objects(place, [again(remote)], {one.hex for one in contents}, silent)
    return {one.hex for one in contents if place.has(one.hex)}


def data_files(store: MemoryStore) -> set[str]:
    return {name for name in store.files if name.startswith(("packs/", "objects/"))}


def age(store: MemoryStore, moment: float = 1.0) -> None:
    store.files = {name: (data, moment) for name, (data, _) in store.files.items()}


# two phases


def test_what_is_not_referred_to_is_forgotten_first_and_deleted_later(
    remote: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    kept = push(cache, remote, b"kept")
    gone = push(cache, remote, b"gone", LARGE)
    before, sizes = data_files(store), remote.sizes()
    first = collect(remote, cache, *kept)
    assert first.objects == 2 and first.bytes == 4 + len(LARGE)
    assert len(first.forgotten) == 2 and not first.due
    assert data_files(store) == before, "something was deleted at once"
    assert held(remote, [*kept, *gone], tmp_path) == {kept[0].hex}
    assert collect(remote, cache, *kept, notes_before=0.0).due == {}
    late = collect(remote, cache, *kept, notes_before=NOW)
    assert set(late.due) >= set(first.forgotten)
    assert sum(late.due.values()) == sum(sizes[name] for name in first.forgotten)
    assert data_files(store) == before - set(first.forgotten)
    assert held(remote, kept, tmp_path) == {kept[0].hex}
    assert collect(remote, cache, *kept, notes_before=NOW).due == {}


def test_what_is_sent_again_meanwhile_is_not_deleted(
    remote: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    contents = push(cache, remote, b"one", LARGE)
    collect(remote, cache)
    later = again(remote)
    assert not later.digests()
    push(cache, later, b"one", LARGE)
    collect(remote, cache, *contents, notes_before=NOW)
    assert held(remote, contents, tmp_path) == {one.hex for one in contents}


def test_what_is_young_stays_whoever_refers_to_it(
    remote: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    old = push(cache, remote, b"old", LARGE)
    age(store)
    young = push(cache, again(remote), b"young", LARGE + b"young")
    plan = gc.plan(again(remote), set(), 1000.0, 0.0)
    assert plan.objects == len(old) and len(plan.forgotten) == 2
    kept = {entry.raw.hex() for found in plan.kept.values() for entry in found}
    assert kept == {one.hex for one in young}


def test_a_pack_of_which_little_is_kept_is_written_anew(
    remote: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    contents = push(cache, remote, b"kept", b"much that nobody needs", b"and more")
    before = data_files(store)
    first = collect(remote, cache, contents[0])
    assert len(first.shrink) == 1 and not first.forgotten
    assert len(data_files(store)) == 2
    collect(remote, cache, contents[0], notes_before=NOW)
    assert not data_files(store) & before
    assert held(remote, contents, tmp_path) == {contents[0].hex}


def test_a_pack_of_which_half_is_kept_stays(
    remote: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    contents = push(cache, remote, b"half", b"Half")
    plan = collect(remote, cache, contents[0])
    assert plan.shrink == () and plan.objects == 1
    assert held(remote, contents, tmp_path) == {contents[0].hex}


def test_a_damaged_pack_is_not_shrunk_and_nothing_is_forgotten(
    remote: Remote, store: MemoryStore, cache: Cache, tmp_path: Path
) -> None:
    contents = push(cache, remote, b"kept", b"much that nobody needs", b"and more")
    [pack] = data_files(store)
    data, moment = store.files[pack]
    store.files[pack] = (data.replace(b"kept", b"kEpt"), moment)
    indexes = again(remote).indexes().keys()
    with pytest.raises(IntegrityError, match="nothing was deleted"):
        collect(remote, cache, contents[0])
    assert again(remote).indexes().keys() == indexes and pack in store.files


@settings(max_examples=40)
@given(
    groups=st.lists(
        st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), max_size=5
    ),
    marked=st.sets(st.integers(0, 9)),
    runs=st.integers(1, 3),
)
def test_however_often_it_is_collected_all_that_is_marked_can_be_had(
    groups: list[list[int]],
    marked: set[int],
    runs: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tmp_path = tmp_path_factory.mktemp("gc")
    cache, store = Cache(str(tmp_path / "cache"), XXH3), MemoryStore()
    remote = Remote("r", store, XXH3, Met(str(tmp_path / "hints")))
    remote.open(create=True)
    objects = [b"object %d" % number * (number + 1) for number in range(10)]
    for group in groups:
        push(cache, again(remote), *(objects[at] for at in group))
    sent = {at for group in groups for at in group}
    contents = {
        at: Content("file", named(objects[at]), len(objects[at])) for at in sent
    }
    keep = [contents[at] for at in sent & marked]
    for _ in range(runs):
        collect(remote, cache, *keep, notes_before=NOW)
        assert held(remote, [*contents.values()], tmp_path) == {one.hex for one in keep}


# what cannot be told


def test_a_remote_that_a_newer_mltrack_wrote_to_is_left_alone(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    push(cache, remote, b"one")
    data = bytearray(encode([Whole(b"\1" * 16, "", 0, 1)], XXH3)[: -XXH3.raw_size])
    data[32 + 1024 + XXH3.raw_size] = 9
    whole = bytes(data) + bytes.fromhex(XXH3.hex_of(bytes(data)))
    store.put(index_path(XXH3.hex_of(whole)), whole)
    with pytest.raises(RemoteError, match="newer mltrack"):
        gc.plan(again(remote), set(), NOW, NOW)


def test_an_index_that_contradicts_itself_stops_it(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    data = bytearray(
        encode([Whole(b"\1" * 16, "11" * 16, 0, 1)], XXH3)[: -XXH3.raw_size]
    )
    at = 32 + 1024 + XXH3.raw_size + 1
    data[at : at + 4] = (5).to_bytes(4, "big")
    whole = bytes(data) + bytes.fromhex(XXH3.hex_of(bytes(data)))
    store.put(index_path(XXH3.hex_of(whole)), whole)
    with pytest.raises(IntegrityError, match="a pack that it does not list"):
        gc.plan(again(remote), set(), NOW, NOW)


def test_a_pack_of_a_lost_index_stays_if_it_holds_what_is_referred_to(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    contents = push(cache, remote, b"one", LARGE)
    for name in list(store.files):
        if name.startswith("index/"):
            del store.files[name]
    marked = {one.hex for one in contents}
    assert gc.has_unnamed_packs(again(remote))
    assert gc.plan(again(remote), marked, NOW, 0.0).forgotten == ()
    assert len(gc.plan(again(remote), set(), NOW, 0.0).forgotten) == 2
    # of these two only one is referred to
    only = gc.plan(again(remote), {contents[0].hex}, NOW, 0.0)
    assert only.forgotten == (object_path(named(LARGE)),)


def test_a_pack_that_cannot_be_read_may_hold_anything(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    push(cache, remote, b"one")
    [pack] = data_files(store)
    store.files = {
        name: (data if name != pack else data[:-1], moment)
        for name, (data, moment) in store.files.items()
        if not name.startswith("index/")
    }
    assert gc.plan(again(remote), {named(b"another")}, NOW, 0.0).forgotten == ()


def test_packs_that_superseded_indexes_name_are_not_unnamed(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    contents = push(cache, remote, b"one")
    assert not gc.has_unnamed_packs(again(remote))
    collect(remote, cache)
    assert not again(remote).digests() and contents
    assert not gc.has_unnamed_packs(again(remote))


# notes


def note(store: MemoryStore, text: str) -> None:
    store.put("gc/aa.json", text.encode())


@pytest.mark.parametrize(
    "names",
    [
        ["packs/../mltrack.json"],
        ["mltrack.json"],
        ["users/x"],
        ["objects/ab/../../x"],
        ["index/x.idx"],
        [7],
    ],
)
def test_a_note_that_names_what_is_not_ours_deletes_nothing(
    remote: Remote, store: MemoryStore, names: list[object]
) -> None:
    note(store, json.dumps({"mltrack": 1, "names": names}))
    with pytest.raises(FormatError, match="names what is not mltrack's own"):
        gc.plan(again(remote), set(), NOW, NOW)


@pytest.mark.parametrize("text", ['{"mltrack": 2, "names": []}', "[]", "{"])
def test_a_note_that_cannot_be_understood_deletes_nothing(
    remote: Remote, store: MemoryStore, text: str
) -> None:
    note(store, text)
    with pytest.raises(FormatError):
        gc.plan(again(remote), set(), NOW, NOW)
    assert gc.plan(again(remote), set(), NOW, 0.0).due == {}, "it is not due yet"


def test_a_note_deletes_no_index_that_counts(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    contents = push(cache, remote, b"one")
    [name] = again(remote).indexes()
    note(store, json.dumps({"mltrack": 1, "names": [index_path(name)]}))
    plan = collect(remote, cache, *contents, notes_before=NOW)
    assert plan.due == {} and plan.notes == ("gc/aa.json",)
    assert name in again(remote).indexes() and "gc/aa.json" not in store.files


def test_the_time_is_the_stores_own(remote: Remote, store: MemoryStore) -> None:
    before = server_time(remote.store)
    assert before == store.files["gc/clock"][1]
    assert server_time(remote.store) >= before
    assert gc.plan(remote, set(), NOW, NOW).notes == ()


# sending


def test_a_pack_is_sent_without_being_published(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    Path(cache.tmp_path).mkdir(parents=True)
    objects = {bytes.fromhex(named(one)): one for one in (b"two", b"one")}
    id_, entries = gc.send_pack(remote, objects, cache.tmp_path)
    data = store.get(f"packs/{id_}.pack")
    assert XXH3.hex_of(data) == id_ and not list(Path(cache.tmp_path).iterdir())
    for entry in entries:
        assert data[entry.offset : entry.offset + entry.size] == objects[entry.raw]
    assert not again(remote).indexes()
    gc.replace_indexes(remote, {id_: entries, "": []}, ())
    assert again(remote).digests() == objects.keys()


def test_one_index_takes_the_place_of_all(
    remote: Remote, store: MemoryStore, cache: Cache
) -> None:
    for one in (b"one", b"two"):
        push(cache, remote, one)
    old = set(remote.indexes())
    entries = [entry for index in remote.indexes().values() for entry in index]
    gc.replace_indexes(remote, {"any": entries[:1]}, old)
    [index] = remote.indexes().values()
    assert set(index.supersedes) == old and list(index) == entries[:1]
