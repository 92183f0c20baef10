"""Room on the disk and bytes that went bad: drop, gc of old versions and of remotes,
fsck, du, add from elsewhere.
"""

import grp
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

LARGE = bytes(range(256)) * (8 << 10)


@pytest.fixture
def two(shared: Workspace) -> Workspace:
    """A project with two versions of its data in git; both are in the cache, none is
    pushed.
    """
    for number in range(10):
        shared.write(f"data/{number}", f"file {number}")
    shared.write("data/big", LARGE)
    shared.mltrack("add", "data")
    shared.commit(tag="v1")
    shared.write("data/0", "second version")
    shared.write("data/big", LARGE[::-1])
    shared.mltrack("add", "data")
    shared.commit("second")
    return shared


def age(ws: Workspace, days: int = 30) -> None:
    """Makes everything in cache and remote look old."""
    for top in (ws.path / ".mltrack/cache", ws.path.parent / "store"):
        for path in top.rglob("*"):
            state = path.stat()
            os.utime(path, (state.st_atime, state.st_mtime - days * 86400))


def cached(ws: Workspace) -> int:
    return int(
        sum(
            ws.mltrack("du", "--json").json["cache"][part]
            for part in ("loose", "packs")
        )
    )


def corrupt(path: Path, at: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


# drop


def test_drop_refuses_what_no_remote_holds_and_frees_it_once_it_is_pushed(
    two: Workspace,
) -> None:
    before = cached(two)
    refused = two.mltrack("drop", "data", code=1)
    assert "in no remote" in refused.err and "mltrack push" in refused.err
    assert cached(two) == before
    two.mltrack("push")
    would = two.mltrack("drop", "data", "--dry-run", "--json").json
    assert would["objects"] == 11 and cached(two) == before
    two.mltrack("drop", "data")
    assert cached(two) < before
    assert (
        "Nothing changed" in two.mltrack("status").out
        or "not in the cache" in two.mltrack("status").out
    )
    two.mltrack("fetch")
    shutil.rmtree(two.path / "data")
    two.mltrack("checkout")
    assert two.read("data/0") == "second version"


def test_drop_by_age_leaves_what_is_young(two: Workspace) -> None:
    two.mltrack("push")
    assert two.mltrack("drop", "--older-than", "7", "--json").json["objects"] == 0
    age(two)
    assert two.mltrack("drop", "--older-than", "7", "--json").json["objects"] == 11


def test_drop_keeps_what_another_target_needs_and_wants_a_name(two: Workspace) -> None:
    two.write("copy", "file 1")
    two.mltrack("add", "copy")
    two.mltrack("push")
    assert two.mltrack("drop", "data", "--json").json["objects"] == 10
    shutil.rmtree(two.path / "data")
    (two.path / "copy").unlink()
    two.mltrack("checkout", "copy")
    assert two.read("copy") == "file 1"
    two.mltrack("drop", code=2)


def test_drop_by_force_says_what_is_lost(two: Workspace) -> None:
    done = two.mltrack("drop", "data", "--force", "--json").json
    assert len(done["lost"]) == 11 and done["objects"] == 11


# gc of versions that are still in history


def test_gc_keep_last_frees_old_versions_only_when_a_remote_holds_them(
    two: Workspace,
) -> None:
    age(two)
    two.git("tag", "-d", "v1")
    assert "no remote holds them" in two.mltrack("gc", "--keep-last", "1", code=1).err
    two.mltrack("push")
    assert "no remote holds them" in two.mltrack("gc", "--keep-last", "1", code=1).err
    two.mltrack("push", "--all-branches", "--rev", "HEAD~1")
    before = cached(two)
    freed = two.mltrack("gc", "--keep-last", "1", "--json").json
    assert freed["bytes"] > len(LARGE) and cached(two) < before
    two.git("checkout", "--quiet", "HEAD~1", MLTRACK_HOOKS="0")
    two.mltrack("pull")
    assert two.read("data/0") == "file 0"


def test_gc_keeps_tags_and_named_revisions(two: Workspace) -> None:
    age(two)
    assert (
        two.mltrack("gc", "--keep-last", "1", "--json", "--dry-run").json["objects"]
        == 0
    )
    assert (
        two.mltrack("gc", "--rev", "v1", "--json", "--dry-run", "--force").json[
            "objects"
        ]
        == 0
    )
    assert (
        two.mltrack("gc", "--rev", "HEAD", "--json", "--dry-run", "--force").json[
            "objects"
        ]
        > 0
    )


# gc of a remote


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


def test_a_dry_run_of_gc_writes_nothing_to_a_remote(stale: Workspace) -> None:
    store = stale.path.parent / "store"
    shutil.rmtree(store / "users")
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    would = stale.mltrack("gc", "--remote", "store", "--dry-run", "--json").json
    assert would["forgotten"] > 0
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


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


# fsck


def packs(ws: Workspace) -> list[Path]:
    return sorted((ws.path / ".mltrack/cache/packs").glob("*.pack"))


def loose(ws: Workspace) -> list[Path]:
    return [
        path for path in (ws.path / ".mltrack/cache/loose").rglob("*") if path.is_file()
    ]


def test_fsck_finds_flipped_bytes_and_repairs_from_the_workspace(
    two: Workspace,
) -> None:
    assert "all whole" in two.mltrack("fsck").out
    data = next(path for path in loose(two) if path.read_bytes() == LARGE[::-1])
    corrupt(data)
    for path in packs(two):
        if b"second version" in path.read_bytes():
            corrupt(path, path.read_bytes().index(b"second version") + 3)
    found = two.mltrack("fsck", "--json", code=7).json
    assert len(found["problems"]) == 2 and not found["clean"]
    assert "2 repaired" in two.mltrack("fsck", "--repair").out
    assert "all whole" in two.mltrack("fsck").out
    assert list((two.path / ".mltrack/cache/quarantine").iterdir()), (
        "damaged bytes were deleted"
    )
    shutil.rmtree(two.path / "data")
    two.mltrack("checkout")
    assert two.read("data/0") == "second version"


def test_fsck_repairs_from_a_remote_and_says_what_it_cannot(two: Workspace) -> None:
    two.mltrack("push")
    shutil.rmtree(two.path / "data")
    for path in loose(two):
        corrupt(path)
    # the first version's file is nowhere else
    result = two.mltrack("fsck", "--repair", code=7)
    assert "1 damaged, 1 repaired" in result.out
    two.mltrack("checkout")
    assert (two.path / "data/big").read_bytes() == LARGE[::-1]


def test_fsck_of_a_remote_finds_and_repairs_packs_objects_and_indexes(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push", "--rev", "v1", "--rev", "HEAD")
    store = tmp_path / "store"
    assert "all whole" in two.mltrack("fsck", "--remote", "store").out
    victims = [
        next(
            path
            for path in (store / "packs").iterdir()
            if b"second version" in path.read_bytes()
        ),
        next(path for path in (store / "objects").rglob("*") if path.is_file()),
        next((store / "index").iterdir()),
    ]
    for path in victims:
        corrupt(
            path,
            path.read_bytes().index(b"second version") + 2
            if path.suffix == ".pack"
            else 40,
        )
    assert two.mltrack("fsck", "--remote", "store", code=7).out.count("damaged") >= 2
    two.mltrack("fsck", "--remote", "store", "--repair")
    assert "all whole" in two.mltrack("fsck", "--remote", "store").out
    for revision in ("v1", "HEAD"):
        other = two.clone(tmp_path / f"clone-{revision}")
        other.mltrack("fetch", "--rev", revision)


def test_a_pack_that_vanished_from_a_remote_is_sent_again_by_repair(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push")
    for path in (tmp_path / "store/packs").iterdir():
        path.unlink()
    two.mltrack("fsck", "--remote", "store", code=7)
    two.mltrack("fsck", "--remote", "store", "--repair")
    two.clone(tmp_path / "clone").mltrack("pull")


# looking


def test_status_says_what_a_remote_lacks(two: Workspace) -> None:
    two.mltrack("push", "--rev", "v1")
    result = two.mltrack("status", "--remote", "store", "--json").json
    assert [item["path"] for item in result["unpushed"]] == ["data"]
    assert "not pushed" in two.mltrack("status", "-r", "store", "--check", code=4).out
    two.mltrack("push")
    assert "Nothing changed" in two.mltrack("status", "-r", "store", "--check").out


def test_du_tells_sizes_and_what_is_in_the_cache(two: Workspace) -> None:
    usage = two.mltrack("du", "data", "--json").json
    (item,) = usage["targets"]
    assert item["files"] == 11 and item["cached"] == item["size"]
    assert usage["cache"]["loose"] == 2 * len(LARGE)
    assert "the cache takes" in two.mltrack("du").out
    assert two.mltrack("du", "--rev", "v1", "--json").json["targets"][0]["files"] == 11


def test_check_ignore_names_the_line(ws: Workspace) -> None:
    ws.write(".mltrackignore", "# junk\n*.tmp\n/data/old/\n!keep.tmp\n")
    result = ws.mltrack(
        "check-ignore",
        "data/a.tmp",
        "data/old/x",
        "data/keep.tmp",
        "data/b",
        "data/.git",
    )
    assert result.out.splitlines() == [
        ".mltrackignore:2:*.tmp    data/a.tmp",
        ".mltrackignore:3:/data/old/    data/old/x",
        "names of git and mltrack    data/.git",
    ]
    ws.mltrack("check-ignore", "data/b", code=1)


# data from elsewhere


def test_add_out_tracks_what_stands_elsewhere(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/sub").mkdir(parents=True)
    (tmp_path / "elsewhere/sub/file").write_text("far")
    (tmp_path / "elsewhere/big").write_bytes(LARGE)
    ws.mltrack("add", str(tmp_path / "elsewhere"), "--out", "data/near")
    assert (
        ws.read("data/near/sub/file") == "far"
        and (ws.path / "data/near/big").read_bytes() == LARGE
    )
    assert "Nothing changed" in ws.mltrack("status").out
    assert (tmp_path / "elsewhere/big").read_bytes() == LARGE
    assert (
        "exists already"
        in ws.mltrack(
            "add", str(tmp_path / "elsewhere"), "--out", "data/near", code=1
        ).err
    )
    ws.mltrack("add", "nosuch", "--out", "x", code=2)
    ws.mltrack("add", "a", "b", "--out", "x", code=2)


def test_add_to_remote_keeps_nothing_here(shared: Workspace, tmp_path: Path) -> None:
    for number in range(5):
        shared.write(f"scans/{number}", f"scan {number}")
    shared.write("scans/big", LARGE)
    before = shared.files("scans")
    shared.mltrack("add", "scans", "--to-remote")
    assert not packs(shared) and not loose(shared)
    shared.commit("scans")
    other = shared.clone(tmp_path / "clone")
    other.mltrack("pull")
    assert other.files("scans") == before
    assert other.mltrack("fsck", "--remote", "store").code == 0


def test_one_file_of_a_directory_is_pulled_without_the_rest(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push")
    other = two.clone(tmp_path / "clone")
    other.mltrack("pull", "data/3")
    assert os.listdir(other.path / "data") == ["3"]
    moved = two.clone(tmp_path / "second").mltrack("pull", "data/4", "--json").json
    assert moved["objects"] == 1 and moved["bytes"] == len("file 4")


def test_dry_runs_of_fetch_and_pull_bring_no_files(
    two: Workspace, tmp_path: Path
) -> None:
    two.mltrack("push", "--all-tags")
    other = two.clone(tmp_path / "clone")
    assert (
        other.mltrack("fetch", "--all-tags", "--dry-run", "--json").json["objects"]
        == 11
    )
    assert "would fetch" not in other.mltrack("pull", "--dry-run").err
    assert not loose(other) and not other.exists("data")


def test_remotes_are_modified_and_renamed_and_secrets_stay_out_of_git(
    shared: Workspace,
) -> None:
    shared.mltrack("remote", "modify", "store", "jobs", "2")
    shared.mltrack("remote", "modify", "store", "secret_key", "hunter2")
    assert "hunter2" not in shared.read(".mltrack/config.toml")
    assert "hunter2" in shared.read(".mltrack/config.local.toml")
    assert "hunter2" not in shared.mltrack("config").said
    shared.mltrack("remote", "rename", "store", "depot")
    assert json.loads(shared.mltrack("remote", "list", "--json").out)["remotes"][0][
        "default"
    ]
    assert shared.mltrack("config", "remote.depot.jobs").out.strip() == "2"
    shared.mltrack("remote", "modify", "depot", "secret_key", "--unset")
    assert (
        "did you mean 'endpoint'"
        in shared.mltrack("remote", "modify", "depot", "endpoin", "x", code=2).err
    )
    shared.write(
        ".mltrack/config.toml", '[remote.depot]\nurl = "../store"\nsecret_key = "x"\n'
    )
    assert (
        "may not stand in the committed config" in shared.mltrack("status", code=1).err
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_cache_is_shared_by_a_group_whatever_the_umask(
    ws: Workspace, tmp_path: Path
) -> None:
    group = grp.getgrgid(65534).gr_name
    place = tmp_path / "cache"
    ws.mltrack("cache", "share", "--group", group, "--dir", str(place))
    ws.write("data/file", "shared")
    ws.run(["sh", "-c", f"umask 077; {shutil.which('python')} -P -m mltrack add data"])
    for path in place.rglob("*"):
        state = path.stat()
        assert state.st_gid == 65534, path
        if path.is_dir():
            assert state.st_mode & 0o2070 == 0o2070, path
        elif path.suffix in (".pack", ".idx"):
            assert state.st_mode & 0o040, path
    ws.mltrack("cache", "share", "--group", "nosuchgroup", code=2)


def test_gc_says_what_keeps_the_rest_and_how_to_free_it(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages:\n  t: {cmd: cp in o, deps: [in], outs: [o]}\n")
    ws.write("data", LARGE)
    for number, size in enumerate((1 << 21, 1 << 22)):
        ws.write("in", bytes([number]) * size)
        ws.mltrack("repro")
    ws.mltrack("add", "data")
    ws.commit()
    ws.write("data", LARGE[::-1])
    ws.mltrack("add", "data")
    ws.commit()
    kept = ws.mltrack("gc", "--json").json["kept"]
    assert kept["workspace"] >= len(LARGE) + (1 << 22)
    # the first result is in no commit: its record keeps it
    assert kept["history"] >= len(LARGE) and kept["runs"] >= 1 << 21
    assert kept["grace"] == kept["until"] == 0
    ws.mltrack("config", "cache.runs_days", "0")
    young = ws.mltrack("gc", "--dry-run", "--json").json["kept"]
    assert young["grace"] >= 1 << 21 and young["runs"] == 0
    assert abs(young["until"] - time.time() - 14 * 86400) < 3600
    said = ws.mltrack("gc", "--dry-run").out
    for words in ("gc --keep-last N", "gc.grace_days", "the grace period, until 20"):
        assert words in said
    age(ws)
    freed = ws.mltrack("gc", "--dry-run", "--json").json
    assert freed["bytes"] >= 1 << 21 and freed["kept"]["grace"] == 0
    done = ws.mltrack("gc", "--json").json
    assert done == {**freed, "dry_run": False}
    assert sum(done["kept"][part] for part in ("workspace", "history")) <= cached(ws)
