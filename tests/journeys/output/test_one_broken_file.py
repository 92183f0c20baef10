"""One file that cannot be read is named, and everything that it does not concern goes
on.
"""

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
def test_a_pointer_that_cannot_be_read_is_named_by_what_takes_all(
    three: Workspace, text: str
) -> None:
    three.write("one.mlt", text)
    three.write("two.mlt", text)
    (three.path / "calm").unlink()
    for command in ("status", "push", "ls", "checkout", "fsck"):
        told = three.mltrack(command, code=3).err
        assert "one.mlt" in told and "two.mlt" in told, command
    assert three.read("calm") == "calm\n", "checkout brought what is whole"
    assert three.read("one") == "one\n", (
        "what the broken pointer stands for is left alone"
    )


def test_what_does_not_concern_it_ends_well(three: Workspace) -> None:
    three.write("one.mlt", CONFLICT)
    (three.path / "calm").unlink()
    three.mltrack("checkout", "calm")
    three.write("new", "new\n")
    three.mltrack("add", "new")
    three.mltrack("push", "calm")
    three.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat calm > o, deps: [calm], outs: [o]}\n"
    )
    three.mltrack("repro")
    assert three.read("o") == "calm\n"


def test_what_does_concern_it_says_so_and_changes_nothing(three: Workspace) -> None:
    three.write("one.mlt", CONFLICT)
    three.write(
        "mltrack.yaml", "stages:\n  s: {cmd: cat one > o, deps: [one], outs: [o]}\n"
    )
    for command in (
        "checkout one",
        "push one",
        "add one",
        "repro",
        "remove one",
        "drop one",
    ):
        assert "one.mlt:1" in three.mltrack(*command.split(), code=1).err, command
    assert (
        not three.exists("o")
        and three.read("one") == "one\n"
        and three.read("one.mlt") == CONFLICT
    )


def test_nothing_is_deleted_while_a_pointer_cannot_be_read(three: Workspace) -> None:
    three.mltrack("config", "gc.grace_days", "0")
    three.write("one.mlt", CONFLICT)
    assert "nothing was deleted" in three.mltrack("gc", code=1).err


def test_the_pre_commit_hook_names_conflict_markers(three: Workspace) -> None:
    three.write("one.mlt", CONFLICT)
    assert "one.mlt:1" in three.git("commit", "-qam", "x").err


@pytest.mark.parametrize("command", ["metrics", "params"])
@pytest.mark.parametrize("text", ['{"y": ', CONFLICT, "\xff"])
def test_a_file_of_values_that_cannot_be_read_leaves_the_others_shown(
    ws: Workspace, command: str, text: str
) -> None:
    ws.write("mltrack.yaml", f"{command}: [a.json, b.json]\n")
    ws.write("a.json", '{"x": 1}')
    ws.write("b.json", text)
    ws.commit("broken")
    ws.write("a.json", '{"x": 2}')
    for verb in ("show", "diff"):
        done = ws.mltrack(command, verb, code=3)
        assert "a.json" in done.out and "b.json" in done.err, verb


STAGES = """stages:
  s: {cmd: cat in > o, deps: [in], outs: [o]}
"""


@pytest.fixture
def two_pipelines(shared: Workspace) -> Workspace:
    for directory in ("", "sub/"):
        shared.write(f"{directory}in", "1\n")
        shared.write(f"{directory}mltrack.yaml", STAGES)
    shared.mltrack("repro")
    shared.commit("results")
    return shared


@pytest.mark.parametrize("text", [CONFLICT, "{", "{}", "\x00\xff"])
def test_a_lock_that_cannot_be_read_is_named_by_what_takes_all(
    two_pipelines: Workspace, text: str
) -> None:
    ws = two_pipelines
    ws.write("sub/mltrack.lock", text)
    (ws.path / "o").unlink()
    for command in ("status", "push", "ls", "checkout", "fsck", "diff HEAD"):
        done = ws.mltrack(*command.split(), code=3)
        assert "sub/mltrack.lock" in done.err and "deleted   sub/" not in done.out, (
            command
        )
    assert (ws.read("o"), ws.read("sub/o")) == ("1\n", "1\n")


def test_what_does_not_concern_the_lock_ends_well(two_pipelines: Workspace) -> None:
    ws = two_pipelines
    ws.write("sub/mltrack.lock", CONFLICT)
    ws.write("in", "2\n")
    for command in ("repro s", "checkout o", "push o", "dag", "status o", "why s"):
        ws.mltrack(*command.split(), code=0)
    assert ws.read("o") == "2\n"
    assert ws.read("sub/mltrack.lock") == CONFLICT


def test_what_does_concern_the_lock_says_so_and_changes_nothing(
    two_pipelines: Workspace,
) -> None:
    ws = two_pipelines
    ws.write("sub/mltrack.lock", CONFLICT)
    ws.write("sub/in", "2\n")
    for command in (
        "repro",
        "repro sub/mltrack.yaml:s",
        "checkout sub/o",
        "commit sub/mltrack.yaml:s",
        "gc",
    ):
        assert "sub/mltrack.lock" in ws.mltrack(*command.split(), code=1).err, command
    assert (ws.read("sub/o"), ws.read("sub/mltrack.lock")) == ("1\n", CONFLICT)


def test_git_checkout_leaves_outputs_whose_lock_cannot_be_read(
    two_pipelines: Workspace,
) -> None:
    ws = two_pipelines
    ws.write("sub/mltrack.lock", CONFLICT)
    ws.git("commit", "-q", "-a", "--no-verify", "-m", "a conflict, committed")
    ws.git("checkout", "-q", "HEAD~1")
    ws.git("checkout", "-q", "main")
    assert ws.read("sub/o") == "1\n"


def test_a_dependency_deep_in_what_git_ignores_counts(ws: Workspace) -> None:
    ws.write(".gitignore", "/ig/\n")
    ws.write("ig/a/b/c", "1\n")
    ws.write("d/kept", "1\n")
    ws.write("d/no.log", "1\n")
    ws.write("d/.gitignore", "*.log\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s: {cmd: cat ig/a/b/c > o, deps: [ig/a/b, d], outs: [o]}\n",
    )
    ws.mltrack("repro")
    ws.mltrack("status", "--check")
    ws.write("d/no.log", "2\n")
    ws.mltrack("status", "--check")
    ws.write("ig/a/b/c", "2\n")
    ws.mltrack("repro")
    assert ws.read("o") == "2\n"


PARAMS = """stages:
  calm: {cmd: cat in > calm, deps: [in], outs: [calm]}
  t: {cmd: cat in > t, deps: [in], params: [a], outs: [t]}
  after: {cmd: cat t > after, deps: [t], outs: [after]}
"""


@pytest.mark.parametrize(
    "text", [None, "a: [", "b: 1\n", "<<<<<<< HEAD\na: 1\n", "- 1\n"]
)
def test_a_params_file_that_says_nothing_hinders_its_stages_only(
    ws: Workspace, text: str | None
) -> None:
    ws.write("in", "1\n")
    ws.write("params.yaml", "a: 1\n")
    ws.write("mltrack.yaml", PARAMS)
    ws.mltrack("repro")
    ws.write("in", "2\n")
    (ws.path / "params.yaml").unlink()
    if text is not None:
        ws.write("params.yaml", text)
    status = ws.mltrack("status").out
    assert (
        "run       calm" in status
        and "broken    t  " in status
        and "params.yaml" in status
    )
    ws.mltrack("repro", "calm")
    assert ws.read("calm") == "2\n"
    assert "params.yaml" in ws.mltrack("repro", code=1).err
    assert ws.read("after") == "1\n"
    assert "params.yaml" in ws.mltrack("why", "t").out


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
