"""Looking at every byte of the cache: each kind of damage is found where it lies, and
nothing is changed.
"""

import os
from pathlib import Path

import pytest

from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.check import Findings, check_cache
from tests.support.objects import LARGE, damage, flip, named, pack_of, put


def found_in(cache: Cache) -> tuple[Findings, list[tuple[str, str]]]:
    """What another process finds: damaged objects with the files they lie in too."""
    before = {path: path.read_bytes() for path in files(cache)}
    findings, places = check_cache(Cache(cache.path, XXH3), lambda done, total: None)
    assert {path: path.read_bytes() for path in files(cache)} == before
    return findings, [(hex_digest, place.path) for hex_digest, place in places]


def files(cache: Cache) -> list[Path]:
    return [path for path in Path(cache.path).rglob("*") if path.is_file()]


def test_a_whole_cache_is_clean_and_all_of_it_is_looked_at(cache: Cache) -> None:
    put(cache, b"one", b"two")
    put(cache, b"three", LARGE)
    seen: list[int] = []
    found, places = check_cache(cache, lambda done, total: seen.append(done))
    assert found.is_clean and found.checked == 4 and places == []
    assert seen == sorted(seen) and seen[-1] == 4


@pytest.mark.parametrize("data", [b"two", LARGE], ids=["packed", "alone"])
def test_a_damaged_object_is_named_with_the_file_it_lies_in(
    cache: Cache, data: bytes
) -> None:
    put(cache, b"one", b"two")
    put(cache, LARGE)
    place = cache.find(named(data))
    assert place is not None
    damage(cache, named(data))
    found, places = found_in(cache)
    assert found.damaged == {named(data): place.path} and not found.is_clean
    assert places == [(named(data), place.path)] and not found.files


def test_a_damaged_end_of_a_pack_is_named_though_the_index_beside_it_is_whole(
    cache: Cache,
) -> None:
    [hex_digest] = put(cache, b"one")
    path = cache.pack_path(pack_of(cache, hex_digest))
    flip(path, -1)
    found, places = found_in(cache)
    assert list(found.files) == [path] and not found.damaged and places == []
    assert not found.is_clean


def test_an_index_beside_a_pack_that_is_another_ones_is_named(cache: Cache) -> None:
    [one], [two] = put(cache, b"one"), put(cache, b"two")
    index = Path(cache.packs_path, pack_of(cache, one) + ".idx")
    other = index.with_name(pack_of(cache, two) + ".idx")
    index.chmod(0o644)
    index.write_bytes(other.read_bytes())
    found, _ = found_in(cache)
    assert list(found.files) == [cache.pack_path(pack_of(cache, one))]


def test_a_pack_that_was_cut_short_has_damaged_objects(cache: Cache) -> None:
    put(cache, b"first object", b"last object")
    path = cache.pack_path(pack_of(cache, named(b"last object")))
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.truncate(16 + len(b"first object") + 3)
    found, _ = found_in(cache)
    assert list(found.damaged) == [named(b"last object")] and list(found.files) == [
        path
    ]


def test_a_pack_without_any_index_is_named(cache: Cache) -> None:
    [hex_digest] = put(cache, b"one")
    path = cache.pack_path(pack_of(cache, hex_digest))
    flip(path, -1)
    os.unlink(path.removesuffix(".pack") + ".idx")
    found, _ = found_in(cache)
    assert list(found.files) == [path] and found.checked == 0


def test_what_was_found_before_is_not_found_again(cache: Cache) -> None:
    found = put(cache, b"one", b"two")
    damage(cache, found[1])
    _, [(hex_digest, place)] = check_cache(cache, lambda done, total: None)
    with pytest.raises(Exception, match="set aside"):
        cache.quarantine(hex_digest, place)
    later, places = found_in(cache)
    assert later.is_clean and places == []


@pytest.mark.parametrize(
    "wrong",
    [
        Findings(damaged={"a": "f"}),
        Findings(files={"f": "why"}),
        Findings(lost={"a"}),
    ],
)
def test_anything_that_is_wrong_is_not_clean(wrong: Findings) -> None:
    assert Findings(checked=3, leftovers=2).is_clean and not wrong.is_clean
