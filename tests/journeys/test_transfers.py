"""Moving bytes: remote, push, fetch, pull, gc, as typed."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def pushed(shared: Workspace) -> Workspace:
    """A project with two versions of a directory and a stage's output, all of it
    pushed.
    """
    for number in range(20):
        shared.write(f"data/d{number % 3}/{number}", f"file {number}")
    shared.write("big.bin", bytes(2 << 20))
    shared.mltrack("add", "data", "big.bin")
    shared.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp data/d0/0 out\n    deps: [data]\n    outs: [out]\n",
    )
    shared.mltrack("repro")
    shared.commit(tag="v1")
    shared.mltrack("push")
    return shared


def test_a_second_push_sends_nothing_and_a_change_sends_only_what_changed(
    pushed: Workspace,
) -> None:
    assert "Everything is there already" in pushed.mltrack("push").out
    pushed.write("data/d0/0", "changed")
    pushed.mltrack("add", "data")
    dry = pushed.mltrack("push", "--dry-run", "--json").json
    assert dry["objects"] == 3  # the file, its directory, and the directory above
    assert pushed.mltrack("push", "--json").json["objects"] == 3


def test_a_fresh_clone_pulls_everything(pushed: Workspace, tmp_path: Path) -> None:
    other = pushed.clone(tmp_path / "clone")
    assert "not in the cache" in other.mltrack("status").out
    other.mltrack("pull")
    for place in ("data", "big.bin", "out"):
        assert other.files(place) == pushed.files(place)
    assert "Nothing changed" in other.mltrack("status", "--check").out
    assert "1 unchanged" in other.mltrack("repro").out


def test_pull_of_one_target_brings_only_that(pushed: Workspace, tmp_path: Path) -> None:
    other = pushed.clone(tmp_path / "clone")
    other.mltrack("pull", "big.bin")
    assert other.exists("big.bin") and not other.exists("data")


def test_fetch_of_revisions_lets_checkout_work_offline(
    pushed: Workspace, tmp_path: Path
) -> None:
    pushed.write("data/d0/0", "second")
    pushed.mltrack("add", "data")
    pushed.commit(tag="v2")
    pushed.mltrack("push")
    other = pushed.clone(tmp_path / "clone")
    other.mltrack("fetch", "--rev", "v1", "--rev", "v2")
    shutil.rmtree(tmp_path / "store")
    other.git("checkout", "--quiet", "v1")
    other.mltrack("checkout")
    assert other.read("data/d0/0") == "file 0"


def test_pushing_from_two_clones_at_once_loses_nothing(
    pushed: Workspace, tmp_path: Path
) -> None:
    clones = [pushed.clone(tmp_path / name) for name in ("one", "two")]
    for number, clone in enumerate(clones):
        clone.mltrack("pull")
        clone.write(f"data/new{number}", f"by {number}")
        clone.mltrack("add", "data")
        clone.mltrack("push")
    for clone in clones:
        before = clone.files("data")
        shutil.rmtree(clone.path / "data")
        shutil.rmtree(clone.path / ".mltrack/cache")
        clone.mltrack("pull")
        assert clone.files("data") == before


def test_many_pushes_end_in_one_merged_index(shared: Workspace, tmp_path: Path) -> None:
    for number in range(35):
        shared.write("f", f"version {number}")
        shared.mltrack("add", "f")
        shared.mltrack("push")
    other = shared.path / ".mltrack/index/remotes"
    shutil.rmtree(other)
    assert "Everything is there already" in shared.mltrack("push").out
    hints = os.listdir(shared.path / ".mltrack/index/remotes/store")
    # all are still listed; the merged one supersedes the first 32
    assert len(hints) >= 33


def test_many_adds_end_in_few_packs_and_nothing_is_lost(ws: Workspace) -> None:
    for number in range(20):
        ws.write(f"data/{number}", f"file {number}")
        ws.mltrack("add", "data")
    assert len(list((ws.path / ".mltrack/cache/packs").glob("*.pack"))) < 32
    before = ws.files("data")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout")
    assert ws.files("data") == before
    ws.commit()
    ws.mltrack("config", "gc.grace_days", "0")
    ws.mltrack("gc")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout")
    assert ws.files("data") == before


def test_a_git_push_sends_the_data_first(shared: Workspace, tmp_path: Path) -> None:
    shared.git("init", "--quiet", "--bare", str(tmp_path / "host.git"))
    shared.git("remote", "add", "origin", str(tmp_path / "host.git"))
    shared.write("f", "data")
    shared.mltrack("add", "f")
    shared.commit()
    shared.git("push", "--quiet", "origin", "main")
    assert "Everything is there already" in shared.mltrack("push").out


def test_a_git_push_stops_if_the_data_cannot_be_sent(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.git("init", "--quiet", "--bare", str(tmp_path / "host.git"))
    shared.git("remote", "add", "origin", str(tmp_path / "host.git"))
    shared.write("f", "data")
    shared.mltrack("add", "f")
    shared.commit()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "other").write_text("not a remote")
    refused = shared.git("push", "--quiet", "origin", "main", code=None)
    assert refused.code != 0 and "not empty and not a remote" in refused.err


def test_remotes_are_added_listed_chosen_and_removed(
    ws: Workspace, tmp_path: Path
) -> None:
    ws.mltrack("remote", "add", "one", "../one")
    ws.mltrack("remote", "add", "two", str(tmp_path / "two"))
    listed = ws.mltrack("remote", "list", "--json").json["remotes"]
    assert [(item["name"], item["default"]) for item in listed] == [
        ("one", True),
        ("two", False),
    ]
    assert listed[0]["url"] == "../one"
    ws.mltrack("remote", "default", "two")
    ws.mltrack("remote", "remove", "one")
    assert [
        item["name"] for item in ws.mltrack("remote", "list", "--json").json["remotes"]
    ] == ["two"]
    ws.mltrack("remote", "add", "two", "elsewhere", code=2)
    ws.mltrack("remote", "remove", "nosuch", code=2)


def test_a_remote_named_relative_to_a_subdirectory_means_the_same_from_anywhere(
    ws: Workspace, tmp_path: Path
) -> None:
    (ws.path / "deep").mkdir()
    ws.mltrack("remote", "add", "store", "../../store", cwd=ws.path / "deep")
    ws.write("f", "x")
    ws.mltrack("add", "f")
    ws.mltrack("push", cwd=ws.path / "deep")
    assert (tmp_path / "store" / "mltrack.json").exists()


def test_gc_keeps_what_anything_refers_to_and_frees_the_rest(ws: Workspace) -> None:
    def add(text: str) -> None:
        ws.write("f", text)
        ws.mltrack("add", "f")

    add("committed")
    ws.commit()
    add("on a branch")
    ws.git("checkout", "--quiet", "-b", "side")
    ws.commit()
    ws.git("checkout", "--quiet", "main")
    add("stashed")
    ws.git("stash", "--quiet")
    add("staged")
    ws.git("add", "f.mlt")
    add("dropped")
    add("in the workspace")
    ws.mltrack("config", "gc.grace_days", "0")
    assert ws.mltrack("gc", "--dry-run", "--json").json["objects"] == 1
    assert ws.mltrack("gc", "--json").json["objects"] == 1
    for revision, text in (
        ("HEAD", "committed"),
        ("side", "on a branch"),
        ("stash@{0}", "stashed"),
    ):
        ws.git("checkout", "--quiet", revision, "--", "f.mlt")
        ws.mltrack("checkout", "--force")
        assert ws.read("f") == text
    assert ws.mltrack("gc", "--json").json["objects"] >= 0


def test_gc_deletes_nothing_younger_than_the_grace(ws: Workspace) -> None:
    ws.write("f", "one")
    ws.mltrack("add", "f")
    ws.write("f", "two")
    ws.mltrack("add", "f")
    assert ws.mltrack("gc", "--json").json["objects"] == 0


def test_gc_deletes_nothing_if_a_pointer_cannot_be_read(ws: Workspace) -> None:
    ws.write("f", "one")
    ws.mltrack("add", "f")
    ws.write("f", "two")
    ws.mltrack("add", "f")
    ws.mltrack("config", "gc.grace_days", "0")
    ws.write("g.mlt", "garbage")
    before = sorted(os.listdir(ws.path / ".mltrack/cache/packs"))
    ws.mltrack("gc", code=1)
    assert sorted(os.listdir(ws.path / ".mltrack/cache/packs")) == before


def test_gc_shrinks_packs_that_are_mostly_garbage(ws: Workspace) -> None:
    for number in range(50):
        ws.write(f"data/{number}", f"{number}" * 1000)
    ws.mltrack("add", "data")
    for number in range(1, 50):
        (ws.path / f"data/{number}").unlink()
    ws.mltrack("add", "data")
    ws.mltrack("config", "gc.grace_days", "0")
    assert ws.mltrack("gc", "--json").json["objects"] == 50
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout")
    assert ws.read("data/0") == "0" * 1000


def test_gc_keeps_results_of_recent_runs(ws: Workspace) -> None:
    ws.write("params.yaml", "n: 1\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo ${n} > o\n    params: [n]\n    outs: [o]\n",
    )
    ws.mltrack("repro")
    ws.write("params.yaml", "n: 2\n")
    ws.mltrack("repro")
    ws.mltrack("config", "gc.grace_days", "0")
    ws.mltrack("gc")
    ws.write("params.yaml", "n: 1\n")
    assert "1 restored" in ws.mltrack("repro").out


def test_a_damaged_object_is_set_aside_and_fetched_again(pushed: Workspace) -> None:
    loose = next((pushed.path / ".mltrack/cache/loose").rglob("*/*"))
    loose.chmod(0o644)
    loose.write_bytes(b"\1" + loose.read_bytes()[1:])
    (pushed.path / "big.bin").unlink()
    assert "damaged" in pushed.mltrack("checkout", "big.bin", code=7).err
    assert not pushed.exists("big.bin")
    pushed.mltrack("pull", "big.bin")
    assert pushed.read("big.bin") == "\0" * (2 << 20)


def test_a_damaged_pack_is_noticed_before_its_bytes_are_used(pushed: Workspace) -> None:
    for path in (pushed.path / ".mltrack/cache/packs").glob("*.pack"):
        data = path.read_bytes()
        if b"file 7" in data:
            path.chmod(0o644)
            path.write_bytes(data.replace(b"file 7", b"file X"))
    shutil.rmtree(pushed.path / "data")
    assert pushed.mltrack("checkout", code=7).err
    pushed.mltrack("pull")
    assert pushed.read("data/d1/7") == "file 7"


def test_a_damaged_remote_never_enters_the_cache(
    pushed: Workspace, tmp_path: Path
) -> None:
    for path in (tmp_path / "store/packs").glob("*.pack"):
        data = path.read_bytes()
        if b"file 7" in data:
            path.chmod(0o644)
            path.write_bytes(data.replace(b"file 7", b"file X"))
    other = pushed.clone(tmp_path / "clone")
    said = other.mltrack("pull", "data", code=3).err
    assert "does not match" in said and "data/d1/7" in said
    expected = {
        path: text for path, text in pushed.files("data").items() if path != "data/d1/7"
    }
    assert other.files("data") == expected
