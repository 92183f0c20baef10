"""What an index says of objects: whole, in chunks, or nothing."""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import FormatError, IntegrityError, NewerFormatError
from mltrack.objects.digest import XXH3, algorithm
from mltrack.store.catalogue import (
    UNLISTED,
    Catalogue,
    Chunked,
    RangedCatalogue,
    Whole,
    alone,
    encode,
    encode_own,
)

DIGEST_SIZE = XXH3.raw_size
ROWS_AT = 32 + 1024
ROW_SIZE = DIGEST_SIZE + 29
PACKS = ("11" * 16, "22" * 16)

entries = st.dictionaries(
    st.binary(min_size=DIGEST_SIZE, max_size=DIGEST_SIZE),
    st.tuples(
        st.sampled_from(["", *PACKS]), st.integers(0, 1 << 40), st.integers(0, 1 << 40)
    ),
    max_size=300,
).map(
    lambda found: [
        Whole(raw, id_, offset if id_ else 0, size)
        for raw, (id_, offset, size) in found.items()
    ]
)


def raw(number: int) -> bytes:
    return bytes([number]) * DIGEST_SIZE


def rewritten(data: bytes, changes: Iterable[tuple[int, bytes]]) -> bytes:
    """The bytes of an index with some changed, and its own digest right again."""
    fresh = bytearray(data[:-DIGEST_SIZE])
    for at, piece in changes:
        fresh[at : at + len(piece)] = piece
    return bytes(fresh) + bytes.fromhex(XXH3.hex_of(bytes(fresh)))


def kind_at(row: int) -> int:
    return ROWS_AT + row * ROW_SIZE + DIGEST_SIZE


def ranged(data: bytes) -> RangedCatalogue:
    return RangedCatalogue(
        lambda at, length: data[at : at + length], len(data), XXH3, "i"
    )


@given(
    entries, st.sets(st.binary(min_size=DIGEST_SIZE, max_size=DIGEST_SIZE), max_size=3)
)
def test_what_was_written_is_read(written: list[Whole], others: set[bytes]) -> None:
    data = encode(written, XXH3, ["ab" * 16])
    read = Catalogue(data, XXH3, "i")
    expected = {entry.raw: entry for entry in written}
    others -= expected.keys()
    assert list(read) == sorted(written)
    assert read.digests() == expected.keys()
    assert read.supersedes == ["ab" * 16]
    assert read.is_understood
    for some in (set(expected), set(sorted(expected)[:2])):
        assert {entry.raw: entry for entry in read.among(some | others)} == {
            item: expected[item] for item in some
        }
        assert {entry.raw: entry for entry in ranged(data).among(some | others)} == {
            i: expected[i] for i in some
        }
    assert not any(read.whole(item) for item in others)
    sizes: dict[str, int] = {}
    for entry in written:
        sizes[entry.pack_id] = sizes.get(entry.pack_id, 0) + entry.size
    assert read.pack_bytes() == sizes


def test_the_index_of_a_pack_names_that_pack() -> None:
    read = Catalogue(encode_own([(raw(1), 17, 5)], XXH3), XXH3, "i", pack_id=PACKS[0])
    assert list(read) == [Whole(raw(1), PACKS[0], 17, 5)]


def test_an_object_in_chunks_is_not_whole() -> None:
    data = rewritten(
        encode([alone("01" * 16, 9), alone("02" * 16, 9)], XXH3), [(kind_at(1), b"\1")]
    )
    for read in (Catalogue(data, XXH3, "i"), ranged(data)):
        assert read.find(raw(2)) == Chunked(raw(2), "", 0, 9, 9)
        assert [entry.raw for entry in read.among({raw(1), raw(2)})] == [raw(1)]
        assert not read.is_understood
    assert Catalogue(data, XXH3, "i").digests() == {raw(1)}
    assert Catalogue(data, XXH3, "i").whole(raw(2)) is None


def test_an_object_of_an_unknown_kind_is_absent() -> None:
    data = rewritten(
        encode([alone("01" * 16, 9), alone("02" * 16, 9)], XXH3), [(kind_at(0), b"\7")]
    )
    for read in (Catalogue(data, XXH3, "i"), ranged(data)):
        assert read.find(raw(1)) is None
        assert [entry.raw for entry in read.among({raw(1), raw(2)})] == [raw(2)]
        assert not read.is_understood


def test_an_object_that_is_whole_and_shorter_than_it_says_is_absent() -> None:
    size_at = ROWS_AT + ROW_SIZE - 8
    data = rewritten(
        encode([alone("01" * 16, 9)], XXH3), [(size_at, struct.pack(">Q", 10))]
    )
    read = Catalogue(data, XXH3, "i")
    assert read.whole(raw(1)) is None
    assert not list(read) and not read.digests()


def test_an_object_in_a_pack_that_is_not_listed_is_absent() -> None:
    written = encode([Whole(raw(1), PACKS[0], 0, 9)], XXH3)
    read = Catalogue(
        rewritten(written, [(kind_at(0) + 1, struct.pack(">I", 5))]), XXH3, "i"
    )
    assert read.whole(raw(1)) is None and not read.digests()
    assert read.pack_ends() == {UNLISTED: 9}


def test_an_index_of_a_newer_format_is_told_from_a_damaged_one() -> None:
    data = rewritten(encode([], XXH3), [(8, struct.pack(">I", 2))])
    with pytest.raises(NewerFormatError, match="newer mltrack"):
        Catalogue(data, XXH3, "i")
    with pytest.raises(NewerFormatError, match="newer mltrack"):
        ranged(data)


def test_every_flipped_byte_of_an_index_is_noticed() -> None:
    data = encode_own([(bytes([n] * 16), n, 1) for n in range(3)], XXH3)
    for at in range(0, len(data), 7):
        with pytest.raises((IntegrityError, FormatError)):
            Catalogue(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], XXH3, "i")


def test_few_objects_are_found_by_reading_little_and_once() -> None:
    data = encode(
        [alone(f"{n:02x}" * DIGEST_SIZE, n) for n in range(256)], XXH3, ["ab" * 16]
    )
    asked: list[tuple[int, int]] = []

    def read(at: int, length: int) -> bytes:
        asked.append((at, length))
        return data[at : at + length]

    found = RangedCatalogue(read, len(data), XXH3, "i")
    assert found.supersedes == ["ab" * 16]
    for _ in range(2):
        some = found.among({raw(7), raw(9)})
        assert sorted(entry.size for entry in some) == [7, 9]
    rows = [length for at, length in asked if ROWS_AT <= at < ROWS_AT + 256 * ROW_SIZE]
    assert rows == [ROW_SIZE, ROW_SIZE]


@pytest.mark.parametrize("at", [0, 9, 255])
def test_a_fan_out_that_contradicts_its_rows_is_noticed(at: int) -> None:
    data = encode([alone("0a" * DIGEST_SIZE, 1)], XXH3)
    wrong = rewritten(data, [(32 + 4 * at, struct.pack(">I", 1 << 31))])
    with pytest.raises(IntegrityError, match="fan-out"):
        Catalogue(wrong, XXH3, "i")
    with pytest.raises(IntegrityError, match="fan-out"):
        ranged(wrong).find(bytes([at]) * DIGEST_SIZE)


def test_a_length_that_does_not_fit_is_noticed_before_anything_is_read() -> None:
    data = encode([alone("0a" * DIGEST_SIZE, 1)], XXH3)
    wrong = rewritten(data, [(16, struct.pack(">Q", 1 << 50))])
    with pytest.raises(IntegrityError, match="length"):
        Catalogue(wrong, XXH3, "i")
    with pytest.raises(IntegrityError, match="length"):
        ranged(wrong)


def test_an_index_of_another_algorithm_is_told() -> None:
    data = encode([alone("0a" * DIGEST_SIZE, 1)], XXH3)
    with pytest.raises(FormatError, match="another digest algorithm"):
        Catalogue(data, algorithm("blake3"), "i")


@given(entries)
def test_where_the_last_object_of_each_pack_ends(written: list[Whole]) -> None:
    ends: dict[str, int] = {}
    for entry in written:
        ends[entry.pack_id] = max(ends.get(entry.pack_id, 0), entry.offset + entry.size)
    assert Catalogue(encode(written, XXH3), XXH3, "i").pack_ends() == ends
