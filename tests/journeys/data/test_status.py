"""What status, diff, ls and du say of tracked data."""

import os

from tests.support.directories import dataset
from tests.support.stored import LARGE
from tests.support.workspace import Workspace


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


def test_ls_counts_the_files_of_subdirectories(ws: Workspace) -> None:
    for number in range(5):
        ws.write(f"data/sub/deep/{number}", "x")
    ws.mltrack("add", "data")
    assert ws.mltrack("ls", "data", "--json").json["tracked"][0]["files"] == 5


def test_data_older_than_its_pointer_is_called_outdated_and_repro_refuses_it(
    ws: Workspace,
) -> None:
    ws.write("d", "one")
    ws.mltrack("add", "d")
    ws.write(
        "mltrack.yaml", "stages:\n  s:\n    cmd: cp d o\n    deps: [d]\n    outs: [o]\n"
    )
    ws.mltrack("repro")
    ws.commit()
    ws.write("d", "two")
    ws.mltrack("add", "d")
    ws.mltrack("repro")
    ws.commit()
    ws.git("reset", "--quiet", "--hard", "HEAD~")  # git runs no hook here
    assert (
        "outdated" in ws.mltrack("status").out
        and "mltrack checkout d" in ws.mltrack("status").out
    )
    assert "hint: mltrack checkout d" in ws.mltrack("repro", code=1).err
    ws.mltrack("checkout")
    assert ws.read("d") == "one" and "1 unchanged" in ws.mltrack("repro").out


def test_du_tells_sizes_and_what_is_in_the_cache(two: Workspace) -> None:
    usage = two.mltrack("du", "data", "--json").json
    (item,) = usage["targets"]
    assert item["files"] == 11 and item["cached"] == item["size"]
    assert usage["cache"]["loose"] == 2 * len(LARGE)
    assert "the cache takes" in two.mltrack("du").out
    assert two.mltrack("du", "--rev", "v1", "--json").json["targets"][0]["files"] == 11


def test_status_says_what_a_remote_lacks(two: Workspace) -> None:
    two.mltrack("push", "--rev", "v1")
    result = two.mltrack("status", "--remote", "store", "--json").json
    assert [item["path"] for item in result["unpushed"]] == ["data"]
    assert "not pushed" in two.mltrack("status", "-r", "store", "--check", code=4).out
    two.mltrack("push")
    assert "Nothing changed" in two.mltrack("status", "-r", "store", "--check").out
