"""After drop, what matches the last recorded tree is no unsaved work, and what is
nowhere else is not replaced.
"""

import shutil

import pytest

from tests.support.workspace import Workspace


@pytest.fixture
def two(shared: Workspace) -> Workspace:
    """Two versions of a directory, the second in the workspace and in the cache."""
    shared.write("d/a", "1\n")
    shared.write("d/b", "1\n")
    shared.mltrack("add", "d")
    shared.commit("1", tag="v1")
    shared.write("d/a", "2\n")
    (shared.path / "d/b").unlink()
    shared.write("d/c", "two\n")
    shared.mltrack("add", "d")
    shared.commit("2", tag="v2")
    return shared


def texts(ws: Workspace) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((ws.path / "d").iterdir())}


@pytest.mark.parametrize(
    "lost",
    [[], ["index"], ["index", "last"]],
    ids=["nothing lost", "no index", "no last"],
)
def test_git_checkout_and_pull_work_after_a_drop(
    two: Workspace, lost: list[str]
) -> None:
    two.mltrack("push")
    two.mltrack("drop", "d")
    for name in lost:
        shutil.rmtree(two.path / ".mltrack" / name, ignore_errors=True)
    two.git("checkout", "-q", "v1")
    two.mltrack("pull")
    assert texts(two) == {"a": "1\n", "b": "1\n"}
    two.git("checkout", "-q", "v2")
    two.mltrack("pull")
    assert texts(two) == {"a": "2\n", "c": "two\n"}


def test_an_edit_after_the_drop_is_kept_and_named(two: Workspace) -> None:
    two.mltrack("push")
    two.mltrack("drop", "d")
    two.write("d/a", "mine\n")
    assert "d/a" in two.git("checkout", "-q", "v1").err
    assert "d/a" in two.mltrack("pull", code=1).err
    assert two.read("d/a") == "mine\n"
    two.mltrack("pull", "--force")
    assert texts(two) == {"a": "1\n", "b": "1\n"}
    two.mltrack("undo")
    assert two.read("d/a") == "mine\n"


def test_what_was_dropped_by_force_and_is_nowhere_is_saved_before_it_is_replaced(
    two: Workspace,
) -> None:
    two.mltrack("drop", "--force", "d")
    two.git("checkout", "-q", "v1")
    two.git("checkout", "-q", "v2")
    two.mltrack("checkout")
    assert texts(two) == {"a": "2\n", "c": "two\n"}


@pytest.mark.parametrize("force", [True, False])
def test_what_is_nowhere_is_not_removed_with_its_pointer(
    two: Workspace, force: bool
) -> None:
    two.mltrack("push")
    two.mltrack("drop", "d", *(["--force"] if force else []))
    two.mltrack("remove", "--data", "d", code=1)
    assert texts(two) == {"a": "2\n", "c": "two\n"}


def test_what_only_a_remote_held_that_is_gone_is_saved_before_it_is_replaced(
    two: Workspace,
) -> None:
    """By what is known here: `git checkout` asks no remote."""
    two.mltrack("push")
    two.mltrack("drop", "d")
    two.mltrack("remote", "remove", "store")
    two.git("checkout", "-q", "--force", "v1")
    two.git("checkout", "-q", "--force", "v2")
    two.mltrack("checkout", code=None)
    assert texts(two) == {"a": "2\n", "c": "two\n"}


def test_a_dropped_output_is_remade_and_comes_back(shared: Workspace) -> None:
    shared.write("in", "1\n")
    shared.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat in > o, deps: [in], outs: [o]}\n"
    )
    shared.mltrack("repro")
    shared.mltrack("push")
    shared.mltrack("drop", "o")
    shared.write("in", "2\n")
    shared.mltrack("repro")
    assert shared.read("o") == "2\n"
    shared.write("in", "1\n")
    shared.mltrack("repro")
    assert shared.read("o") == "1\n"


@pytest.mark.parametrize(
    "turn", ["a file became a directory", "a directory became a file"]
)
def test_kinds_change_after_a_drop(shared: Workspace, turn: str) -> None:
    kinds = [{"d/x": "file\n"}, {"d/x/y": "in it\n"}]
    if turn.startswith("a dir"):
        kinds.reverse()
    for number, files in enumerate(kinds):
        shutil.rmtree(shared.path / "d", ignore_errors=True)
        for path, text in files.items():
            shared.write(path, text)
        shared.mltrack("add", "d")
        shared.mltrack("push")
        shared.commit(str(number), tag=f"v{number}")
    shared.mltrack("drop", "d")
    shared.git("checkout", "-q", "v0")
    shared.mltrack("pull")
    ((path, text),) = kinds[0].items()
    assert shared.read(path) == text


def test_status_says_that_what_is_clean_here_is_in_the_cache_no_longer(
    shared: Workspace,
) -> None:
    shared.write("data/a", "a")
    shared.write("data/b", "b")
    shared.mltrack("add", "data")
    assert shared.mltrack("status", "--json").json["data"][0]["cached"] is True
    shared.mltrack("push")
    shared.mltrack("drop", "data")
    found = shared.mltrack("status", "--json").json["data"][0]
    assert found["state"] == "clean" and found["cached"] is False
