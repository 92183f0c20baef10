"""Reading many packed objects in one go: the same bytes as one by one, checked."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.errors import IntegrityError, MissingObjectError
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.reader import Reader
from mltrack.store.local.writer import merge_small_packs
from tests.support.objects import LARGE, damage, named, put


def opened() -> int:
    """How many packs this process has open."""
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return sum(
        os.readlink(link).endswith(".pack") for link in links if os.path.islink(link)
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """Objects 0 to 59, in more packs than are kept open."""
    cache = Cache(str(tmp_path_factory.mktemp("cache")), XXH3)
    for at in range(0, 60, 3):
        put(cache, *(b"object %d" % number for number in range(at, at + 3)))
    return cache


@given(order=st.lists(st.integers(0, 59), max_size=60))
def test_whatever_the_order_each_object_has_its_bytes(
    order: list[int], filled: Cache
) -> None:
    with Reader(filled) as reader:
        for number in order:
            data = b"object %d" % number
            assert reader.packed(named(data)) == data
        assert opened() <= 8
    assert opened() == 0


def test_files_of_their_own_are_left_to_whoever_asks(cache: Cache) -> None:
    put(cache, b"one")
    put(cache, LARGE)
    with Reader(cache) as reader:
        assert reader.packed(named(b"one")) == b"one"
        assert reader.packed(named(LARGE)) is None
        with pytest.raises(MissingObjectError):
            reader.packed(named(b"away"))


def test_damage_is_noticed_and_another_copy_is_found(cache: Cache) -> None:
    first = put(cache, b"one", b"two")
    damage(cache, first[1])
    with Reader(cache) as reader:
        assert reader.packed(first[0]) == b"one"
        with pytest.raises(IntegrityError, match="set aside"):
            reader.packed(first[1])
        with pytest.raises(MissingObjectError):
            reader.packed(first[1])
        put(cache, b"two")
        assert reader.packed(first[1]) == b"two" and reader.packed(first[0]) == b"one"


def test_packs_that_are_merged_meanwhile_are_no_hindrance(cache: Cache) -> None:
    found = [put(cache, b"%d" % number)[0] for number in range(40)]
    late = Cache(cache.path, XXH3)
    with Reader(late) as reader:
        assert reader.packed(found[0]) == b"0"
        merge_small_packs(cache)
        assert [reader.packed(one) for one in found] == [b"%d" % n for n in range(40)]
