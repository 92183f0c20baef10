"""A remote: never written among other files, never taken for another one, and what it
holds is what its indexes say and can be had.
"""

import json
import os
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import FormatError, IntegrityError, NewerFormatError, RemoteError
from mltrack.objects.digest import XXH3, algorithm
from mltrack.store.catalogue import Whole, alone, encode
from mltrack.store.kinds.store import Abilities
from mltrack.store.local.cache import Cache
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import MARKER, index_path, pack_path
from mltrack.store.shared.ranges import coalesce
from mltrack.store.shared.remote import FEW, MERGE_ABOVE, Remote
from tests.support.memory_store import MemoryStore
from tests.support.objects import again, named, push

ROWS_AT = 32 + 1024
READ_ONLY = Abilities(durable=False, local=True, writable=False)
FAR_AWAY = Abilities(durable=False, local=False, writable=True)


def entry(number: int, pack_id: str = "") -> Whole:
    return Whole(bytes([number]) * XXH3.raw_size, pack_id, 0, 1)


def newer(*entries: Whole) -> bytes:
    """An index whose first row only a newer mltrack knows."""
    data = bytearray(encode(entries, XXH3)[: -XXH3.raw_size])
    data[ROWS_AT + XXH3.raw_size] = 9
    return bytes(data) + bytes.fromhex(XXH3.hex_of(bytes(data)))


def put_index(store: MemoryStore, data: bytes) -> str:
    name = XXH3.hex_of(data)
    store.put(index_path(name), data)
    return name


def put_alone(store: MemoryStore, *entries: Whole) -> None:
    """Puts files of one byte there, which the entries name."""
    for one in entries:
        hex_digest = one.raw.hex()
        store.put(f"objects/{hex_digest[:2]}/{hex_digest[2:]}", b"x")


def met_as(name: str, tmp_path: Path) -> Met:
    return Met(str(tmp_path / "hints"), str(tmp_path / "ids" / name))


def opened(store: MemoryStore, tmp_path: Path, **given: object) -> Remote:
    remote = Remote("r", store, XXH3, met_as("r", tmp_path))
    remote.open(**given)  # type: ignore[arg-type]
    return remote


# becoming a remote, and staying the same one


def test_an_empty_place_becomes_a_remote_only_if_it_is_to(
    store: MemoryStore, tmp_path: Path
) -> None:
    with pytest.raises(RemoteError, match="is not a remote yet") as raised:
        opened(store, tmp_path)
    assert raised.value.absent and not store.files
    made = opened(store, tmp_path, create=True)
    assert made.id == opened(store, tmp_path).id != ""
    assert json.loads(store.get(MARKER)) == {
        "mltrack": 1,
        "hash": "xxh3",
        "id": made.id,
    }


def test_nothing_is_written_among_other_files(
    store: MemoryStore, tmp_path: Path
) -> None:
    store.put("photo.jpg", b"x")
    with pytest.raises(RemoteError, match="not empty and not a remote"):
        opened(store, tmp_path, create=True)
    assert list(store.files) == ["photo.jpg"]


def test_what_was_a_remote_and_is_empty_now_is_not_begun_again(
    store: MemoryStore, tmp_path: Path
) -> None:
    opened(store, tmp_path, create=True)
    store.files.clear()
    with pytest.raises(RemoteError, match="is empty or gone now"):
        opened(store, tmp_path, create=True)
    assert not store.files
    met_as("r", tmp_path).forget()
    opened(store, tmp_path, create=True)


def test_another_remote_at_its_place_is_told(
    store: MemoryStore, tmp_path: Path
) -> None:
    opened(store, tmp_path, create=True)
    exchanged = MemoryStore()
    opened(exchanged, tmp_path / "elsewhere", create=True)
    with pytest.raises(RemoteError, match="another remote than before"):
        opened(exchanged, tmp_path)


def test_a_remote_keeps_what_it_was_met_as_under_another_name(
    store: MemoryStore, tmp_path: Path
) -> None:
    opened(store, tmp_path, create=True)
    met_as("r", tmp_path).rename(met_as("s", tmp_path))
    met_as("nosuch", tmp_path).rename(met_as("t", tmp_path))
    assert os.listdir(tmp_path / "ids") == ["s"]
    store.files.clear()
    opened(store, tmp_path, create=True)  # as r it was never met


def test_of_two_that_begin_at_once_one_joins_the_other(tmp_path: Path) -> None:
    class Late(MemoryStore):
        """Another clone is faster each time."""

        def create(self, name: str, data: bytes) -> bool:
            theirs = {**json.loads(data), "id": "ab" * 16}
            super().create(name, json.dumps(theirs).encode())
            return super().create(name, data)

    assert opened(Late(), tmp_path, create=True).id == "ab" * 16
    assert (tmp_path / "ids/r").read_text() == "ab" * 16 + "\n"


@pytest.mark.parametrize(
    ("marker", "error", "says"),
    [
        (b"[]", FormatError, "not written by mltrack"),
        (b"{}", FormatError, "not written by mltrack"),
        (b"{", FormatError, "not valid JSON"),
        (b'{"mltrack": 2, "hash": "xxh3"}', RemoteError, "newer mltrack"),
        (b'{"mltrack": 1, "hash": "blake3"}', RemoteError, "blake3"),
        (b'{"mltrack": 1}', RemoteError, "xxh3"),
    ],
)
def test_a_marker_that_is_not_ours_is_told(
    store: MemoryStore, tmp_path: Path, marker: bytes, error: type, says: str
) -> None:
    store.put(MARKER, marker)
    with pytest.raises(error, match=says):
        opened(store, tmp_path)
    with pytest.raises(error, match=says):
        opened(store, tmp_path, create=True)
    assert list(store.files) == [MARKER]


def test_what_can_only_be_read_is_not_begun(tmp_path: Path) -> None:
    store = MemoryStore()
    opened(store, tmp_path, create=True)
    store.abilities = READ_ONLY  # type: ignore[misc]
    opened(store, tmp_path)
    with pytest.raises(RemoteError, match="can only be read"):
        opened(store, tmp_path, create=True)


def test_a_place_that_fails_is_not_taken_for_an_empty_one(
    store: MemoryStore, tmp_path: Path
) -> None:
    with (
        mock.patch.object(store, "get", side_effect=RemoteError("no network")),
        pytest.raises(RemoteError, match="no network"),
    ):
        opened(store, tmp_path, create=True)
    assert not store.files


def test_a_lost_marker_is_restored_with_the_id_it_had(
    store: MemoryStore, tmp_path: Path, cache: Cache
) -> None:
    before = opened(store, tmp_path, create=True)
    assert not before.restore_marker()
    push(cache, before, b"one")
    del store.files[MARKER]
    for create in (False, True):
        with pytest.raises(RemoteError, match="has lost its mltrack.json"):
            opened(store, tmp_path, create=create)
    later = Remote("r", store, XXH3, met_as("r", tmp_path))
    assert later.restore_marker()
    assert opened(store, tmp_path).id == before.id


@pytest.mark.parametrize("harm", ["damaged", "newer", "of another algorithm", "none"])
def test_a_marker_is_restored_only_beside_an_index_of_ours(
    store: MemoryStore, tmp_path: Path, harm: str
) -> None:
    data = {
        "damaged": b"nonsense",
        "newer": newer(entry(1)),
        "of another algorithm": encode([], algorithm("blake3")),
        "none": b"",
    }[harm]
    if data:
        put_index(store, data)
        if harm == "damaged":
            store.put(index_path("ab" * 16), data)
            del store.files[index_path(XXH3.hex_of(data))]
    remote = Remote("r", store, XXH3, Met(str(tmp_path / "hints")))
    assert not remote.restore_marker() and MARKER not in store.files


# what is there


def test_a_superseded_index_does_not_count_and_what_supersedes_it_does(
    store: MemoryStore, remote: Remote
) -> None:
    old = put_index(store, encode([entry(1), entry(2)], XXH3))
    assert remote.digests() == {entry(1).raw, entry(2).raw}
    new = put_index(store, encode([entry(1)], XXH3, [old]))
    assert remote.digests() == {entry(1).raw, entry(2).raw}, "it was listed once"
    remote.forget()
    assert list(remote.indexes()) == [new] and remote.digests() == {entry(1).raw}
    assert list(remote.readable_indexes({})) == [new]


def test_files_that_are_no_indexes_by_their_names_are_passed_over(
    store: MemoryStore, remote: Remote
) -> None:
    data = encode([entry(1)], XXH3)
    for name in ("index/x.idx", "index/ab.idx", f"index/{XXH3.hex_of(data)}.tmp"):
        store.put(name, data)
    assert remote.indexes() == {}


def test_a_damaged_index_is_noted_and_a_newer_one_too(
    store: MemoryStore, remote: Remote
) -> None:
    good = put_index(store, encode([entry(1)], XXH3))
    bad = put_index(store, encode([entry(2)], XXH3))
    store.put(index_path(bad), b"cut short")
    odd = put_index(store, newer(entry(3), entry(4)))
    assert remote.digests() == {entry(1).raw, entry(4).raw}
    assert remote.damaged.keys() == {bad} and remote.newer.keys() == {odd}
    assert good in remote.indexes() and not remote.is_understood
    with pytest.raises(RemoteError, match="so it is not collected by this one"):
        remote.require_understood("collected")
    problems: dict[str, str] = {}
    assert remote.readable_indexes(problems).keys() == {good, odd}
    assert problems.keys() == {bad}


def test_an_index_is_read_from_the_copy_as_long_as_the_remote_lists_it(
    store: MemoryStore, remote: Remote
) -> None:
    data = encode([entry(1)], XXH3)
    name = put_index(store, data)
    assert remote.read_index(name, len(data)).data == data
    store.put(index_path(name), b"x" * len(data))
    assert again(remote).read_index(name, len(data)).data == data
    with pytest.raises(IntegrityError, match="do not match its name"):
        again(remote).read_index(name, len(data) - 1)
    copy = Path(remote.met.hints_path, f"{name}.idx")
    store.put(index_path(name), data)
    copy.write_bytes(b"damaged")
    assert again(remote).read_index(name, 7).data == data
    store.files.clear()
    store.put(MARKER, b'{"mltrack": 1, "hash": "xxh3"}')
    assert again(remote).indexes() == {} and not copy.exists()


def test_what_an_index_names_is_present_if_its_bytes_are(
    store: MemoryStore, remote: Remote
) -> None:
    put_index(store, encode([entry(1), entry(2)], XXH3))
    put_alone(store, entry(1))
    present = remote.present()
    assert entry(1).raw in present and entry(2).raw not in present
    put_alone(store, entry(2))
    assert entry(2).raw not in remote.present()
    remote.forget()
    assert entry(2).raw in remote.present()


def test_what_the_objects_in_a_pack_take_is_told_by_the_index_that_names_most(
    store: MemoryStore, remote: Remote
) -> None:
    one, two = "11" * 16, "22" * 16
    raws = [entry(number).raw for number in range(4)]
    put_index(
        store, encode([Whole(raws[0], one, 0, 5), Whole(raws[1], two, 0, 3)], XXH3)
    )
    put_index(store, encode([Whole(raws[2], one, 5, 7)], XXH3))
    assert [remote.stored_in(id_) for id_ in (one, two, "33" * 16)] == [7, 3, 0]


@pytest.mark.parametrize("others", [0, FEW])
@pytest.mark.parametrize("rows", [3, 6000])
def test_objects_are_located_by_few_ranges_as_by_whole_indexes(
    store: MemoryStore, remote: Remote, others: int, rows: int
) -> None:
    id_ = "11" * 16
    filler = [
        Whole(b"\xff" + number.to_bytes(15, "big"), id_, 0, 1) for number in range(rows)
    ]
    old = put_index(store, encode([entry(9), *filler], XXH3))
    put_index(store, encode([entry(1, id_), entry(2)], XXH3, [old]))
    put_index(store, encode([entry(3), *filler], XXH3))
    wanted = {entry(number).raw.hex() for number in (1, 2, 3, 4, 9)}
    wanted |= {f"{number:02x}ee" + "00" * 14 for number in range(others)}
    packed, single, away = remote.locate(wanted)
    assert packed == {id_: [entry(1, id_)]}
    assert sorted(single) == [entry(2), entry(3)]
    assert away == wanted - {entry(number).raw.hex() for number in (1, 2, 3)}


def test_a_place_that_was_found_damaged_is_not_given_again(
    store: MemoryStore, remote: Remote
) -> None:
    one, two, raw = "11" * 16, "22" * 16, entry(1).raw
    for id_ in (one, two):
        put_index(store, encode([Whole(raw, id_, 0, 1)], XXH3))
    packed, _, _ = remote.locate([raw.hex()])
    [first] = packed
    packed, _, _ = remote.locate([raw.hex()], {(first, raw)})
    assert packed.keys() == {one, two} - {first}
    nowhere = remote.locate([raw.hex()], {(one, raw), (two, raw)})
    assert nowhere == ({}, [], {raw.hex()})


def test_an_index_of_a_newer_format_that_is_met_by_ranges_is_noted(
    store: MemoryStore, remote: Remote
) -> None:
    filler = [
        Whole(b"\xff" + number.to_bytes(15, "big"), "", 0, 1) for number in range(6000)
    ]
    name = put_index(store, newer(entry(1), *filler))
    assert remote.locate([entry(1).raw.hex()]) == ({}, [], {entry(1).raw.hex()})
    assert remote.newer.keys() == {name}
    data = bytearray(store.get(index_path(name)))
    data[8:12] = (2).to_bytes(4, "big")
    store.files.clear()
    put_index(store, bytes(data))
    with pytest.raises(NewerFormatError):
        remote.read_index(XXH3.hex_of(bytes(data)), len(data))


# writing


def test_a_push_adds_an_index_and_takes_none_away(
    store: MemoryStore, remote: Remote
) -> None:
    for number in range(3):
        put_alone(store, entry(number))
        remote.publish([entry(number)])
    remote.publish([])
    assert len(remote.indexes()) == 3
    assert remote.digests() == {entry(number).raw for number in range(3)}


def test_many_indexes_become_one_that_names_all_of_them(
    store: MemoryStore, remote: Remote
) -> None:
    for number in range(MERGE_ABOVE + 1):
        put_alone(store, entry(number))
        remote.publish([entry(number)])
    assert len(remote.indexes()) == 1
    [index] = remote.indexes().values()
    assert len(index.supersedes) == MERGE_ABOVE
    assert remote.digests() == {entry(n).raw for n in range(MERGE_ABOVE + 1)}


def test_a_newer_index_is_not_superseded(store: MemoryStore, remote: Remote) -> None:
    odd = put_index(store, newer(entry(200), entry(201)))
    for number in range(MERGE_ABOVE + 1):
        put_alone(store, entry(number))
        remote.publish([entry(number)])
    assert odd in remote.indexes() and len(remote.indexes()) == 2


def test_what_is_lost_is_named_no_more_by_the_next_index(
    store: MemoryStore, remote: Remote
) -> None:
    put_alone(store, entry(1), entry(2))
    remote.publish([entry(1), entry(2)])
    store.delete([f"objects/{'01' * 16}"[:10] + "/" + "01" * 15])
    remote.forget()
    put_alone(store, entry(3))
    remote.publish([entry(3)])
    assert len(remote.indexes()) == 1 and remote.present().is_whole
    assert remote.digests() == {entry(2).raw, entry(3).raw}


def test_an_index_of_a_superseded_name_takes_over_what_superseded_it(
    store: MemoryStore, remote: Remote
) -> None:
    put_alone(store, entry(1), entry(2))
    remote.publish([entry(1)])
    [old] = remote.indexes()
    # as a collection there does that forgets the first
    put_index(store, encode([entry(2)], XXH3, [old]))
    remote.forget()
    assert remote.digests() == {entry(2).raw}
    remote.publish([entry(1)])
    assert remote.digests() == {entry(1).raw, entry(2).raw}


def test_a_damaged_index_is_replaced_by_an_equal_one(
    store: MemoryStore, remote: Remote
) -> None:
    put_alone(store, entry(1))
    remote.publish([entry(1)])
    [name] = remote.indexes()
    store.put(index_path(name), b"damaged")
    later = again(remote)
    assert later.digests() == set()
    later.publish([entry(1)])
    assert again(remote).digests() == {entry(1).raw}


def test_a_file_is_brought_for_the_length_of_a_block(
    store: MemoryStore, remote: Remote, tmp_path: Path
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    store.put("x", b"bytes")
    with remote.fetched("x", str(place)) as path:
        assert Path(path).read_bytes() == b"bytes" and Path(path).parent == place
    with pytest.raises(FileNotFoundError), remote.fetched("y", str(place)):
        pass
    with pytest.raises(KeyError), remote.fetched("x", str(place)):
        raise KeyError
    assert not list(place.iterdir())


def test_what_was_heard_of_a_remote_can_be_forgotten(
    remote: Remote, cache: Cache
) -> None:
    push(cache, remote, b"one")
    hints = Path(remote.met.hints_path)
    assert hints.is_dir() and Path(remote.met.hints_path + ".whole").exists() is False
    Path(remote.met.hints_path + ".whole").write_text("x")
    remote.met.forget()
    assert not hints.exists() and not Path(remote.met.hints_path + ".whole").exists()
    remote.met.forget()


def test_only_a_store_far_away_has_several_requests_at_once(tmp_path: Path) -> None:
    store = MemoryStore()
    assert Remote("r", store, XXH3, Met(str(tmp_path)), jobs=8).jobs == 1
    store.abilities = FAR_AWAY  # type: ignore[misc]
    assert Remote("r", store, XXH3, Met(str(tmp_path)), jobs=8).jobs == 8
    assert Remote("r", store, XXH3, Met(str(tmp_path)), jobs=0).jobs == 1


# ranges of a pack


@given(
    sizes=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=30),
    gap=st.integers(0, 30),
    longest=st.integers(1, 100),
)
def test_neighbours_are_read_together_and_each_object_once(
    sizes: list[tuple[int, int]], gap: int, longest: int
) -> None:
    entries, at = [], 0
    for number, (between, size) in enumerate(sizes):
        at += between
        entries.append(Whole(bytes([number]) * 16, "p", at, size))
        at += size
    ranges = list(coalesce(reversed(entries), gap, longest))
    assert [one for _, _, group in ranges for one in group] == entries
    for offset, length, group in ranges:
        assert offset == group[0].offset
        assert offset + length == max(one.offset + one.size for one in group)
        assert length <= longest or len(group) == 1
        for one, following in pairwise(group):
            assert following.offset - (one.offset + one.size) <= gap
    for (offset, length, _), (following, _, group) in pairwise(ranges):
        end = group[0].offset + group[0].size
        # gaps of so few bytes are all in bounds
        assert following - (offset + length) > gap or end - offset > longest


@given(
    layout=st.lists(
        st.tuples(st.integers(1_000, 70_000), st.integers(1, 20_000)),
        min_size=30,
        max_size=60,
    )
)
def test_little_is_read_that_nobody_wants(layout: list[tuple[int, int]]) -> None:
    entries, at = [], 0
    for number, (between, size) in enumerate(layout):
        at += between
        entries.append(Whole(number.to_bytes(16, "big"), "p", at, size))
        at += size
    wanted = sum(entry.size for entry in entries)
    read = sum(length for _, length, _ in coalesce(entries))
    assert read <= max(wanted * 1.2, wanted + (256 << 10))


def test_names_of_packs_are_those_of_their_bytes(
    store: MemoryStore, remote: Remote, cache: Cache
) -> None:
    push(cache, remote, b"one")
    [pack] = [name for name in store.files if name.startswith("packs/")]
    assert pack == pack_path(named(store.get(pack)))
    assert alone(named(b"one"), 3).raw in remote.digests()
