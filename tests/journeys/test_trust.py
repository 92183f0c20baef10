"""A clone brings files, and files only: nothing of it is taken for mltrack's own state,
nothing of it leads elsewhere.
"""

import os
from pathlib import Path

import pytest

from mltrack.formats import pointer, run_record
from mltrack.formats.run_record import Fact, RunRecord
from mltrack.objects import tree
from mltrack.objects.content import FILE, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.pipeline.stage import Entry
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from tests.support.workspace import Workspace

RECORD = RunRecord(
    "ab" * 16, "s", Entry(("x",), "/bin/sh", "", {}, {}, {}, None, None, {}, {})
)


@pytest.mark.parametrize(
    "path",
    [
        "journal/1-1.journal",
        "trash/1.json",
        "index/parsed/x.json",
        "config.local.toml",
        "cache/packs/x",
        "last/x",
    ],
)
def test_state_that_a_commit_brings_is_refused(
    path: str, ws: Workspace, tmp_path: Path
) -> None:
    ws.write(f".mltrack/{path}", "x")
    ws.git("add", "--force", f".mltrack/{path}")
    ws.commit()
    ws.git("clone", "--quiet", str(ws.path), str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone", ws.environment)
    for command in (("status",), ("repro",), ("undo",), ("checkout",), ("config",)):
        assert f"git tracks .mltrack/{path}" in clone.mltrack(*command, code=1).err


def test_links_that_a_commit_brings_in_place_of_state_are_refused(
    ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (ws.path / ".mltrack/cache").symlink_to(tmp_path / "outside")
    ws.git("add", "--force", ".mltrack/cache")
    ws.commit()
    ws.write("f", "x")
    ws.mltrack("add", "f", code=1)
    assert os.listdir(tmp_path / "outside") == []


def test_a_journal_cannot_name_a_file_that_is_no_lock(
    ws: Workspace, tmp_path: Path
) -> None:
    for target in (str(tmp_path / "x"), "../x", ".git/hooks/post-commit", "README"):
        line = run_record.journal_line(Fact(target, "", "s", RECORD), XXH3)
        ws.write(".mltrack/journal/1-999999.journal", line)
        ws.mltrack("status", code=1)
        assert not (tmp_path / "x").exists()


def test_the_shell_is_not_chosen_by_the_committed_config(ws: Workspace) -> None:
    ws.write(".mltrack/config.toml", '[core]\nhash = "xxh3"\nshell = "/tmp/evil"\n')
    assert "core.shell" in ws.mltrack("status", code=1).err


def test_a_remote_inside_the_repository_is_refused_wherever_it_was_named(
    ws: Workspace,
) -> None:
    assert (
        "lies in the git repository"
        in ws.mltrack("remote", "add", "store", "store", code=2).err
    )
    ws.write(
        ".mltrack/config.toml", '[core]\nhash = "xxh3"\n[remote.store]\nurl = "store"\n'
    )
    ws.write("f", "x")
    ws.mltrack("add", "f")
    assert "lies in the git repository" in ws.mltrack("push", code=2).err


def test_a_remote_that_vanished_or_was_exchanged_is_told_and_not_filled_again(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("f", "x")
    shared.mltrack("add", "f")
    shared.mltrack("push")
    (tmp_path / "store").rename(tmp_path / "away")
    assert "empty or gone now" in shared.mltrack("push", code=6).err
    assert not (tmp_path / "store").exists()
    (tmp_path / "store").mkdir()
    (tmp_path / "store/mltrack.json").write_text(
        '{"mltrack": 1, "hash": "xxh3", "id": "other"}'
    )
    assert "another remote than before" in shared.mltrack("push", code=6).err
    shared.mltrack("remote", "add", "--force", "store", str(tmp_path / "store"))
    shared.mltrack("push")


def test_what_was_lost_in_a_remote_is_sent_again(
    shared: Workspace, tmp_path: Path
) -> None:
    shared.write("data/a", "x")
    shared.write("big", bytes(1 << 20))
    shared.mltrack("add", "data", "big")
    shared.mltrack("push")
    for lost in [
        *(tmp_path / "store/packs").iterdir(),
        *(tmp_path / "store/objects").glob("*/*"),
    ]:
        lost.unlink()
    assert shared.mltrack("push", "--json").json["objects"] == 3
    other = shared.path.parent / "other"
    shared.commit()
    clone = shared.clone(other)
    clone.mltrack("pull")
    assert clone.read("data/a") == "x"


def test_a_forged_size_does_not_cost_the_object(ws: Workspace) -> None:
    ws.write("f", "hello-bytes")
    ws.mltrack("add", "f")
    good = ws.read("f.mlt")
    (ws.path / "f").unlink()
    ws.write("f.mlt", good.replace("size: 11", "size: 12"))
    assert "what refers to it says 12" in ws.mltrack("checkout", code=7).err
    ws.write("f.mlt", good)
    ws.mltrack("checkout")
    assert ws.read("f") == "hello-bytes"


def test_trees_that_multiply_are_refused_at_once(ws: Workspace) -> None:
    with CacheWriter(Cache(str(ws.path / ".mltrack/cache"), XXH3)) as writer:
        below, kind = writer.put(b"x"), "f"
        for _ in range(60):
            below, kind = (
                writer.put(
                    tree.encode([(b"a", kind, below, 1), (b"b", kind, below, 1)])
                ),
                "d",
            )
        writer.finish()
    ws.write(
        "data.mlt",
        pointer.write(pointer.Pointer("data", Content(TREE, below, 2, 2)), XXH3),
    )
    assert "it was forged" in ws.mltrack("checkout", code=1).err


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "params.json": '{"a": "\\ud800"}',
        "params.toml": "a = " + "9" * 5000 + "\n",
        "big.yaml": "a: 0x" + "f" * 5000 + "\n",
    }.items(),
)
def test_values_that_cannot_be_recorded_are_refused(
    name: str, text: str, ws: Workspace
) -> None:
    ws.write(name, text)
    ws.write(
        "mltrack.yaml",
        f"stages:\n  s:\n    cmd: touch o\n    params: [{{{name}: [a]}}]\n    outs: [o]\n",
    )
    ws.mltrack("repro", code=1)


def test_a_pointer_with_a_lone_surrogate_is_refused(ws: Workspace) -> None:
    text = pointer.write(
        pointer.Pointer("x", Content(FILE, "0" * 32, 1)), XXH3
    ).replace("path: x", 'path: "\\ud800"')
    ws.write("x.mlt", text)
    assert "x.mlt" in ws.mltrack("status", code=3).err
