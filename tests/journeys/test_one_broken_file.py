"""One file that cannot be read is named, and everything that it does not concern goes on."""

import pytest

from tests.support.workspace import Workspace

CONFLICT = "<<<<<<< HEAD\nmltrack: 1\n=======\nmltrack: 1\n>>>>>>> other\n"


@pytest.fixture
def three(shared: Workspace) -> Workspace:
    for name in ("one", "two", "calm"):
        shared.write(name, f"{name}\n")
    shared.mltrack("add", "one", "two", "calm")
    shared.commit("data")
    return shared


@pytest.mark.parametrize("text", [CONFLICT, "", "mltrack: 1\n", "\x00\xff"])
def test_a_pointer_that_cannot_be_read_is_named_by_what_takes_all(three: Workspace, text: str) -> None:
    three.write("one.mlt", text)
    three.write("two.mlt", text)
    (three.path / "calm").unlink()
    for command in ("status", "push", "ls", "checkout", "fsck"):
        told = three.mltrack(command, code=3).err
        assert "one.mlt" in told and "two.mlt" in told, command
    assert three.read("calm") == "calm\n", "checkout brought what is whole"
    assert three.read("one") == "one\n", "what the broken pointer stands for is left alone"


def test_what_does_not_concern_it_ends_well(three: Workspace) -> None:
    three.write("one.mlt", CONFLICT)
    (three.path / "calm").unlink()
    three.mltrack("checkout", "calm")
    three.write("new", "new\n")
    three.mltrack("add", "new")
    three.mltrack("push", "calm")
    three.write("mltrack.yaml", "stages:\n  s: {cmd: cat calm > o, deps: [calm], outs: [o]}\n")
    three.mltrack("repro")
    assert three.read("o") == "calm\n"


def test_what_does_concern_it_says_so_and_changes_nothing(three: Workspace) -> None:
    three.write("one.mlt", CONFLICT)
    three.write("mltrack.yaml", "stages:\n  s: {cmd: cat one > o, deps: [one], outs: [o]}\n")
    for command in ("checkout one", "push one", "add one", "repro", "remove one", "drop one"):
        assert "one.mlt:1" in three.mltrack(*command.split(), code=1).err, command
    assert not three.exists("o") and three.read("one") == "one\n" and three.read("one.mlt") == CONFLICT


def test_nothing_is_deleted_while_a_pointer_cannot_be_read(three: Workspace) -> None:
    three.mltrack("config", "gc.grace_days", "0")
    three.write("one.mlt", CONFLICT)
    assert "nothing was deleted" in three.mltrack("gc", code=1).err


def test_the_pre_commit_hook_names_conflict_markers(three: Workspace) -> None:
    three.write("one.mlt", CONFLICT)
    assert "one.mlt:1" in three.git("commit", "-qam", "x").err


@pytest.mark.parametrize("command", ["metrics", "params"])
@pytest.mark.parametrize("text", ['{"y": ', CONFLICT, "\xff"])
def test_a_file_of_values_that_cannot_be_read_leaves_the_others_shown(ws: Workspace, command: str, text: str) -> None:
    ws.write("mltrack.yaml", f"{command}: [a.json, b.json]\n")
    ws.write("a.json", '{"x": 1}')
    ws.write("b.json", text)
    ws.commit("broken")
    ws.write("a.json", '{"x": 2}')
    for verb in ("show", "diff"):
        done = ws.mltrack(command, verb, code=3)
        assert "a.json" in done.out and "b.json" in done.err, verb
