"""Collecting a remote while others push to it: what a push has just made exist for
others, or has relied on, stays.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from mltrack.errors import RemoteError
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.shared import deleting
from mltrack.store.shared import gc as remote_gc
from mltrack.store.shared.met import Met
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import Remote
from tests.support.memory_store import MemoryStore

SIZES = {"in a pack": 5, "a file of its own": 2 << 20}
FOREVER = float("inf")


class Watched(MemoryStore):
    """Calls ``before`` once, before the first pack or object is deleted."""

    before: Callable[[], None] | None = None

    def delete(self, names: Iterable[str]) -> None:
        listed = list(names)
        if self.before and any(n.startswith(("packs/", "objects/")) for n in listed):
            call, self.before = self.before, None
            call()
        super().delete(listed)


class Ground:
    """A remote whose one object was forgotten a day ago, and a clone that has it."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.store = path, Watched()
        self.cache = Cache(str(path / "cache"), XXH3)
        with CacheWriter(self.cache) as writer:
            self.wanted = [Content(FILE, writer.put(b"b" * size), size)]
            writer.finish()
        first = self.remote()
        first.open(create=True)
        push_contents(self.cache, first, self.wanted, lambda event: None)
        self.collect(older_than=FOREVER)
        # all that is there was written a month ago
        for name, (data, modified) in self.store.files.items():
            self.store.files[name] = data, modified - 30 * 86400

    def remote(self) -> Remote:
        return Remote("store", self.store, XXH3, Met(str(self.path / "hints")))

    def plan(self, older_than: float) -> tuple[Remote, remote_gc.RemoteGcPlan]:
        remote = self.remote()
        return remote, remote_gc.plan(remote, set(), older_than, time.time() - 86400)

    def collect(self, older_than: float) -> list[str]:
        return remote_gc.execute(*self.plan(older_than), str(self.path))

    def push(self) -> None:
        push_contents(self.cache, self.remote(), self.wanted, lambda event: None)

    @property
    def is_there(self) -> bool:
        return not self.remote().present().missing(one.hex for one in self.wanted)


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Ground:
    return Ground(tmp_path, request.param)


def test_what_was_forgotten_a_day_ago_is_deleted(ground: Ground) -> None:
    assert not ground.is_there
    gone = ground.collect(older_than=0)
    assert any(name.startswith(("packs/", "objects/")) for name in gone)


def test_what_a_push_has_revived_since_the_plan_was_made_stays(ground: Ground) -> None:
    remote, plan = ground.plan(older_than=0)
    ground.push()
    remote_gc.execute(remote, plan, str(ground.path))
    assert ground.is_there


def test_a_revived_object_is_sent_again_and_so_is_young(ground: Ground) -> None:
    started = time.time()
    ground.push()
    [name] = [n for n in ground.store.files if n.startswith(("packs/", "objects/"))]
    assert ground.store.files[name][1] >= started
    ground.collect(older_than=started)
    ground.collect(older_than=started)
    assert ground.is_there


def test_a_push_that_meets_a_deletion_under_way_never_ends_well_for_nothing(
    ground: Ground,
) -> None:
    ended_well = []

    def push() -> None:
        with suppress(RemoteError):
            ground.push()
            ended_well.append(True)

    ground.store.before = push
    ground.collect(older_than=0)
    assert not ended_well or ground.is_there
    ground.push()
    assert ground.is_there


def test_what_another_push_has_published_during_a_deletion_is_not_relied_on(
    ground: Ground,
) -> None:
    def push_twice() -> None:
        for _ in range(2):
            with pytest.raises(RemoteError, match="lacks 1 of the objects"):
                ground.push()

    ground.store.before = push_twice
    ground.collect(older_than=0)


def test_a_deletion_that_was_killed_hinders_pushes_for_a_while_only(
    ground: Ground,
) -> None:
    def kill() -> None:
        raise KeyboardInterrupt

    ground.store.before = kill
    with pytest.raises(KeyboardInterrupt):
        ground.collect(older_than=0)
    with pytest.raises(RemoteError):
        ground.push()
    for name in [n for n in ground.store.files if n.endswith(".deleting")]:
        data, modified = ground.store.files[name]
        ground.store.files[name] = data, modified - 3600
    ground.push()
    assert ground.is_there
    deleting.forget_old(ground.store)
    assert not [n for n in ground.store.files if n.endswith(".deleting")]


def test_an_index_that_came_after_the_plan_is_not_superseded(
    ground: Ground, tmp_path: Path
) -> None:
    with CacheWriter(ground.cache) as writer:
        other = [Content(FILE, writer.put(b"other"), 5)]
        writer.finish()
    ground.push()
    remote, plan = ground.plan(older_than=FOREVER)
    assert plan.objects
    push_contents(ground.cache, ground.remote(), other, lambda event: None)
    remote_gc.execute(remote, plan, str(tmp_path))
    assert not ground.remote().present().missing([other[0].hex])


def test_a_stray_file_is_neither_noted_nor_in_the_way(ground: Ground) -> None:
    strays = ["index/.DS_Store", "packs/.DS_Store", "objects/ab/.DS_Store"]
    for name in strays:
        ground.store.files[name] = b"", 0.0
    ground.push()
    for _ in range(3):
        ground.collect(older_than=FOREVER)
        for name, (data, modified) in ground.store.files.items():
            ground.store.files[name] = data, modified - 2 * 86400
    assert not ground.is_there and not ground.store.missing(strays)
