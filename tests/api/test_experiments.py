"""Experiments from Python."""

from pathlib import Path

import pytest

import mltrack
from mltrack.errors import StageFailedError, UsageError
from tests.support.workspace import Workspace


@pytest.fixture
def project(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> mltrack.Project:
    ws.write("params.yaml", "n: 0\n")
    ws.write(
        "mltrack.yaml",
        'stages:\n  s:\n    cmd: \'test ${n} -lt 9 && echo "{\\"n\\": ${n}}" > m.json\'\n'
        "    params: [n]\n    metrics: [m.json: {cache: false}]\n",
    )
    ws.commit("one")
    monkeypatch.chdir(ws.path)
    return mltrack.Project(".")


def test_a_sweep_gives_records_and_leaves_the_files_alone(
    project: mltrack.Project, ws: Workspace
) -> None:
    told: list[str] = []
    found = project.exp.run(
        sweep={"n": [3, 1]},
        name="run",
        on_event=lambda one: told.append(type(one).__name__),
    )
    assert [one.metrics["m.json"]["n"] for one in found] == [3, 1]
    assert told.count("Ended") == 2 and "Began" in told
    assert ws.git("status", "--porcelain").out == ""
    assert [one.name for one in mltrack.exps(sort="metrics.n")] == ["run-2", "run-1"]
    table = mltrack.exps(where="metrics.n > 2").to_pandas()
    assert list(table["name"]) == ["run-1"]
    assert list(table["metrics.n"]) == [3] and list(table["params.n"]) == [3]


def test_one_that_fails_is_an_error_once_the_others_are_done(
    project: mltrack.Project,
) -> None:
    with pytest.raises(StageFailedError, match="bad-2"):
        project.exp.run(sweep={"n": [1, 9]}, name="bad")
    states = {one.name: one.state.value for one in project.exps()}
    assert states == {"bad-1": "done", "bad-2": "failed"}


def test_what_is_kept_is_read_at_its_name(
    project: mltrack.Project, ws: Workspace
) -> None:
    project.exp.run(set={"n": 4}, name="four", note="a four", tags=["small"])
    assert mltrack.metrics(rev="four") == {"m.json": {"n": 4}}
    assert project.exp.tag("four", "good", "-small").tags == ("good",)
    project.exp.rename("four", "vier")
    applied = project.exp.apply("vier")
    assert "params.yaml" in applied.files
    assert Path("params.yaml").read_text() == "n: 4\n"
    assert project.exp.diff("vier", project.exp.save("now").name).params == []
    project.exp.remove("vier", "now")
    assert project.exps() == []
    with pytest.raises(UsageError, match="no experiment 'vier'"):
        project.exp.get("vier")


def test_a_queue_is_run_later(project: mltrack.Project) -> None:
    project.exp.run(params=[{"n": 1}, {"n": 2}], queue=True)
    assert {one.state.value for one in project.exps()} == {"queued"}
    assert {one.state.value for one in project.exp.start()} == {"done"}
