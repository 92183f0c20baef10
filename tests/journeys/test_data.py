"""Tracking data: add, status, diff, ls, checkout, remove, undo, as typed."""

import os
import shutil

import pytest

from tests.support.workspace import Workspace


def dataset(ws: Workspace) -> None:
    ws.write("data/a.txt", "alpha\n")
    ws.write("data/sub/b.bin", bytes(range(256)))
    ws.write("data/run.sh", "#!/bin/sh\n")
    (ws.path / "data/run.sh").chmod(0o755)
    (ws.path / "data/empty").mkdir()
    (ws.path / "data/link").symlink_to("sub/b.bin")
    ws.write("data/nothing", b"")


def test_add_writes_a_pointer_that_git_keeps_and_an_ignore_line(ws: Workspace) -> None:
    dataset(ws)
    ws.mltrack("add", "data")
    assert ws.read("data.mlt").splitlines()[:2] == ["mltrack: 1", "path: data"]
    assert ws.read(".gitignore") == "/data\n"
    assert ws.git("status", "--short").out == "?? .gitignore\n?? data.mlt\n"


def test_add_again_without_changes_writes_nothing(ws: Workspace) -> None:
    dataset(ws)
    ws.mltrack("add", "data")
    before = (
        (ws.path / "data.mlt").stat().st_ino,
        sorted(os.listdir(ws.path / ".mltrack/cache/packs")),
    )
    assert "unchanged data" in ws.mltrack("add", "data").out
    assert before == (
        (ws.path / "data.mlt").stat().st_ino,
        sorted(os.listdir(ws.path / ".mltrack/cache/packs")),
    )


def test_a_single_file_and_a_large_one_are_tracked(ws: Workspace) -> None:
    ws.write("small.bin", b"x")
    ws.write("large.bin", os.urandom(3 << 20))
    ws.mltrack("add", "small.bin", "large.bin")
    before = ws.files()
    (ws.path / "small.bin").unlink()
    (ws.path / "large.bin").unlink()
    ws.mltrack("checkout")
    assert ws.files() == before


def test_exec_bits_links_empty_files_and_directories_survive_push_pull_and_checkout(
    shared: Workspace,
) -> None:
    dataset(shared)
    shared.mltrack("add", "data")
    shared.commit("data")
    before = shared.files("data")
    shared.mltrack("push")
    shutil.rmtree(shared.path / "data")
    shutil.rmtree(shared.path / ".mltrack/cache")
    shared.mltrack("pull")
    assert shared.files("data") == before
    assert "link sub/b.bin" in before.values()


def test_names_with_any_bytes_survive(ws: Workspace) -> None:
    for name in (
        b"-dash",
        b"new\nline",
        b"tab\t",
        b"sp ace",
        b"per%cent",
        b"\xff\xfe",
        b"#hash",
        "é".encode(),
        b"x" * 255,
    ):
        (ws.path / "data").mkdir(exist_ok=True)
        with open(os.path.join(os.fsencode(ws.path), b"data", name), "wb") as file:
            file.write(name)
    ws.mltrack("add", "data")
    before = ws.files("data")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout")
    assert ws.files("data") == before
    assert ws.mltrack("ls", "-R", "data").code == 0


def test_status_names_changed_added_and_deleted_files(ws: Workspace) -> None:
    dataset(ws)
    ws.mltrack("add", "data")
    ws.write("data/a.txt", "changed\n")
    ws.write("data/new.txt", "new\n")
    (ws.path / "data/nothing").unlink()
    result = ws.mltrack("status", "--json").json
    files = {item["path"]: item["change"] for item in result["data"][0]["files"]}
    assert files == {
        "data/a.txt": "modified",
        "data/new.txt": "added",
        "data/nothing": "deleted",
    }
    assert ws.mltrack("status", "--check", code=4)


def test_status_of_an_unchanged_project_says_so_and_check_is_content(
    ws: Workspace,
) -> None:
    dataset(ws)
    ws.mltrack("add", "data")
    assert "Nothing changed" in ws.mltrack("status", "--check").out


def test_a_same_size_edit_with_its_mtime_restored_is_noticed(ws: Workspace) -> None:
    path = ws.write("data/a.txt", "one")
    ws.mltrack("add", "data")
    ws.mltrack("status")
    state = path.stat()
    path.write_text("two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert "data/a.txt" in ws.mltrack("status").out
    assert "recorded data" in ws.mltrack("add", "data").out


def test_a_changed_exec_bit_is_noticed(ws: Workspace) -> None:
    path = ws.write("data/run", "x")
    ws.mltrack("add", "data")
    path.chmod(0o755)
    assert "data/run" in ws.mltrack("status").out


def test_diff_compares_two_revisions_file_by_file(ws: Workspace) -> None:
    ws.write("data/a", "1")
    ws.write("data/b", "1")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.write("data/a", "22")
    (ws.path / "data/b").unlink()
    ws.write("data/c", "3")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    files = {
        item["path"]: item["change"]
        for item in ws.mltrack("diff", "v1", "v2", "--json").json["files"]
    }
    assert files == {"data/a": "modified", "data/b": "deleted", "data/c": "added"}
    assert "No differences" in ws.mltrack("diff").out
    ws.mltrack("diff", "v1", "--check", code=4)


def test_ls_lists_tracked_paths_and_what_is_in_them_at_any_revision(
    ws: Workspace,
) -> None:
    ws.write("data/sub/a", "1")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.mltrack("remove", "data")
    ws.commit()
    assert ws.mltrack("ls", "--json").json["tracked"] == []
    listed = ws.mltrack("ls", "--rev", "v1", "-R", "--json").json["tracked"]
    assert [item["path"] for item in listed] == ["data/sub/a"]


def test_data_follows_git_checkout_by_the_hooks(ws: Workspace) -> None:
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.write("data/a", "two")
    ws.write("data/b", "new")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1")
    assert ws.files("data") == {"data/a": "file b'one'"}
    ws.git("checkout", "--quiet", "main")
    assert ws.files("data") == {"data/a": "file b'two'", "data/b": "file b'new'"}


def test_hooks_are_silent_when_they_are_turned_off(ws: Workspace) -> None:
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.write("data/a", "two")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1", MLTRACK_HOOKS="0")
    assert ws.read("data/a") == "two"


def test_data_that_is_no_longer_tracked_goes_with_its_pointer_and_comes_back_with_it(
    ws: Workspace,
) -> None:
    ws.commit(tag="v0")
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.git("checkout", "--quiet", "v0")
    assert not ws.exists("data")
    ws.git("checkout", "--quiet", "v1")
    assert ws.read("data/a") == "one"


def test_checkout_leaves_unsaved_changes_and_names_them(ws: Workspace) -> None:
    ws.write("data/a", "one")
    ws.write("data/b", "one")
    ws.mltrack("add", "data")
    ws.write("data/a", "mine")
    ws.write("data/own", "mine too")
    (ws.path / "data/b").unlink()
    done = ws.mltrack("checkout")
    assert ws.files("data") == {
        "data/a": "file b'mine'",
        "data/b": "file b'one'",
        "data/own": "file b'mine too'",
    }
    assert "data/a" in done.err and "data/own" in done.err


def test_checkout_refuses_a_target_in_which_both_sides_changed_and_touches_nothing_of_it(
    ws: Workspace,
) -> None:
    ws.write("data/a", "one")
    ws.write("data/b", "one")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.write("data/a", "two")
    ws.write("data/b", "two")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.write("data/a", "mine")
    done = ws.git("checkout", "--quiet", "v1")
    assert "data/a" in done.err
    assert ws.read("data/a") == "mine" and ws.read("data/b") == "two"
    refused = ws.mltrack("checkout", code=1)
    assert "data/a" in refused.err and "hint:" in refused.err


def test_checkout_force_saves_what_it_replaces_and_undo_puts_it_back(
    ws: Workspace,
) -> None:
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.write("data/a", "precious")
    ws.mltrack("checkout", "--force")
    assert ws.read("data/a") == "one"
    ws.mltrack("undo")
    assert ws.read("data/a") == "precious"


def test_checkout_of_one_path_leaves_the_others(ws: Workspace) -> None:
    ws.write("data/a", "one")
    ws.write("data/b", "one")
    ws.mltrack("add", "data")
    shutil.rmtree(ws.path / "data")
    ws.mltrack("checkout", "data/b")
    assert ws.files("data") == {"data/b": "file b'one'"}


def test_a_file_that_becomes_a_directory_and_back(ws: Workspace) -> None:
    ws.write("data/x", "file")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    (ws.path / "data/x").unlink()
    ws.write("data/x/y", "inside")
    ws.mltrack("add", "data")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1")
    assert ws.files("data") == {"data/x": "file b'file'"}
    ws.git("checkout", "--quiet", "v2")
    assert ws.files("data") == {"data/x": "directory", "data/x/y": "file b'inside'"}


def test_a_target_that_changes_between_file_and_directory(ws: Workspace) -> None:
    ws.write("thing", "file")
    ws.mltrack("add", "thing")
    ws.commit(tag="v1")
    (ws.path / "thing").unlink()
    ws.write("thing/in", "side")
    ws.mltrack("add", "thing")
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1")
    assert ws.read("thing") == "file"
    ws.git("checkout", "--quiet", "v2")
    assert ws.read("thing/in") == "side"


def test_remove_keeps_the_files_and_with_data_removes_them_only_if_the_cache_has_them(
    ws: Workspace,
) -> None:
    ws.write("data/a", "one")
    ws.mltrack("add", "data")
    ws.mltrack("remove", "data")
    assert (
        ws.exists("data/a")
        and not ws.exists("data.mlt")
        and not ws.exists(".gitignore")
    )
    ws.mltrack("add", "data")
    ws.write("data/a", "unsaved")
    assert "data" in ws.mltrack("remove", "--data", "data", code=1).err
    assert ws.read("data/a") == "unsaved"
    ws.mltrack("add", "data")
    ws.mltrack("remove", "--data", "data")
    assert not ws.exists("data")


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ("*\n!*.npy\n!*/\n", ["data/a.npy", "data/d/c.npy"]),
        (
            "data/d/**\n!data/d/keep.json\n",
            ["data/a.npy", "data/b.txt", "data/d/keep.json"],
        ),
        # nothing comes back from a directory left out
        ("data/d/\n!data/d/keep.json\n", ["data/a.npy", "data/b.txt"]),
        ("*.npy \r\n#b.txt\n\\#c\n", ["data/b.txt", "data/d/keep.json"]),
    ],
)
def test_mltrackignore_brings_back_what_a_later_line_negates(
    ws: Workspace, patterns: str, kept: list[str]
) -> None:
    for name in ("a.npy", "b.txt", "d/c.npy", "d/keep.json"):
        ws.write(f"data/{name}", name)
    (ws.path / ".mltrackignore").write_text(patterns, newline="")
    ws.mltrack("add", "data")
    assert [
        i["path"]
        for i in ws.mltrack("ls", "-R", "data", "--json").json["tracked"]
        if i["kind"] == "file"
    ] == kept


def test_a_mltrackignore_further_down_speaks_for_what_is_below_it(
    ws: Workspace,
) -> None:
    ws.write(".mltrackignore", "*.tmp\n")
    ws.write("data/.mltrackignore", "!keep.tmp\n/own\n")
    for name in ("keep.tmp", "x.tmp", "own", "sub/own", "sub/keep.tmp"):
        ws.write(f"data/{name}", name)
    ws.mltrack("add", "data")
    listed = [
        i["path"]
        for i in ws.mltrack("ls", "-R", "data", "--json").json["tracked"]
        if i["kind"] == "file"
    ]
    assert listed == [
        "data/.mltrackignore",
        "data/keep.tmp",
        "data/sub/keep.tmp",
        "data/sub/own",
    ]
    assert ws.mltrack("check-ignore", "data/own", "data/keep.tmp").out.splitlines() == [
        "data/.mltrackignore:2:/own    data/own"
    ]
    ws.write("data/.mltrackignore", "")
    assert "modified" in ws.mltrack("status").out


def test_mltrackignore_leaves_files_out_of_tracked_directories(ws: Workspace) -> None:
    ws.write(".mltrackignore", "*.tmp\nscratch/\n")
    ws.write("data/a", "1")
    ws.write("data/b.tmp", "1")
    ws.write("data/scratch/c", "1")
    ws.mltrack("add", "data")
    listed = ws.mltrack("ls", "-R", "data", "--json").json["tracked"]
    assert [item["path"] for item in listed] == ["data/a"]
    assert "Nothing changed" in ws.mltrack("status").out


def test_blake3_projects_work_and_are_never_mixed(bare: Workspace) -> None:
    bare.mltrack("init", "--hash", "blake3")
    bare.write("data/a", "one")
    bare.mltrack("add", "data")
    assert "digest: blake3:" in bare.read("data.mlt")
    bare.mltrack("init", "--hash", "xxh3", code=1)
    bare.write("data.mlt", bare.read("data.mlt").replace("blake3:", "xxh3:")[:200])
    assert "never mixed" in bare.mltrack("status", code=3).err


def test_move_renames_data_pointer_and_ignore_line(ws: Workspace) -> None:
    ws.write("data/a", "x")
    ws.mltrack("add", "data")
    ws.commit(tag="v1")
    ws.mltrack("move", "data", "deep/er/raw")
    assert ws.files() == {
        ".gitattributes": ws.files()[".gitattributes"],
        "deep": "directory",
        "deep/er": "directory",
        "deep/er/.gitignore": "file b'/raw\\n'",
        "deep/er/raw": "directory",
        "deep/er/raw/a": "file b'x'",
        "deep/er/raw.mlt": ws.files()["deep/er/raw.mlt"],
    }
    assert "Nothing changed" in ws.mltrack("status").out
    ws.commit(tag="v2")
    ws.git("checkout", "--quiet", "v1")
    assert ws.read("data/a") == "x" and not ws.exists("deep/er/raw")


def test_move_refuses_what_is_taken_or_not_tracked(ws: Workspace) -> None:
    ws.write("a", "a")
    ws.write("b", "b")
    ws.mltrack("add", "a")
    ws.mltrack("move", "a", "b", code=1)
    ws.mltrack("move", "b", "c", code=2)
    ws.mltrack("move", "a", "a/b", code=2)
    assert ws.read("a") == "a" and ws.exists("a.mlt")


def test_a_move_that_was_interrupted_is_completed_by_the_same_command(
    ws: Workspace,
) -> None:
    ws.write("a", "a")
    ws.mltrack("add", "a")
    ws.write("b.mlt", ws.read("a.mlt").replace("path: a", "path: b"))
    ws.mltrack("move", "a", "b")
    assert (
        ws.read("b") == "a"
        and not ws.exists("a.mlt")
        and ws.read(".gitignore") == "/b\n"
    )


def test_add_says_when_another_line_keeps_git_seeing_the_data(ws: Workspace) -> None:
    ws.write(".gitignore", "/d\n!/d\n")
    ws.write("d", "x")
    assert "git still sees d" in ws.mltrack("add", "d").err
    ws.write("e", "x")
    assert "warning" not in ws.mltrack("add", "e").err


def test_a_pattern_may_bring_pointers_along_beside_what_they_track(
    ws: Workspace,
) -> None:
    for name in ("d1", "d2"):
        ws.write(f"{name}/f", name)
    ws.mltrack("add", "d1", "d2")
    ws.write("d1/f", "changed")
    ws.mltrack("add", "d1", "d1.mlt", "./d2", "d2.mlt")
    assert "Nothing changed" in ws.mltrack("status").out
    refused = ws.mltrack("add", "d1", "d2.mlt", code=2).err
    assert "'d2.mlt' is a pointer" in refused and "mltrack add d2" in refused
