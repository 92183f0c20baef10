"""undo puts back what --force replaced, whatever kind stood there."""

import os

import pytest

from tests.support.workspace import Workspace


def test_undo_puts_back_all_that_a_command_replaced_and_then_what_the_one_before_did(
    ws: Workspace,
) -> None:
    for name in ("a", "b"):
        ws.write(name, "orig")
    ws.mltrack("add", "a", "b")
    for text in ("first", "second"):
        for name in ("a", "b"):
            ws.write(name, f"{text} {name}")
        ws.mltrack("checkout", "--force")
    ws.mltrack("undo")
    assert (ws.read("a"), ws.read("b")) == ("second a", "second b")
    ws.mltrack("undo")
    assert (ws.read("a"), ws.read("b")) == ("first a", "first b")
    ws.mltrack("undo", code=2)


def test_what_undo_put_back_is_a_change_of_ones_own_again(ws: Workspace) -> None:
    ws.write("a", "orig")
    ws.mltrack("add", "a")
    ws.write("a", "mine")
    ws.mltrack("checkout", "--force")
    ws.mltrack("undo")
    ws.mltrack("checkout")
    assert ws.read("a") == "mine"
    ws.mltrack("checkout", "--force")
    assert ws.read("a") == "orig"
    ws.mltrack("undo")
    assert ws.read("a") == "mine"


def test_undo_of_one_path_leaves_the_notes_of_the_others(ws: Workspace) -> None:
    for name in ("a", "b"):
        ws.write(name, "orig")
    ws.mltrack("add", "a", "b")
    for name in ("a", "b"):
        ws.write(name, f"mine {name}")
    ws.mltrack("checkout", "--force")
    ws.mltrack("undo", "a")
    ws.mltrack("undo")
    assert (ws.read("a"), ws.read("b")) == ("mine a", "mine b")


def test_undo_leaves_files_that_were_made_since(ws: Workspace) -> None:
    ws.write("d/f", "orig")
    ws.mltrack("add", "d")
    ws.write("d/f", "mine")
    ws.mltrack("checkout", "--force")
    ws.write("d/later", "later")
    ws.mltrack("undo")
    assert ws.read("d/f") == "mine" and ws.read("d/later") == "later"


@pytest.mark.parametrize(
    "change",
    [
        "rm -r d; echo mine > d",
        "rm d/a; mkdir d/a; echo mine > d/a/x; mkdir d/a/empty",
        "rm -r d/sub; echo mine > d/sub",
        "rm -r d/sub; ln -s a d/sub",
        "rm d/a; ln -s sub/b d/a",
        "chmod +x d/a",
        "rm d/a; mkdir -p d/a/x/y; echo mine > d/a/x/y/z; ln -s z d/a/x/y/l; chmod +x d/a/x/y/z",
        "rm -r d/sub; echo mine > d/sub; echo edit > d/a; echo new > d/new",
    ],
)
def test_what_changed_kind_comes_back(ws: Workspace, change: str) -> None:
    ws.write("d/a", "a\n")
    ws.write("d/sub/b", "b\n")
    ws.mltrack("add", "d")
    ws.commit()
    recorded = ws.files()
    ws.run(["/bin/sh", "-ec", change])
    changed = ws.files()
    assert changed != recorded
    ws.mltrack("checkout", "--force")
    after = ws.files()
    assert {path: after[path] for path in recorded} == recorded
    ws.mltrack("undo")
    assert ws.files() == changed
    ws.mltrack("undo", code=2)
    assert ws.files() == changed


def test_a_file_that_became_a_directory_comes_back_as_one(ws: Workspace) -> None:
    ws.write("f", "f\n")
    ws.mltrack("add", "f")
    ws.commit()
    ws.run(
        [
            "/bin/sh",
            "-ec",
            "rm f; mkdir -p f/x f/empty; echo mine > f/x/y; ln -s y f/x/l; chmod +x f/x/y",
        ]
    )
    changed = ws.files("f")
    ws.mltrack("checkout", "--force")
    assert ws.read("f") == "f\n"
    ws.mltrack("undo")
    assert ws.files("f") == changed
    assert os.readlink(ws.path / "f/x/l") == "y"


def test_what_stops_one_path_is_named_and_nothing_is_lost(ws: Workspace) -> None:
    ws.write("d/a", "a\n")
    ws.write("d/b", "b\n")
    ws.write(".mltrackignore", "*.tmp\n")
    ws.mltrack("add", "d")
    ws.commit()
    ws.run(
        [
            "/bin/sh",
            "-ec",
            "rm d/a; mkdir d/a; echo mine > d/a/x; echo ignored > d/a/y.tmp",
        ]
    )
    assert "a" in ws.mltrack("checkout", "--force", code=None).err
    assert ws.read("d/a/y.tmp") == "ignored\n"
    if not ws.exists("d/a/x"):
        ws.mltrack("undo")
    assert ws.read("d/a/x") == "mine\n"
