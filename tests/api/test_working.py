"""A workspace at work from Python: what changes it returns records and raises errors."""

import os
from pathlib import Path

import pytest
import yaml

import mltrack
from mltrack.engine.events import StageFinished, StageSkipped, StageStarted
from mltrack.errors import PipelineError, StageFailedError, UsageError, WorkspaceError
from tests.support.processes import comes, ends
from tests.support.workspace import Workspace


@pytest.fixture
def here(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(ws.path)
    return ws


def test_data_goes_and_comes_back(here: Workspace, tmp_path: Path) -> None:
    project = mltrack.Project()
    here.write("data/a", "1\n")
    [added] = project.add("data").added
    assert added.path == "data" and here.exists("data.mlt")
    here.mltrack("remote", "add", "store", str(tmp_path / "store"))
    told: list[object] = []
    assert project.push(on_progress=told.append).moved.objects == 2 and told
    here.mltrack("drop", "data")
    (here.path / "data/a").unlink(missing_ok=True)
    assert project.pull().fetched.moved.objects == 1
    assert here.read("data/a") == "1\n"


def test_stages_run_and_say_what_happened(here: Workspace) -> None:
    here.write("params.yaml", "n: 1\n")
    here.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo ${n} > out\n    params: [n]\n    outs: [out]\n",
    )
    project = mltrack.Project()
    [why] = project.why()
    assert why.step.stage.address == "s"
    seen: list[object] = []
    events = project.repro(on_event=seen.append)
    assert events == seen
    assert any(isinstance(event, StageFinished) for event in events)
    [again] = project.repro()
    assert isinstance(again, StageSkipped)
    project.repro(set={"n": 2})
    assert here.read("out") == "2\n"


@pytest.mark.parametrize(
    "value",
    [
        7, 0.25, 1e-9, True, None, "", "two words", "1", "true", "null", " padded ",
        "it's \"quoted\"", "a: b, c", "[not a list", "über ✓ 😀", "line\nbreak",
        [1, 2.5, "x"], [], {"a": {"b": [1]}}, (1, 2), [[1], {"k": None}],
    ],
    ids=repr,
)  # fmt: skip
def test_a_param_of_one_run_is_the_value_that_was_given(
    here: Workspace, value: object
) -> None:
    here.write("params.yaml", "n: 1\nother: kept\n")
    here.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cp params.yaml out\n    params: [n]\n    outs: [out]\n",
    )
    mltrack.Project().repro(set={"n": value})
    written = yaml.safe_load(here.read("out"))
    assert written["n"] == (list(value) if isinstance(value, tuple) else value)
    assert type(written["n"]) is (list if isinstance(value, tuple) else type(value))
    assert here.read("params.yaml") == "n: 1\nother: kept\n"


def test_numbers_of_numpy_are_numbers(here: Workspace) -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    here.write("params.yaml", "n: 1\nm: 1\n")
    here.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo ${n} ${m} > out\n    outs: [out]\n",
    )
    mltrack.Project().repro(set={"n": numpy.int64(3), "m": numpy.float64(0.5)})
    assert here.read("out") == "3 0.5\n"


def test_what_no_params_file_holds_is_refused(here: Workspace) -> None:
    here.write("params.yaml", "n: 1\n")
    here.write("mltrack.yaml", "stages:\n  s: {cmd: 'echo ${n}'}\n")
    with pytest.raises(UsageError, match="n is of the type object"):
        mltrack.Project().repro(set={"n": object()})
    with pytest.raises(PipelineError, match="nosuch"):
        mltrack.Project().repro(set={"nosuch": 1})


def test_events_come_while_stages_run(here: Workspace) -> None:
    here.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: echo 1 > a, outs: [a]}\n"
        "  b: {cmd: cp a b, deps: [a], outs: [b]}\n",
    )
    seen = []
    for event in mltrack.Project().events():
        if isinstance(event, StageFinished):
            seen.append((event.stage, here.exists("b")))
    assert seen == [("a", False), ("b", True)]


def test_to_leave_the_events_ends_what_runs(here: Workspace) -> None:
    here.write(
        "mltrack.yaml",
        "stages:\n  a: {cmd: 'echo $$ > pid; exec sleep 1000', outs: [a]}\n",
    )
    events = mltrack.Project().events()
    for event in events:
        if isinstance(event, StageStarted):
            break
    assert comes(lambda: here.exists("pid") and here.read("pid").endswith("\n"))
    events.close()
    assert ends(int(here.read("pid")))
    # nothing is left locked
    assert mltrack.Project().plan().steps[0].verdict.value == "run"


def test_data_older_than_its_pointer_is_not_computed_with(here: Workspace) -> None:
    here.write("data", "1\n")
    here.mltrack("add", "data")
    here.commit("one")
    here.write("data", "2\n")
    here.mltrack("add", "data")
    here.write("mltrack.yaml", "stages:\n  s: {cmd: cat data, deps: [data]}\n")
    pointer = here.git("show", "HEAD:data.mlt").out
    here.write("data.mlt", pointer)
    with pytest.raises(WorkspaceError, match="not the version"):
        mltrack.Project().repro()


def test_two_runs_are_compared(here: Workspace) -> None:
    here.write(
        "mltrack.yaml",
        "stages:\n  same: {cmd: echo 1 > a, outs: [a]}\n"
        "  other: {cmd: date +%N > b, outs: [b]}\n  bad: {cmd: exit 3}\n",
    )
    project = mltrack.Project()
    compared = project.twice("same", "other")
    assert {item.path: item.is_same for item in compared} == {"a": True, "b": False}
    with pytest.raises(StageFailedError, match="failed: bad"):
        project.twice("bad")


def test_a_project_works_after_a_fork(here: Workspace) -> None:
    here.write("data", "1\n")
    project = mltrack.Project()
    project.add("data")
    child = os.fork()
    if not child:
        code = 1
        try:
            here.write("data", "2\n")
            code = 0 if project.add("data").added[0].is_changed else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert project.status().is_clean and project.read("data") == b"2\n"


def test_a_stage_that_fails_raises(here: Workspace) -> None:
    here.write("mltrack.yaml", "stages:\n  s:\n    cmd: exit 3\n")
    with pytest.raises(StageFailedError, match="failed: s"):
        mltrack.Project().repro()


def test_only_a_workspace_is_worked_in(here: Workspace) -> None:
    here.write("a", "1")
    here.mltrack("add", "a")
    here.git("add", ".")
    here.git("commit", "-qm", "a")
    for project in (
        mltrack.Project(".", rev="HEAD"),
        mltrack.Project(f"file://{here.path}"),
    ):
        with pytest.raises(UsageError, match="has no workspace"):
            project.add("a")
