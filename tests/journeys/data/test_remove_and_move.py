"""remove and move: what becomes of the files, the pointer and the ignore line."""

from tests.support.workspace import Workspace


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


def test_remove_keeps_a_new_file_that_a_failed_add_looked_at(clone: Workspace) -> None:
    clone.write("d/mine", "mine\n")
    clone.mltrack("remove", "--data", "d", code=1)
    clone.mltrack("add", "d", code=1)
    clone.mltrack("remove", "--data", "d", code=1)
    assert clone.read("d/mine") == "mine\n"
