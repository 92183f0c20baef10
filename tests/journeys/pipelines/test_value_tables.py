"""Metrics and params as tables: a row for each file and revision, a column for each
value.
"""

import json

import pytest

from tests.support.workspace import Workspace

PIPELINE = """stages:
  train:
    matrix: {seed: [1, 2, 10]}
    cmd: cp base${item.seed} m${item.seed}.json
    deps: ["base${item.seed}"]
    metrics: [{"m${item.seed}.json": {direction: {loss: min, acc: max}}}]
"""


@pytest.fixture
def trained(ws: Workspace) -> Workspace:
    """Three models with three metrics each, and a commit of them."""
    ws.write("mltrack.yaml", PIPELINE)
    for seed in (1, 2, 10):
        values = {"loss": 1 / seed, "acc": 0.5 + seed / 100, "epochs": seed}
        ws.write(f"base{seed}", json.dumps(values))
    ws.mltrack("repro")
    ws.commit("trained")
    return ws


def test_files_are_rows_and_metrics_columns_with_the_best_marked(
    trained: Workspace,
) -> None:
    lines = trained.mltrack("metrics", "show").out.splitlines()
    assert [line.split() for line in lines] == [
        ["file", "loss", "acc", "epochs"],
        ["m1.json", "1", "0.51", "1"],
        ["m10.json", "0.1*", "0.6*", "10"],
        ["m2.json", "0.5", "0.52", "2"],
    ]
    # numbers end below numbers
    assert {len(line) for line in lines} == {len(lines[0])}


def test_rows_are_sorted_best_first_or_the_other_way(trained: Workspace) -> None:
    def files(*sort: str) -> list[str]:
        lines = trained.mltrack("metrics", "show", *sort).out.splitlines()[1:]
        return [line.split()[0] for line in lines]

    assert files("--sort", "acc") == ["m10.json", "m2.json", "m1.json"]
    assert files("--sort", "loss") == ["m10.json", "m2.json", "m1.json"]
    assert files("--sort=-loss") == ["m1.json", "m2.json", "m10.json"]
    assert files("--sort", "epochs") == ["m1.json", "m2.json", "m10.json"]
    refused = trained.mltrack("metrics", "show", "--sort", "f1", code=2)
    assert "no file has a value 'f1'" in refused.err
    assert "known: acc, epochs, loss" in refused.err


def test_long_and_precision_and_markdown(trained: Workspace) -> None:
    long = trained.mltrack("metrics", "show", "--long", "-t", "m1.json").out
    assert [line.split() for line in long.splitlines()] == [
        ["file", "name", "value"],
        ["m1.json", "loss", "1"],
        ["m1.json", "acc", "0.51"],
        ["m1.json", "epochs", "1"],
    ]
    assert "0.5 " in trained.mltrack("metrics", "show", "--precision", "1").out
    markdown = trained.mltrack("metrics", "show", "--md").out.splitlines()
    assert markdown[:2] == ["| file | loss | acc | epochs |", "|---|---:|---:|---:|"]
    assert "| m10.json | **0.1** | **0.6** | 10 |" in markdown


def test_revisions_are_rows_too_and_more_than_two_are_compared(
    trained: Workspace,
) -> None:
    trained.git("tag", "v1")
    trained.write("base1", json.dumps({"loss": 0.05, "acc": 0.9, "epochs": 3}))
    trained.mltrack("repro")
    trained.commit("better")
    shown = trained.mltrack("metrics", "show", "v1", "HEAD", "-t", "m1.json").out
    assert [line.split() for line in shown.splitlines()][1:] == [
        ["v1", "m1.json", "1", "0.51", "1"],
        ["HEAD", "m1.json", "0.05*", "0.9*", "3"],
    ]
    both = json.loads(trained.mltrack("metrics", "show", "v1", "HEAD", "--json").out)
    assert [one["revision"] for one in both["revisions"]] == ["v1", "HEAD"]
    diff = trained.mltrack("metrics", "diff", "v1", "HEAD", "HEAD~0").out
    assert [line.split() for line in diff.splitlines()] == [
        ["file", "name", "v1", "HEAD", "HEAD~0"],
        ["m1.json", "loss", "1", "0.05", "0.05"],
        ["m1.json", "acc", "0.51", "0.9", "0.9"],
        ["m1.json", "epochs", "1", "3", "3"],
    ]


def test_what_is_declared_and_was_never_written_is_named(ws: Workspace) -> None:
    ws.write("mltrack.yaml", PIPELINE)
    for seed in (1, 2, 10):
        ws.write(f"base{seed}", "{}")
    shown = ws.mltrack("metrics", "show", code=1)
    assert "declared, and never written: m1.json, m10.json, m2.json" in shown.err
    assert "hint: `mltrack repro`" in shown.err


@pytest.mark.parametrize("direction", ["up", "{loss: least}", "3"])
def test_a_direction_that_is_none_is_refused(ws: Workspace, direction: str) -> None:
    ws.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: x\n"
        f"    metrics: [{{m.json: {{direction: {direction}}}}}]\n",
    )
    refused = ws.mltrack("status", code=1)
    assert "must be max or min" in refused.err


def test_params_of_revisions_stand_side_by_side(ws: Workspace) -> None:
    ws.write("mltrack.yaml", "stages: {a: {cmd: x > o, outs: [o]}}\n")
    ws.write("params.yaml", "lr: 0.1\nepochs: 5\n")
    ws.commit("one")
    ws.git("tag", "v1")
    ws.write("params.yaml", "lr: 0.2\nepochs: 5\n")
    ws.commit("two")
    wide = ws.mltrack("params", "show", "v1", "HEAD", "--wide").out
    assert [line.split() for line in wide.splitlines()] == [
        ["revision", "file", "lr", "epochs"],
        ["v1", "params.yaml", "0.1", "5"],
        ["HEAD", "params.yaml", "0.2", "5"],
    ]
    diff = ws.mltrack("params", "diff", "v1", "HEAD", "HEAD~0").out
    assert [line.split() for line in diff.splitlines()][1:] == [
        ["params.yaml", "lr", "0.1", "0.2", "0.2"]
    ]
