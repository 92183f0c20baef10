"""Collecting the cache: only what nothing refers to and what is older than the grace
goes, and what cannot be told keeps everything.
"""

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.disk import owner
from mltrack.errors import IntegrityError, WorkspaceError
from mltrack.objects.content import FILE, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.store import pack
from mltrack.store.local import gc
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from tests.support.objects import LARGE, damage, named, pack_of, put, put_tree

LATER = time.time() + 3600
SMALL = [b"one", b"two", b"three"]


def content(data: bytes) -> Content:
    return Content(FILE, named(data), len(data))


def age(path: str, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


# marking


def test_everything_at_and_below_is_marked(cache: Cache) -> None:
    top = put_tree(cache, {"a": b"aa", "sub": {"b": b"bbb"}})
    [sub] = [entry.hex for entry in cache.read_tree(top.hex) if entry.kind == "d"]
    marked: set[str] = set()
    gc.mark(cache, [content(b"x")], [top], marked)
    assert marked == {top.hex, sub, named(b"aa"), named(b"bbb"), named(b"x")}


def test_a_tree_that_history_names_and_that_is_not_here_is_asked_about_again(
    cache: Cache,
) -> None:
    top = put_tree(cache, {"file": b"one"})
    gone = Content(TREE, named(b"never fetched"), 3, 1)
    marked: set[str] = set()
    gc.mark(cache, [], [gone, top], marked)
    assert marked == {top.hex, named(b"one")}
    with pytest.raises(WorkspaceError):
        gc.mark(cache, [gone], [], marked)


def test_a_tree_that_was_damaged_keeps_everything(cache: Cache) -> None:
    top = put_tree(cache, {"file": b"one"})
    damage(cache, top.hex)
    for _ in range(2):  # found damaged now, and set aside since
        with pytest.raises(WorkspaceError, match="nothing was deleted"):
            gc.mark(cache, [], [top], set())
    with pytest.raises(WorkspaceError, match="nothing was deleted"):
        gc.mark(cache, [top], [], set())


# planning


def test_only_what_is_older_than_the_grace_is_freed(cache: Cache) -> None:
    put(cache, *SMALL)
    put(cache, LARGE)
    now = time.time()
    assert gc.plan(cache, set(), [], now - 60) == gc.GcPlan()
    plan = gc.plan(cache, set(), ["record"], now + 60)
    assert plan.objects == len(SMALL) + 1
    assert plan.bytes == sum(map(len, SMALL)) + len(LARGE)
    assert plan.loose == (cache.loose_path(named(LARGE)),)
    assert plan.packs == (pack_of(cache, named(b"one")),) and not plan.shrink
    assert plan.records == ("record",)


def test_what_is_marked_stays_and_the_rest_of_its_pack_goes(cache: Cache) -> None:
    put(cache, *SMALL)
    plan = gc.plan(cache, {named(b"one")}, [], LATER)
    [kept] = plan.shrink[pack_of(cache, named(b"one"))]
    assert kept.raw.hex() == named(b"one") and plan.objects == len(SMALL) - 1
    assert plan.bytes == len(b"two") + len(b"three")


def test_a_pack_of_which_half_is_needed_stays_as_it_is(cache: Cache) -> None:
    put(cache, b"half", b"Half")
    assert gc.plan(cache, {named(b"half")}, [], LATER) == gc.GcPlan()


@settings(max_examples=40)
@given(
    groups=st.lists(
        st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True), max_size=6
    ),
    large=st.booleans(),
    marked=st.sets(st.integers(0, 13)),
    young=st.sets(st.integers(0, 6)),
)
def test_whatever_is_collected_all_that_is_marked_or_young_can_be_read(
    groups: list[list[int]],
    large: bool,
    marked: set[int],
    young: set[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Objects lie in several packs, of which some are young."""
    cache = Cache(str(tmp_path_factory.mktemp("cache")), XXH3)
    objects = [b"object %d" % number * (number + 1) for number in range(13)] + [LARGE]
    for number, group in enumerate(groups):
        with CacheWriter(cache) as writer:
            writer.put(b"its own %d" % number)
            for at in group:
                writer.rewrite(named(objects[at]), objects[at])
            [id_] = writer.publish()
        age(cache.pack_path(id_), 10 if number in young else 10_000)
    if large:
        put(cache, LARGE)
        age(cache.loose_path(named(LARGE)), 10 if 6 in young else 10_000)
    there = {at for group in groups for at in group} | ({13} if large else set())
    kept = {at for number in young if number < len(groups) for at in groups[number]}
    kept |= (there & marked) | ({13} if large and 6 in young else set())
    plan = gc.plan(cache, {named(objects[at]) for at in marked}, [], time.time() - 5000)
    gc.execute(cache, plan)
    for seen in (cache, Cache(cache.path, XXH3)):
        assert {at for at in kept if seen.read(named(objects[at])) == objects[at]} == (
            kept
        )
    again = gc.plan(
        cache, {named(objects[at]) for at in marked}, [], time.time() - 5000
    )
    assert again == gc.GcPlan()


# freeing


def test_what_is_dropped_goes_from_wherever_it_lies(cache: Cache) -> None:
    found = put(cache, *SMALL)
    put(cache, b"alone in its pack")
    put(cache, LARGE)
    unwanted = {found[1], named(b"alone in its pack"), named(LARGE)}
    plan = gc.plan_drop(cache, unwanted, LATER)
    assert plan.objects == 3 and plan.bytes == 3 + 17 + len(LARGE)
    assert gc.plan_drop(cache, unwanted, time.time() - 60) == gc.GcPlan()
    gc.execute(cache, plan)
    assert cache.missing([*found, *unwanted]) == unwanted


def test_a_shrunk_pack_keeps_what_it_says_it_holds(cache: Cache) -> None:
    found = put(cache, *SMALL, contents=pack.TREES)
    gc.execute(cache, gc.plan(cache, {found[0]}, [], LATER))
    [id_] = cache.indexes()
    assert pack.contents_of(cache.pack_path(id_)) == pack.TREES
    assert cache.read(found[0]) == b"one" and cache.missing(found) == {*found[1:]}


def test_what_another_pack_holds_is_not_written_again(cache: Cache) -> None:
    put(cache, *SMALL)
    with CacheWriter(cache) as writer:
        writer.rewrite(named(b"one"), b"one")
        writer.put(b"its own")
        [other] = writer.publish()
    age(cache.pack_path(other), -3600)
    plan = gc.plan(cache, {named(b"one")}, [], time.time() + 60)
    assert plan.shrink
    gc.execute(cache, plan)
    assert list(cache.indexes()) == [other] and cache.read(named(b"one")) == b"one"


def test_what_several_packs_hold_is_written_once(cache: Cache) -> None:
    for number in range(3):
        with CacheWriter(cache) as writer:
            writer.rewrite(named(b"one"), b"one")
            writer.put(b"much that nobody needs %d" % number)
            writer.publish()
    plan = gc.plan(cache, {named(b"one")}, [], LATER)
    assert len(plan.shrink) == 3
    gc.execute(cache, plan)
    [index] = cache.indexes().values()
    assert index.count == 1 and cache.read(named(b"one")) == b"one"


def test_what_is_marked_stays_whatever_it_lies_in(cache: Cache) -> None:
    put(cache, b"one", LARGE)
    plan = gc.plan(cache, {named(b"one"), named(LARGE)}, [], LATER)
    assert plan == gc.GcPlan()


def test_a_damaged_object_stops_the_shrinking_and_loses_nothing(cache: Cache) -> None:
    found = put(cache, b"aa", b"bb", b"much that nobody needs")
    plan = gc.plan(cache, set(found[:2]), [], LATER)
    damage(cache, found[0])
    with pytest.raises(IntegrityError):
        gc.execute(cache, plan)
    assert cache.read(found[1]) == b"bb" and cache.read(found[2])
    assert os.listdir(cache.tmp_path) == []


def test_what_nobody_will_finish_any_more_goes_too(cache: Cache) -> None:
    put(cache, b"one")
    place, _, _ = owner.own().partition(".")
    dead = f"{place}.999999999.0"  # is no process
    elsewhere = "of another machine"
    names = {
        f".mlt-{name}-{seconds}.tmp": seconds
        for name in (owner.own(), dead, elsewhere)
        for seconds in (0, 10**6)
    }
    for name, seconds in names.items():
        path = os.path.join(cache.tmp_path, name)
        with open(path, "wb"):
            pass
        age(path, seconds)
    gc.execute(cache, gc.GcPlan())
    assert sorted(os.listdir(cache.tmp_path)) == sorted(
        [
            f".mlt-{owner.own()}-0.tmp",
            f".mlt-{owner.own()}-1000000.tmp",
            f".mlt-{elsewhere}-0.tmp",
        ]
    )
