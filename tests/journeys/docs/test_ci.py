"""What the page on CI says is run: a shallow clone of a branch, as a CI job has it, and
the scripts of its examples.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from mltrack.formats import yaml
from tests.support.workspace import ROOT, Done, Workspace

PAGE = (ROOT / "docs/guides/ci.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def scripts() -> dict[str, list[str]]:
    """Returns by service what its job runs, but for the installation."""
    github, gitlab = (yaml.load(text, "ci.md") for text in blocks("yaml"))
    steps: list[dict[str, Any]] = github["jobs"]["check"]["steps"]
    assert {step["uses"].partition("@")[0] for step in steps if "uses" in step} == {
        "actions/checkout",
        "actions/setup-python",
        "actions/cache",
    }
    by_service = {
        "github": [step["run"] for step in steps if "run" in step],
        "gitlab": gitlab["mltrack"]["script"],
    }
    for lines in by_service.values():
        assert lines.pop(0).startswith("pip install ")
    return by_service


@pytest.fixture
def branch(shared: Workspace) -> Workspace:
    """A project whose branch ``work`` has other data and metrics than main."""
    shared.write("raw.txt", "one\n")
    shared.mltrack("add", "raw.txt")
    shared.write(
        "mltrack.yaml",
        "stages:\n  count:\n    cmd: wc -c < raw.txt > size.json\n    deps: [raw.txt]\n"
        "    metrics: [{size.json: {cache: false}}]\n",
    )
    shared.mltrack("repro")
    shared.commit("one")
    shared.mltrack("push")
    shared.git("checkout", "--quiet", "-b", "work")
    shared.write("raw.txt", "one\ntwo\n")
    shared.mltrack("add", "raw.txt")
    return shared


def job(origin: Workspace, name: str) -> Workspace:
    """Returns the clone that a CI service makes."""
    clone = origin.path.parent / name
    address = f"file://{origin.path}"
    origin.git(
        *("clone", "--quiet", "--depth", "1", "--branch", "work"), address, str(clone)
    )
    return Workspace(clone, origin.environment)


def run(clone: Workspace, lines: list[str], summary: Path) -> Done:
    script = "\n".join(lines)
    return clone.run(["sh", "-euc", script], GITHUB_STEP_SUMMARY=str(summary))


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_a_complete_commit_passes_and_its_metrics_are_shown(
    branch: Workspace, tmp_path: Path, service: str
) -> None:
    branch.mltrack("repro")
    branch.commit("two")
    branch.mltrack("push")
    done = run(job(branch, "ci"), scripts()[service], tmp_path / "summary")
    assert done.code == 0, done.said
    table = (tmp_path / "summary").read_text() if service == "github" else done.out
    assert "| size.json |  | 4 | 8 | +4 |" in table


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_a_commit_whose_data_was_not_pushed_fails(
    branch: Workspace, tmp_path: Path, service: str
) -> None:
    branch.mltrack("repro")
    branch.commit("two")
    done = run(job(branch, "ci"), scripts()[service], tmp_path / "summary")
    assert done.code == 3 and "raw.txt: in no remote (asked: store)" in done.err


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_a_commit_whose_stages_did_not_run_fails(
    branch: Workspace, tmp_path: Path, service: str
) -> None:
    branch.commit("two")
    branch.mltrack("push")
    done = run(job(branch, "ci"), scripts()[service], tmp_path / "summary")
    assert done.code == 4 and "raw.txt changed" in done.out


def test_what_would_run_is_known_without_the_data(branch: Workspace) -> None:
    shown, asked = blocks("sh")[1:3]
    assert shown.strip() in asked
    branch.mltrack("push")
    branch.commit("not run")
    assert job(branch, "before").run(["sh", "-c", asked]).code == 1
    branch.mltrack("repro")
    branch.mltrack("push")
    branch.commit("run")
    clone = job(branch, "after")
    done = clone.run(["sh", "-c", asked])
    assert done.code == 0, done.said
    assert not clone.exists("raw.txt")


def test_the_pipeline_runs_in_a_job_and_its_results_are_pushed(
    branch: Workspace,
) -> None:
    branch.mltrack("push")
    branch.commit("not run")
    clone = job(branch, "ci")
    done = clone.run(["sh", "-euc", blocks("sh")[3]])
    assert done.code == 0 and "1 run record" in done.out, done.said
    assert branch.mltrack("pull").code == 0


def test_a_place_that_only_the_project_names_is_refused_as_the_page_says(
    ws: Workspace,
) -> None:
    ws.mltrack("remote", "add", "store", "s3://bucket/x")
    ws.mltrack("config", "remote.store.endpoint", "https://minio.example.org")
    ws.write("data", "x")
    ws.mltrack("add", "data")
    elsewhere = ws.path.parent / "elsewhere"
    ws.path.joinpath("data").unlink()
    clone = ws.path.parent / "clone"
    ws.commit()
    ws.git("clone", "--quiet", str(ws.path), str(clone))
    refused = ws.mltrack("pull", cwd=clone, code=2, XDG_CONFIG_HOME=str(elsewhere))
    assert refused.err.strip() == blocks("text")[0].strip()
