"""Packs: what goes in comes out, and a pack that is not whole is never taken for
one.
"""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import FormatError, IntegrityError, NewerFormatError
from mltrack.objects.content import EXEC, FILE, SYMLINK, TREE, Content
from mltrack.objects.digest import XXH3, algorithm
from mltrack.store import pack
from mltrack.store.catalogue import Whole
from mltrack.store.pack import ANY, TREES, PackWriter

blobs = st.lists(st.binary(max_size=200), unique=True, max_size=40)
HEAD = 16
TRAILER = 16 + XXH3.raw_size + 8


def written(directory: Path, *data: bytes, contents: int = ANY) -> pack.Finished:
    writer = PackWriter(str(directory), XXH3, contents)
    for one in data:
        writer.add(XXH3.hex_of(one), one)
    return writer.finish()


def changed(path: str, at: int, piece: bytes) -> str:
    """A pack beside another one, with some of its bytes changed."""
    data = bytearray(Path(path).read_bytes())
    start = at if at >= 0 else len(data) + at
    data[start : start + len(piece)] = piece
    other = Path(path + ".changed")
    other.write_bytes(data)
    return str(other)


@given(found=blobs)
def test_what_was_added_is_read_back(
    found: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = written(tmp_path_factory.mktemp("pack"), *found)
    assert done.id == XXH3.hex_of(Path(done.temporary).read_bytes())
    assert done.id == pack.digest_of_file(done.temporary, XXH3)
    assert done.size == os.path.getsize(done.temporary)
    index = pack.read_index(done.temporary, XXH3, done.id)
    assert index.data == done.index_data
    assert {entry.raw.hex() for entry in index} == {XXH3.hex_of(one) for one in found}
    # in the order in which they lie there, which is the one in which they were added
    read = list(pack.read_objects(done.temporary, index))
    assert [data for _, data in read if data] == [data for data in found if data]
    assert all(XXH3.hex_of(data) == entry.raw.hex() for entry, data in read)
    assert {entry.pack_id for entry, _ in read} <= {done.id}


def test_what_is_more_than_a_buffer_is_written_as_it_comes(tmp_path: Path) -> None:
    found = [os.urandom(700_000) for _ in range(5)]
    writer = PackWriter(str(tmp_path), XXH3)
    for one in found:
        writer.add(XXH3.hex_of(one), one)
    [file] = tmp_path.iterdir()
    assert file.stat().st_size >= 2_000_000, "it is held in memory"
    done = writer.finish()
    index = pack.read_index(done.temporary, XXH3, done.id)
    assert [data for _, data in pack.read_objects(done.temporary, index)] == found
    whole = XXH3.hex_of(Path(done.temporary).read_bytes())
    assert done.id == whole == pack.digest_of_file(done.temporary, XXH3)


def test_equal_objects_make_equal_packs_and_their_contents_make_others(
    tmp_path: Path,
) -> None:
    one, other = written(tmp_path, b"a", b"b"), written(tmp_path, b"a", b"b")
    trees = written(tmp_path, b"a", b"b", contents=TREES)
    assert one.id == other.id != trees.id
    assert pack.contents_of(one.temporary) == ANY
    assert pack.contents_of(trees.temporary) == TREES


def test_a_pack_that_is_made_durable_meanwhile_is_the_same(tmp_path: Path) -> None:
    writer = PackWriter(str(tmp_path), XXH3)
    writer.add(XXH3.hex_of(b"a"), b"a")
    done = writer.finish_ahead()
    done.synced()
    assert (
        done.id
        == written(tmp_path, b"a").id
        == XXH3.hex_of(Path(done.temporary).read_bytes())
    )


def test_a_disk_that_does_not_keep_a_pack_is_told_when_it_is_waited_for() -> None:
    read, write = os.pipe()
    synced = pack.sync_ahead(write)  # a pipe cannot be made durable
    with pytest.raises(OSError, match="Invalid argument"):
        synced()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(write)
    os.close(read)


def test_a_pack_is_full_by_its_bytes_or_its_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "TARGET_BYTES", 1000)
    monkeypatch.setattr(pack, "TARGET_OBJECTS", 3)
    by_bytes, by_count = (PackWriter(str(tmp_path), XXH3) for _ in range(2))
    by_bytes.add(XXH3.hex_of(b"a"), bytes(900))
    assert not by_bytes.is_full
    by_bytes.add(XXH3.hex_of(b"b"), bytes(100))
    assert by_bytes.is_full
    for number in range(3):
        assert not by_count.is_full
        by_count.add(f"{number:032x}", b"")
    assert by_count.is_full
    by_bytes.discard()
    by_count.discard()


def test_what_was_discarded_leaves_nothing(tmp_path: Path) -> None:
    begun, ended = PackWriter(str(tmp_path), XXH3), PackWriter(str(tmp_path), XXH3)
    ended.finish()
    begun.discard()
    ended.discard()
    begun.discard()
    assert not list(tmp_path.iterdir())


def test_a_pack_is_read_only(tmp_path: Path) -> None:
    assert os.stat(written(tmp_path, b"a").temporary).st_mode & 0o777 == 0o444


@given(cut=st.integers(0, HEAD + 3 + TRAILER))
def test_a_pack_that_was_cut_short_is_told(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = written(tmp_path_factory.mktemp("pack"), b"abc")
    short = Path(done.temporary + ".short")
    short.write_bytes(Path(done.temporary).read_bytes()[:cut])
    with pytest.raises(IntegrityError):
        pack.read_index(str(short), XXH3, done.id)


def test_every_changed_byte_of_head_and_trailer_is_noticed(tmp_path: Path) -> None:
    done = written(tmp_path, b"abc", b"de")
    data = Path(done.temporary).read_bytes()
    for at in (*range(HEAD), *range(-TRAILER, 0)):
        other = changed(done.temporary, at, bytes([data[at] ^ 1]))
        if at == HEAD - 1:  # it says that these are trees; its name says otherwise
            assert pack.contents_of(other) == TREES
            assert pack.digest_of_file(other, XXH3) != done.id
            continue
        with pytest.raises((IntegrityError, FormatError)):
            pack.read_index(other, XXH3, done.id)


def test_a_pack_of_a_newer_format_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    done = written(tmp_path, b"abc")
    newer = changed(done.temporary, 8, struct.pack(">I", 2))
    with pytest.raises(NewerFormatError, match="newer mltrack"):
        pack.read_index(newer, XXH3, done.id)
    with pytest.raises(IntegrityError, match="head"):
        pack.read_index(changed(done.temporary, 8, bytes(4)), XXH3, done.id)


def test_a_pack_of_another_algorithm_is_not_read(tmp_path: Path) -> None:
    done = written(tmp_path, b"abc")
    with pytest.raises(IntegrityError):
        pack.read_index(done.temporary, algorithm("blake3"), done.id)


def test_a_trailer_that_counts_wrong_is_noticed(tmp_path: Path) -> None:
    done = written(tmp_path, b"abc")
    wrong = changed(done.temporary, -TRAILER + 8, struct.pack(">Q", 2))
    with pytest.raises(IntegrityError, match="does not fit its index"):
        pack.read_index(wrong, XXH3, done.id)


def test_an_object_that_a_pack_does_not_reach_to_is_told(tmp_path: Path) -> None:
    done = written(tmp_path, b"abc")
    beyond = [Whole(b"\1" * XXH3.raw_size, done.id, done.size - 1, 2)]
    with pytest.raises(IntegrityError, match="shorter than its index says"):
        list(pack.read_objects(done.temporary, beyond))


@pytest.mark.parametrize(
    ("kind", "size", "small"),
    [
        (FILE, 0, True),
        (EXEC, pack.SMALL_OBJECT - 1, True),
        (SYMLINK, 3, True),
        (FILE, pack.SMALL_OBJECT, False),
        (TREE, 3, False),
    ],
)
def test_small_outputs_are_files_below_the_size_that_packs_take(
    kind: str, size: int, small: bool
) -> None:
    assert pack.is_small(Content(kind, "ab" * 16, size)) == small
