"""What a transfer has to move: exactly what is not there, and nothing is taken for
granted of what lies below.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.errors import IntegrityError, MissingObjectError
from mltrack.objects.content import FILE, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.catalogue import Catalogue, alone, encode
from mltrack.store.local.cache import Cache
from mltrack.store.shared.names import object_path
from mltrack.store.shared.present import Present
from mltrack.store.shared.transfer import Need, needed
from tests.support.objects import damage, named, put, put_tree

DIRECTORY = {
    "a": b"aa",
    "sub": {"b": b"bbb", "deep": {"c": b"cccc", "a": b"aa"}},
    "same": {"c": b"cccc", "a": b"aa"},
}


def there(*hexes: str) -> Present:
    """A remote that has these objects, as files of their own."""
    index = Catalogue(encode([alone(one, 1) for one in hexes], XXH3), XXH3, "i")
    return Present([index], {object_path(one): 1 for one in hexes})


def all_of(cache: Cache, content: Content) -> set[str]:
    return {*cache.below([content.hex]).trees, *cache.files_below(content)}


@settings(max_examples=40)
@given(taken=st.sets(st.integers(0, 7)))
def test_what_is_needed_is_what_is_not_there(
    taken: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = Cache(str(tmp_path_factory.mktemp("cache")), XXH3)
    top = put_tree(cache, DIRECTORY)
    everything = sorted(all_of(cache, top))
    has = {one for at, one in enumerate(everything) if at in taken}
    need = needed(cache, [top], there(*has))
    assert {*need.trees, *need.objects} == set(everything) - has
    assert need.there == has and need.is_complete
    assert need.total == len(everything) - len(has)
    assert set(need.opened) == set(cache.below([top.hex]).trees)
    sizes = {named(b"aa"): 2, named(b"bbb"): 3, named(b"cccc"): 4}
    assert all(sizes[one] == size for one, size in need.objects.items())
    # each before one that names it
    names = {
        one: {entry.hex for entry in cache.read_tree(one) if entry.kind == "d"}
        for one in need.trees
    }
    for at, one in enumerate(need.trees):
        later = need.trees[at + 1 :]
        assert any(one in names[above] for above in later) or not any(
            one in inner for inner in names.values()
        )


def test_files_need_no_tree(cache: Cache) -> None:
    put(cache, b"one")
    contents = [Content(FILE, named(one), 3) for one in (b"one", b"two")]
    need = needed(cache, contents, there(named(b"two")))
    assert need == Need([], {named(b"one"): 3}, [], {named(b"two")})


def test_what_is_known_to_be_whole_there_is_not_opened(cache: Cache) -> None:
    top = put_tree(cache, DIRECTORY)
    need = needed(cache, [top], there(top.hex), {top.hex})
    assert need == Need([], {}, [], set())
    [sub] = [entry.hex for entry in cache.read_tree(top.hex) if entry.name == b"sub"]
    need = needed(cache, [top], there(), {sub})
    assert named(b"bbb") not in need.objects and named(b"cccc") in need.objects


def test_a_tree_that_is_there_and_not_here_leaves_the_need_unknown(
    cache: Cache, other: Cache
) -> None:
    top = put_tree(other, DIRECTORY)
    need = needed(cache, [top], there(top.hex))
    assert not need.is_complete and need.total == 0
    with pytest.raises(MissingObjectError):
        needed(cache, [top], there())


def test_a_tree_that_is_there_is_opened_all_the_same(cache: Cache) -> None:
    """An index that named what lies below may be lost."""
    top = put_tree(cache, DIRECTORY)
    need = needed(cache, [top], there(*cache.below([top.hex]).trees))
    assert set(need.objects) == {named(b"aa"), named(b"bbb"), named(b"cccc")}


def test_a_damaged_tree_is_told(cache: Cache) -> None:
    top = put_tree(cache, {"a": b"aa"})
    damage(cache, top.hex)
    with pytest.raises(IntegrityError):
        cache.read(top.hex)
    with pytest.raises(MissingObjectError):
        needed(cache, [Content(TREE, top.hex, 2, 1)], there())
