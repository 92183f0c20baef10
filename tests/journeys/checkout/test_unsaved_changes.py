"""What is saved nowhere stays, and is named; with --force it is saved before it is
replaced.
"""

import pytest

from tests.support.workspace import Workspace


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


def test_a_pull_leaves_a_new_file_that_a_failed_add_looked_at(clone: Workspace) -> None:
    clone.write("d/mine", "mine\n")
    clone.mltrack("add", "d", code=1)
    clone.mltrack("pull")
    assert clone.read("d/mine") == "mine\n" and clone.read("d/1") == "1\n"


@pytest.mark.parametrize("bring", [["pull"], ["checkout", "d"]])
def test_a_pull_leaves_a_file_of_a_recorded_name_that_a_failed_add_looked_at(
    clone: Workspace, bring: list[str]
) -> None:
    clone.write("d/1", "mine\n")
    clone.mltrack("add", "d", code=1)
    clone.mltrack("fetch")
    assert "d/1" in clone.mltrack(*bring, code=1).err
    assert clone.read("d/1") == "mine\n"
