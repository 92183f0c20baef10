"""gc keeps what anything refers to: versions, stashes, tags, reflogs, undo, results of
recent runs.
"""

import os
import shutil
from pathlib import Path

from tests.support.stored import age
from tests.support.workspace import Workspace


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


def test_gc_keeps_what_undo_promised(ws: Workspace) -> None:
    ws.write("a", "orig")
    ws.mltrack("add", "a")
    ws.write("a", "mine")
    ws.mltrack("checkout", "--force")
    ws.mltrack("config", "gc.grace_days", "0")
    ws.mltrack("gc")
    ws.mltrack("undo")
    assert ws.read("a") == "mine"


def test_gc_keeps_old_stashes_which_git_never_expires(ws: Workspace) -> None:
    ws.write("d", "base")
    ws.mltrack("add", "d")
    ws.commit()
    for number in (1, 2):
        ws.write("d", f"stashed {number}")
        ws.mltrack("add", "d")
        moment = f"2020-01-0{number}T00:00:00Z"
        ws.git("stash", "--quiet", GIT_AUTHOR_DATE=moment, GIT_COMMITTER_DATE=moment)
    ws.mltrack("checkout", "--force")
    age(ws)
    ws.mltrack("gc")
    for number in (2, 1):
        ws.git("stash", "pop", "--quiet")
        ws.mltrack("checkout", "--force")
        assert ws.read("d") == f"stashed {number}"
        ws.git("checkout", "--quiet", "--", "d.mlt")


def test_gc_and_push_know_a_pointer_whose_bytes_stand_in_git_under_another_name_too(
    shared: Workspace, tmp_path: Path
) -> None:
    ws = shared
    ws.write("d", "base")
    ws.mltrack("add", "d")
    shutil.copy(ws.path / "d.mlt", ws.path / "a_backup.txt")
    ws.commit()
    ws.git("init", "--quiet", "--bare", str(tmp_path / "host.git"))
    ws.git("remote", "add", "origin", str(tmp_path / "host.git"))
    ws.git("push", "--quiet", "origin", "main")
    assert (tmp_path / "store/index").exists()
    ws.write("d", "new")
    ws.mltrack("add", "d")
    ws.commit()
    age(ws)
    ws.mltrack("gc")
    ws.git("checkout", "--quiet", "HEAD~")
    assert ws.read("d") == "base"


def test_gc_keeps_what_a_tag_on_a_tree_names(ws: Workspace) -> None:
    ws.write("d", "tagged")
    ws.mltrack("add", "d")
    ws.commit()
    ws.git("tag", "t", "HEAD^{tree}")
    ws.write("d", "next")
    ws.mltrack("add", "d")
    ws.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    (ws.path / ".git/ORIG_HEAD").unlink(missing_ok=True)
    ws.git("reflog", "expire", "--expire=now", "--all")
    age(ws)
    ws.mltrack("gc")
    ws.git("checkout", "--quiet", "t", "--", "d.mlt")
    ws.mltrack("checkout")
    assert ws.read("d") == "tagged"


def test_gc_keeps_what_only_a_reflog_names(ws: Workspace) -> None:
    ws.mltrack("config", "gc.grace_days", "0")
    ws.write("d/1", "one\n")
    ws.mltrack("add", "d")
    ws.commit("one")
    ws.write("d/1", "two\n")
    ws.mltrack("add", "d")
    ws.commit("two")
    ws.git("reset", "--quiet", "--hard", "HEAD~1")
    ws.mltrack("checkout")
    ws.mltrack("gc")
    ws.git("reset", "--quiet", "--hard", "HEAD@{1}")
    ws.mltrack("checkout")
    assert ws.read("d/1") == "two\n"
