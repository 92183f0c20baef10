"""Large objects on their way to a host: they go on where they were cut off, and never
become what they are not.
"""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.objects.digest import XXH3
from mltrack.runners.worker import hashing
from mltrack.runners.worker.objects import Damaged, Objects
from mltrack.runners.worker.parts import Parts


def test_a_large_object_goes_on_where_it_was_cut_off(objects: Objects) -> None:
    data = os.urandom(100_000)
    hex_digest = XXH3.hex_of(data)
    first, again = Parts(objects), Parts(objects)
    first.put(hex_digest, 0, len(data), data[:40_000])
    os.close(first._open.pop(hex_digest))  # as when the connection ends
    assert again.begin(hex_digest, len(data)) == 40_000
    again.put(hex_digest, 40_000, len(data), data[40_000:])
    assert (
        objects.has(hex_digest, len(data))
        and Path(objects.path_of(hex_digest)).read_bytes() == data
    )


def test_a_part_that_is_whole_becomes_the_object_and_one_that_is_too_long_starts_over(
    objects: Objects,
) -> None:
    data = os.urandom(1000)
    hex_digest = XXH3.hex_of(data)
    place = Path(objects.aside) / hex_digest
    for left, expected in ((data, 1000), (bytes(1000), 0), (data + b"more", 0)):
        place.write_bytes(left)
        assert Parts(objects).begin(hex_digest, 1000) == expected
        assert objects.has(hex_digest) == (expected == 1000)
        with suppress(FileNotFoundError):
            os.unlink(objects.path_of(hex_digest))


def test_a_large_object_that_is_sent_twice_at_once_arrives(objects: Objects) -> None:
    first, other = Parts(objects), Parts(objects)
    data = os.urandom(1000)
    hex_digest = XXH3.hex_of(data)
    first.put(hex_digest, 0, 1000, data[:500])
    other.put(hex_digest, 0, 1000, data)
    first.put(hex_digest, 500, 1000, data[500:])
    assert objects.has(hex_digest)


def test_a_part_with_other_bytes_starts_over(objects: Objects) -> None:
    parts = Parts(objects)
    data = os.urandom(1000)
    hex_digest = XXH3.hex_of(data)
    with pytest.raises(Damaged):
        parts.put(hex_digest, 0, 1000, bytes(1000))
    assert parts.begin(hex_digest, 1000) == 0
    parts.put(hex_digest, 0, 1000, data)
    assert objects.has(hex_digest)


@settings(max_examples=40)
@given(
    size=st.integers(1, 300),
    cuts=st.lists(st.tuples(st.integers(1, 120), st.booleans()), max_size=8),
)
def test_in_whatever_pieces_and_connections_it_comes_it_comes_whole(
    size: int,
    cuts: list[tuple[int, bool]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    top = str(tmp_path_factory.mktemp("host"))
    objects = Objects(top, "xxh3", hashing.find("xxh3", top))
    data = os.urandom(size)
    hex_digest = XXH3.hex_of(data)
    parts, at = Parts(objects), 0
    for length, is_cut_off in [*cuts, (size, False)]:
        if is_cut_off:
            for descriptor in parts._open.values():
                os.close(descriptor)
            parts = Parts(objects)
        if at == size:
            break
        assert parts.begin(hex_digest, size) == at
        piece = data[at : at + length]
        parts.put(hex_digest, at, size, piece)
        at += len(piece)
    assert at == size and objects.has(hex_digest, size)
    assert Path(objects.path_of(hex_digest)).read_bytes() == data
    assert os.listdir(objects.aside) == []


@pytest.mark.parametrize(("offset", "length"), [(5, 5), (0, 20), (15, 1)])
def test_a_piece_out_of_place_starts_over(
    objects: Objects, offset: int, length: int
) -> None:
    data = os.urandom(10)
    hex_digest = XXH3.hex_of(data)
    parts = Parts(objects)
    parts.put(hex_digest, 0, 10, data[:3])
    with pytest.raises(Damaged, match="out of place"):
        parts.put(hex_digest, offset, 10, bytes(length))
    assert parts.begin(hex_digest, 10) == 0 and not objects.has(hex_digest)
    parts.put(hex_digest, 0, 10, data)
    assert objects.has(hex_digest, 10)


@pytest.mark.parametrize("name", ["../x", "ab", "", "AB" * 16])
def test_what_is_no_digest_has_no_part(objects: Objects, name: str) -> None:
    with pytest.raises(Damaged, match="is no digest"):
        Parts(objects).size(name)
    assert os.listdir(objects.aside) == []
