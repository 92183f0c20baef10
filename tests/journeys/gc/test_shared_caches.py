"""gc of a cache that several projects use counts all of them, or deletes nothing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def ws(ws: Workspace) -> Workspace:
    ws.mltrack("config", "--local", "gc.grace_days", "0")
    return ws


def test_the_users_of_a_cache_are_counted_however_they_came_to_it(
    ws: Workspace, tmp_path: Path
) -> None:
    """By ``cache.dir``, by a link in place of the cache, by a link to the directory
    above.
    """
    cache = ws.path / ".mltrack/cache"
    others = []
    for number, how in enumerate(("setting", "link", "setting through a link")):
        path = tmp_path / f"other {number}"
        path.mkdir()
        other = Workspace(path, ws.environment)
        other.git("init", "-q")
        other.mltrack("init")
        if how == "setting":
            other.mltrack("config", "--local", "cache.dir", str(cache))
        elif how == "link":
            shutil.rmtree(path / ".mltrack/cache", ignore_errors=True)
            (path / ".mltrack/cache").symlink_to(cache)
        else:
            (tmp_path / "door").symlink_to(ws.path / ".mltrack")
            other.mltrack(
                "config", "--local", "cache.dir", str(tmp_path / "door/cache")
            )
        other.write("only", f"only here {number}\n")
        other.mltrack("add", "only")
        other.commit()
        (path / "only").unlink()
        others.append(other)
    for user in (ws, *others, ws):
        user.mltrack("gc", code=None)
    for number, other in enumerate(others):
        other.mltrack("checkout")
        assert other.read("only") == f"only here {number}\n"


def test_a_user_of_the_cache_that_moved_or_is_away_counts(
    ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Workspace(tmp_path / "other", ws.environment)
    other.git("init", "-q")
    other.mltrack("init")
    other.mltrack("config", "--local", "cache.dir", str(ws.path / ".mltrack/cache"))
    other.write("only", "only here\n")
    other.mltrack("add", "only")
    other.commit()
    (other.path / "only").unlink()
    other.path.rename(tmp_path / "moved")
    ws.mltrack("gc", code=None)
    moved = Workspace(tmp_path / "moved", ws.environment)
    moved.mltrack("checkout")
    assert moved.read("only") == "only here\n"


def test_the_owner_of_a_shared_cache_that_moved_is_found_or_gc_is_refused(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.write("owners", "only the owner's\n")
    ws.mltrack("add", "owners")
    ws.commit()
    ws.path.rename(tmp_path / "moved")
    moved = Workspace(tmp_path / "moved", ws.environment)
    (tmp_path / "other").mkdir()
    other = Workspace(tmp_path / "other", ws.environment)
    other.git("init", "-q")
    other.mltrack("init")
    other.mltrack("config", "--local", "cache.dir", str(moved.path / ".mltrack/cache"))
    other.mltrack("config", "--local", "gc.grace_days", "0")
    other.mltrack("gc", code=None)
    (moved.path / "owners").unlink()
    moved.mltrack("checkout")
    assert moved.read("owners") == "only the owner's\n"


def test_a_copy_of_a_project_that_was_pointed_elsewhere_counts(
    ws: Workspace, tmp_path: Path
) -> None:
    """Somebody copied a project with ``cp -r`` that uses another's cache: the copy
    never told the cache of itself.
    """
    (tmp_path / "other").mkdir()
    other = Workspace(tmp_path / "other", ws.environment)
    other.git("init", "-q")
    other.mltrack("init")
    other.mltrack("config", "--local", "cache.dir", str(ws.path / ".mltrack/cache"))
    other.write("first", "first\n")
    other.mltrack("add", "first")
    other.commit()
    subprocess.run(["cp", "-r", str(other.path), str(tmp_path / "copy")], check=True)
    copy = Workspace(tmp_path / "copy", ws.environment)
    copy.write("only", "only in the copy\n")
    copy.mltrack("add", "only")
    copy.commit()
    (copy.path / "only").unlink()
    ws.mltrack("gc", code=None)
    other.mltrack("gc", code=None)
    copy.mltrack("checkout")
    assert copy.read("only") == "only in the copy\n"


def test_fsck_knows_what_another_user_of_the_cache_dropped_for_a_remote_to_hold(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("in", "1\n")
    shared.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat in > o, deps: [in], outs: [o]}\n"
    )
    shared.mltrack("repro")
    shared.commit()
    shared.mltrack("push")
    clone = shared.clone(tmp_path / "clone")
    clone.mltrack("config", "--local", "cache.dir", str(shared.path / ".mltrack/cache"))
    clone.mltrack("fsck")
    shared.write("in", "2\n")
    shared.mltrack("repro")
    shared.mltrack("push")
    shared.mltrack("drop", "o")
    clone.mltrack("fsck")
    shutil.rmtree(shared.path / ".mltrack/index")
    assert clone.mltrack("fsck", "--json", code=None).json["lacking"], (
        "else this test would show nothing"
    )


def test_fsck_of_a_worktree_knows_what_was_dropped_in_another(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("in", "1\n")
    shared.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat in > o, deps: [in], outs: [o]}\n"
    )
    shared.mltrack("repro")
    shared.commit()
    shared.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    tree = Workspace(tmp_path / "tree", shared.environment)
    for here, there in ((shared, tree), (tree, shared)):
        here.write("in", f"{here.path.name}\n")
        here.mltrack("repro")
        here.mltrack("push")
        here.mltrack("drop", "o")
        lacking = there.mltrack("fsck", "--json", code=None).json["lacking"]
        assert [
            item["source"] for item in lacking if item["source"].startswith("run of")
        ] == []
