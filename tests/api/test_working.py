"""A workspace at work from Python: what changes it returns records and raises errors."""

from pathlib import Path

import pytest

import mltrack
from mltrack.engine.events import StageFinished, StageSkipped
from mltrack.errors import StageFailedError, UsageError
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
