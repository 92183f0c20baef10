"""gc of a remote forgets first and deletes later, and nothing that others may still
need.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.stored import LARGE, age, lose_index
from tests.support.workspace import Workspace


@pytest.fixture
def stale(two: Workspace) -> Workspace:
    """Both versions are pushed, and the first is no longer referred to by anything."""
    two.mltrack("push", "--rev", "v1", "--rev", "HEAD")
    two.git("tag", "-d", "v1")
    two.git("checkout", "--quiet", "--orphan", "fresh")
    two.commit("only the second")
    two.git("branch", "-D", "master", code=None)
    two.git("branch", "-D", "main", code=None)
    two.git("reflog", "expire", "--expire=now", "--all")
    two.git("gc", "--prune=now", "--quiet")
    (two.path / ".git/ORIG_HEAD").unlink(missing_ok=True)
    age(two)
    return two


def stored(ws: Workspace) -> int:
    return sum(
        path.stat().st_size
        for path in (ws.path.parent / "store").rglob("*")
        if path.suffix != ".idx" and path.is_file()
    )


def test_gc_of_a_remote_forgets_first_and_deletes_later(stale: Workspace) -> None:
    store = stale.path.parent / "store"
    before = stored(stale)
    would = stale.mltrack("gc", "--remote", "store", "--dry-run", "--json").json
    assert would["forgotten"] > 0 and would["deleted"] == 0
    done = stale.mltrack("gc", "--remote", "store", "--json", "--force").json
    assert done["forgotten"] == would["forgotten"]
    assert stored(stale) >= before - 10, "the first run deleted something"
    early = stale.mltrack("gc", "--remote", "store", "--json", "--force").json
    assert early["deleted"] == 0
    for path in store.rglob("*"):
        os.utime(path, (0, path.stat().st_mtime - 2 * 86400))
    late = stale.mltrack("gc", "--remote", "store", "--json", "--force").json
    assert late["deleted"] > 0 and late["deleted_bytes"] >= len(LARGE)
    other = stale.clone(stale.path.parent / "other")
    other.mltrack("pull")
    assert other.files("data") == stale.files("data")
    assert stale.mltrack("fsck", "--remote", "store").code == 0


def test_a_push_after_the_first_run_sends_again_what_was_forgotten(
    stale: Workspace,
) -> None:
    stale.mltrack("gc", "--remote", "store", "--force")
    stale.write("data/0", "file 0")
    stale.write("data/big", LARGE)
    stale.mltrack("add", "data")
    stale.commit("back")
    assert stale.mltrack("push", "--json").json["objects"] > 0
    for path in (stale.path.parent / "store").rglob("*"):
        os.utime(path, (0, path.stat().st_mtime - 2 * 86400))
    stale.mltrack("gc", "--remote", "store", "--force")
    other = stale.clone(stale.path.parent / "other")
    other.mltrack("pull")
    assert other.files("data") == stale.files("data")


def test_gc_of_a_remote_is_refused_where_others_use_it_or_have_pushed_commits(
    stale: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "store/users").mkdir(exist_ok=True)
    (tmp_path / "store/users/someone").touch()
    assert "other projects" in stale.mltrack("gc", "--remote", "store", code=1).err
    (tmp_path / "store/users/someone").unlink()
    hub = tmp_path / "hub.git"
    stale.git("clone", "--quiet", "--bare", ".", str(hub))
    stale.git("remote", "add", "origin", str(hub))
    other = Workspace(tmp_path / "colleague", stale.environment)
    stale.git("clone", "--quiet", str(hub), str(other.path))
    other.git("commit", "--quiet", "--allow-empty", "--message", "more")
    other.git("push", "--quiet", "origin", "HEAD", MLTRACK_HOOKS="0")
    refused = stale.mltrack("gc", "--remote", "store", code=1)
    assert "lacks commits" in refused.err and "git fetch" in refused.err


def test_what_is_young_or_only_in_an_unknown_listing_stays_in_the_remote(
    two: Workspace,
) -> None:
    two.mltrack("push", "--rev", "v1", "--rev", "HEAD")
    shutil.rmtree(two.path / ".mltrack/cache")
    two.mltrack("fetch")
    age(two)
    assert two.mltrack("gc", "--remote", "store", "--json").json["forgotten"] == 0, (
        "v1 is in history, though not here"
    )
    other = two.clone(two.path.parent / "other")
    other.mltrack("fetch", "--rev", "v1")


def test_gc_of_a_remote_deletes_nothing_where_an_index_is_lost(
    origin: Workspace,
) -> None:
    lose_index(origin)
    before = sorted((origin.path.parent / "store/packs").iterdir())
    for _ in range(2):
        origin.mltrack("gc", "--remote", "store", code=None)
    assert sorted((origin.path.parent / "store/packs").iterdir()) == before


def test_a_dry_run_of_gc_writes_nothing_to_a_remote(stale: Workspace) -> None:
    store = stale.path.parent / "store"
    shutil.rmtree(store / "users")
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    would = stale.mltrack("gc", "--remote", "store", "--dry-run", "--json").json
    assert would["forgotten"] > 0
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before
