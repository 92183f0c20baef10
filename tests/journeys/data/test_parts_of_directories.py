"""Single files of a tracked directory are added, replaced, taken out and renamed where
the rest of it was never brought.
"""

from pathlib import Path

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def clone(shared: Workspace, tmp_path: Path) -> Workspace:
    """A clone with nothing of the directory ``d`` in it."""
    for name in ("1", "2", "sub/3", "sub/4"):
        shared.write(f"d/{name}", f"{name}\n")
    shared.write("e/5", "5\n")
    shared.mltrack("add", "d", "e")
    shared.mltrack("push")
    shared.commit("data")
    return shared.clone(tmp_path / "clone")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.mkdir()
    (path / "new").write_text("new\n")
    (path / "2").write_text("replaced\n")
    return path


def after_push(clone: Workspace, to: Path) -> dict[str, str]:
    """What another clone gets of what this one records and pushes."""
    clone.mltrack("push")
    clone.commit("changed")
    other = clone.clone(to)
    other.mltrack("pull")
    assert "modified" not in other.mltrack("status").out
    return {
        path: other.read(path)
        for below in ("d", "e")
        for path, kind in other.files(below).items()
        if kind != "directory"
    }


ALL = {"d/1": "1\n", "d/2": "2\n", "d/sub/3": "sub/3\n", "d/sub/4": "sub/4\n"}
E_5 = {"e/5": "5\n"}


def state_of(ws: Workspace, path: str = "d") -> str:
    items = ws.mltrack("status", "--json").json["data"]
    return str(next(item["state"] for item in items if item["path"] == path))


def test_files_are_added_to_a_directory_that_was_never_pulled(
    clone: Workspace, outside: Path, tmp_path: Path
) -> None:
    done = clone.mltrack("add", "--into", "d", f"{outside}/new", f"{outside}/2")
    assert "recorded d (5 files" in done.out
    assert clone.files("d") == {"d/2": "file b'replaced\\n'", "d/new": "file b'new\\n'"}
    assert state_of(clone) == "partial"
    expected = {**ALL, **E_5, "d/2": "replaced\n", "d/new": "new\n"}
    assert after_push(clone, tmp_path / "other") == expected


def test_a_directory_is_added_below_one_of_the_listing(
    clone: Workspace, outside: Path, tmp_path: Path
) -> None:
    clone.mltrack("add", "--into", "d/sub", str(outside))
    again = clone.mltrack("add", "--into", "d/sub", str(outside), code=1)
    assert "d/sub/outside' exists in 'd' already" in again.err
    expected = {**ALL, **E_5, "d/sub/outside/2": "replaced\n"}
    expected["d/sub/outside/new"] = "new\n"
    assert after_push(clone, tmp_path / "other") == expected


def test_a_file_that_lies_in_the_directory_already_is_recorded_where_it_is(
    clone: Workspace,
) -> None:
    clone.write("d/own", "own\n")
    clone.write("d/other", "other\n")
    clone.mltrack("add", "--into", "d", "d/own")
    status = clone.mltrack("status", "--json").json["data"]
    [item] = [item for item in status if item["path"] == "d"]
    assert [change["path"] for change in item["files"]] == ["d/other"]
    assert "files: 5" in clone.read("d.mlt")


def test_nothing_is_added_over_an_edited_file(clone: Workspace, outside: Path) -> None:
    clone.mltrack("pull", "d/2")
    clone.write("d/2", "edited\n")
    before = clone.read("d.mlt")
    done = clone.mltrack("add", "--into", "d", f"{outside}/new", f"{outside}/2", code=1)
    assert "d/2" in done.err
    assert clone.read("d.mlt") == before
    assert clone.read("d/2") == "edited\n" and not clone.exists("d/new")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--into", "nosuch", "{}/new"], 2, "not tracked by a pointer"),
        (["--into", "d", "{}/nowhere"], 2, "does not exist"),
        (["--into", "d", "{}/new", "{}/new"], 2, "two of them would be 'd/new'"),
        (["--into", "d", "--out", "x", "{}/new"], 2, "--into excludes"),
    ],
)
def test_what_cannot_be_added_into_a_directory_is_refused_in_words(
    clone: Workspace, outside: Path, arguments: list[str], code: int, said: str
) -> None:
    before = clone.files()
    words = [word.format(outside) for word in arguments]
    assert said in clone.mltrack("add", *words, code=code).err
    assert clone.files() == before


def test_a_file_neither_takes_the_place_of_a_directory_nor_is_added_if_left_out(
    clone: Workspace, outside: Path
) -> None:
    (outside / "sub").write_text("x")
    done = clone.mltrack("add", "--into", "d", f"{outside}/sub", code=1)
    assert "'d/sub' is a directory in 'd'" in done.err
    clone.write(".mltrackignore", "new\n")
    done = clone.mltrack("add", "--into", "d", f"{outside}/new", code=1)
    assert ".mltrackignore:1: new" in done.err


def test_a_listing_that_nobody_has_is_named(clone: Workspace, outside: Path) -> None:
    clone.mltrack("config", "remote.store.url", str(outside / "away"))
    done = clone.mltrack("add", "--into", "d", f"{outside}/new", code=1)
    assert "mltrack fetch d" in done.err
    assert not clone.exists("d")


def test_a_file_is_taken_out_of_a_directory_that_was_never_pulled(
    clone: Workspace, tmp_path: Path
) -> None:
    done = clone.mltrack("remove", "d/sub/4", "d/1")
    assert "no longer tracked: d/sub/4\n" in done.out
    assert "git add d.mlt" in done.err
    assert not clone.exists("d")
    left = {path: ALL[path] for path in ("d/2", "d/sub/3")}
    assert after_push(clone, tmp_path / "other") == {**left, **E_5}


def test_a_file_that_is_taken_out_stays_here_unless_its_data_is_to_go(
    clone: Workspace,
) -> None:
    clone.mltrack("pull", "d/1", "d/2")
    assert "files kept" in clone.mltrack("remove", "d/1").out
    # one of the person's own now: no checkout takes it away
    clone.mltrack("pull", "d/2")
    assert clone.read("d/1") == "1\n" and state_of(clone) == "modified"
    assert "files removed" in clone.mltrack("remove", "--data", "d/2").out
    assert not clone.exists("d/2")


def test_data_of_a_part_that_the_cache_lacks_is_not_removed(clone: Workspace) -> None:
    clone.mltrack("pull", "d/1")
    clone.write("d/1", "edited\n")
    before = clone.read("d.mlt")
    assert "would lose" in clone.mltrack("remove", "--data", "d/1", code=1).err
    assert clone.read("d/1") == "edited\n" and clone.read("d.mlt") == before


def test_the_last_file_of_a_directory_is_removed_with_its_pointer_only(
    clone: Workspace,
) -> None:
    done = clone.mltrack("remove", "e/5", code=1)
    assert "nothing would be left in 'e'" in done.err and "mltrack remove e" in done.err
    assert "has no 'e/6'" in clone.mltrack("remove", "e/6", code=2).err
    assert "goes already" in clone.mltrack("remove", "e", "e/5", code=2).err


def test_files_are_moved_within_a_directory_and_into_another(
    clone: Workspace, tmp_path: Path
) -> None:
    clone.mltrack("pull", "d/2")
    clone.mltrack("move", "d/1", "d/one")
    clone.mltrack("move", "d/2", "d/sub")
    done = clone.mltrack("move", "d/sub/3", "e")
    assert "moved d/sub/3 to e/3" in done.out and "d.mlt e.mlt" in done.err
    assert clone.read("d/sub/2") == "2\n" and not clone.exists("d/2")
    assert state_of(clone) == "partial"
    assert after_push(clone, tmp_path / "other") == {
        "d/one": "1\n",
        "d/sub/2": "2\n",
        "d/sub/4": "sub/4\n",
        "e/3": "sub/3\n",
        "e/5": "5\n",
    }


def test_an_edited_file_is_moved_with_its_changes(clone: Workspace) -> None:
    clone.mltrack("pull", "d/2")
    clone.write("d/2", "edited\n")
    clone.mltrack("move", "d/2", "d/two")
    assert clone.read("d/two") == "edited\n"
    status = clone.mltrack("status", "--json").json["data"]
    [item] = [item for item in status if item["path"] == "d"]
    assert [change["path"] for change in item["files"]] == ["d/two"]


def test_a_move_in_a_directory_that_was_cut_off_is_completed_by_the_same_command(
    clone: Workspace,
) -> None:
    clone.mltrack("pull", "d/2")
    (clone.path / "d/2").rename(clone.path / "d/two")
    clone.mltrack("move", "d/2", "d/two")
    assert state_of(clone) == "partial" and clone.read("d/two") == "2\n"


def test_a_move_in_a_directory_replaces_nothing(clone: Workspace) -> None:
    before = clone.read("d.mlt")
    assert "exists in 'd'" in clone.mltrack("move", "d/1", "d/2", code=1).err
    clone.write("d/own", "own\n")
    assert "exists already" in clone.mltrack("move", "d/1", "d/own", code=1).err
    assert "no tracked" in clone.mltrack("move", "d/1", "elsewhere", code=2).err
    assert "cannot be moved" in clone.mltrack("move", "d/sub", "d/sub/x", code=2).err
    assert clone.read("d.mlt") == before and clone.read("d/own") == "own\n"


def test_a_file_is_no_directory_to_add_into(ws: Workspace) -> None:
    ws.write("d/1", "one\n")
    ws.write("d/s/2", "two\n")
    ws.mltrack("add", "d")
    before = ws.read("d.mlt")
    (ws.path.parent / "x").write_text("x")
    for into in ("d/1", "d/s/2", "d/1/deep"):
        done = ws.mltrack("add", "--into", into, "../x", code=1)
        assert (
            "is a file in 'd'" in done.err and "hint: mltrack add --into d" in done.err
        )
    assert ws.read("d.mlt") == before and ws.read("d/1") == "one\n"
