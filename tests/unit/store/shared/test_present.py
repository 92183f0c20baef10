"""What of a remote can be had: named by an index, and as long as the index says."""

import pytest

from mltrack.objects.digest import XXH3
from mltrack.store.catalogue import Catalogue, Whole, encode
from mltrack.store.shared.names import object_path, pack_path
from mltrack.store.shared.present import Present

PACK = "11" * 16
FIRST, LAST, ALONE, UNNAMED = (
    bytes([number]) * XXH3.raw_size for number in range(1, 5)
)
ENTRIES = [Whole(FIRST, PACK, 0, 10), Whole(LAST, PACK, 10, 5), Whole(ALONE, "", 0, 7)]
INDEX = Catalogue(encode(ENTRIES, XXH3), XXH3, "i")
THERE = {pack_path(PACK): 15, object_path(ALONE.hex()): 7}


@pytest.mark.parametrize(
    ("changes", "had"),
    [
        ({}, {FIRST, LAST, ALONE}),
        # what follows the last object hides none
        ({pack_path(PACK): 99}, {FIRST, LAST, ALONE}),
        ({pack_path(PACK): 14}, {FIRST, ALONE}),
        ({pack_path(PACK): 0}, {ALONE}),
        ({pack_path(PACK): None}, {ALONE}),
        ({object_path(ALONE.hex()): 6}, {FIRST, LAST}),
        ({object_path(ALONE.hex()): 8}, {FIRST, LAST}),
        ({object_path(ALONE.hex()): None}, {FIRST, LAST}),
    ],
)
def test_only_what_is_there_in_full_can_be_had(
    changes: dict[str, int | None], had: set[bytes]
) -> None:
    sizes = {name: size for name, size in (THERE | changes).items() if size is not None}
    present = Present([INDEX], sizes)
    assert {raw for raw in (FIRST, LAST, ALONE, UNNAMED) if raw in present} == had
    asked = [raw.hex() for raw in (FIRST, LAST, ALONE, UNNAMED)]
    assert present.missing(asked) == {*asked} - {raw.hex() for raw in had}
    assert present.is_whole == (had == {FIRST, LAST, ALONE})


def test_what_one_index_has_lost_another_may_name() -> None:
    other = Catalogue(encode([Whole(FIRST, "22" * 16, 0, 10)], XXH3), XXH3, "j")
    present = Present([INDEX, other], {pack_path("22" * 16): 10})
    assert FIRST in present and present.missing([FIRST.hex(), LAST.hex()]) == {
        LAST.hex()
    }


def test_many_are_asked_for_at_once() -> None:
    others = [bytes([9, number]) + bytes(XXH3.raw_size - 2) for number in range(100)]
    assert Present([INDEX], THERE).missing(raw.hex() for raw in (*others, FIRST)) == {
        raw.hex() for raw in others
    }
