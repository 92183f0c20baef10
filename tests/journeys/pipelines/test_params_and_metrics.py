"""Params and metrics are compared between any two moments; those that are not here are
named, and --pull fetches them.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.steps import verdicts
from tests.support.workspace import Workspace


def test_a_param_that_no_stage_reads_changes_nothing(chain: Workspace) -> None:
    chain.mltrack("repro")
    chain.write("params.yaml", "word: one\nother: 2\n")
    assert set(verdicts(chain).values()) == {"skip"}


def test_params_and_metrics_are_compared_between_any_two_moments(ws: Workspace) -> None:
    ws.write("params.yaml", "lr: 0.1\n")
    ws.write("other.toml", "[net]\ndepth = 3\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: echo '{\"acc\":' ${lr} '}' > m.json; echo '{\"loss\":' ${lr} '}' > n.json\n"
        "    params: [lr, {other.toml: [net.depth]}]\n    metrics: [m.json, {n.json: {cache: false}}]\n",
    )
    ws.mltrack("repro")
    ws.commit(tag="v1")
    ws.write("params.yaml", "lr: 0.25\n")
    ws.write("other.toml", "[net]\ndepth = 5\n")
    ws.mltrack("repro")
    changes = {
        (c["file"], c["name"]): (c["old"], c["new"])
        for c in ws.mltrack("params", "diff", "--json").json["params"]
    }
    assert changes == {
        ("params.yaml", "lr"): (0.1, 0.25),
        ("other.toml", "net.depth"): (3, 5),
    }
    ws.commit(tag="v2")
    metrics = {
        c["name"]: c["delta"]
        for c in ws.mltrack("metrics", "diff", "v1", "v2", "--json").json["metrics"]
    }
    assert metrics == {"acc": 0.15, "loss": 0.15}
    assert (
        "| m.json | acc | 0.1 | 0.25 | +0.15 |"
        in ws.mltrack("metrics", "diff", "v1", "--md").out
    )
    assert ws.mltrack("metrics", "show", "--rev", "v1", "--json").json["metrics"][
        "m.json"
    ] == {"acc": 0.1}
    assert "No metrics differ" in ws.mltrack("metrics", "diff").out


STAGES = """stages:
  a: {cmd: 'echo "acc: 1" > a.yaml; printf "x,y\\n1,2\\n" > a.csv', outs: [], metrics: [a.yaml], plots: [a.csv]}
  b: {cmd: 'echo "acc: ${v}" > b.yaml; printf "x,y\\n1,${v}\\n" > b.csv', metrics: [b.yaml], plots: [b.csv]}
"""


@pytest.fixture
def clone(shared: Workspace, tmp_path: Path) -> Workspace:
    """A clone without data, of a project with two versions of its metrics and plots."""
    shared.write("mltrack.yaml", STAGES)
    for version in "12":
        shared.write("params.yaml", f"v: {version}\n")
        shared.mltrack("repro")
        shared.commit(version, tag=f"v{version}")
    shared.mltrack("push", "--all-tags")
    return shared.clone(tmp_path / "clone")


def test_metrics_that_are_not_here_are_named(clone: Workspace) -> None:
    clone.mltrack("pull", "a")
    done = clone.mltrack("metrics", "show", code=3)
    assert "a.yaml" in done.out and "b.yaml is not here" in done.err
    assert clone.mltrack("metrics", "show", "--pull", "--json").json["metrics"] == {
        "a.yaml": {"acc": 1},
        "b.yaml": {"acc": 2},
    }
    assert clone.read("b.yaml") == "acc: 2\n"


def test_metrics_of_a_revision_are_fetched(clone: Workspace) -> None:
    clone.mltrack("metrics", "diff", "v1", "v2", code=3)
    diff = clone.mltrack("metrics", "diff", "v1", "v2", "--pull", "--json").json
    assert [(item["old"], item["new"]) for item in diff["metrics"]] == [(1, 2)]
    assert not clone.exists("b.yaml"), "the workspace was not asked about"


def test_from_a_directory_below(clone: Workspace) -> None:
    (clone.path / "sub").mkdir()
    done = clone.mltrack("metrics", "show", "--pull", cwd=clone.path / "sub")
    assert "b.yaml" in done.out and clone.read("b.yaml") == "acc: 2\n"


def test_what_nobody_has_is_named_all_the_same(
    clone: Workspace, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "store/packs")
    assert "b.yaml" in clone.mltrack("metrics", "show", "--pull", code=3).err


def test_a_plot_that_cannot_be_drawn_is_named_and_the_rest_is_drawn(
    clone: Workspace,
) -> None:
    clone.mltrack("pull", "a")
    done = clone.mltrack("plots", "show", "--json", code=3)
    assert [plot["name"] for plot in json.loads(done.out)["plots"]] == ["a.csv"]
    assert "b.csv is not here" in done.err
    drawn = clone.mltrack("plots", "diff", "v1", "v2", "--pull", "--json").json["plots"]
    assert [plot["name"] for plot in drawn] == ["a.csv", "b.csv"]
    clone.write("mltrack.yaml", STAGES + "plots: [{a.csv: {y: nope}}]\n")
    clone.mltrack("pull", "b", code=None)
    clone.mltrack("plots", "show", "-t", "b.csv")


DIRECTORIES = """stages:
  s:
    cmd: mkdir -p m/deep p && cp a m/x.json && cp a m/deep/y.json && touch m/note.txt && cp rows p/loss.csv
    deps: [a, rows]
    metrics: [m: {CACHE, direction: {loss: min}}]
    plots: [p: {CACHE}]
params: [conf]
"""


@pytest.mark.parametrize("cache", ["cache: false", "cache: true"])
def test_directories_of_metrics_params_and_plots_are_read_at_a_revision(
    ws: Workspace, cache: str
) -> None:
    ws.write("mltrack.yaml", DIRECTORIES.replace("CACHE", cache))
    for number in (1, 2):
        ws.write("a", f'{{"loss": {number}}}')
        ws.write("rows", f"step,loss\n0,{number}\n")
        ws.write("conf/one.yaml", f"lr: {number}\n")
        ws.mltrack("repro")
        ws.commit(str(number), tag=f"v{number}")
    shown = ws.mltrack("metrics", "show", "--json").json["metrics"]
    assert shown == {"m/deep/y.json": {"loss": 2}, "m/x.json": {"loss": 2}}
    diff = ws.mltrack("metrics", "diff", "v1", "--json").json["metrics"]
    assert [(one["file"], one["old"], one["new"]) for one in diff] == [
        ("m/deep/y.json", 1, 2),
        ("m/x.json", 1, 2),
    ]
    table = ws.mltrack("metrics", "show", "v1", "v2", "-t", "m").out
    assert "m/deep/y.json" in table and "not" not in table
    params = ws.mltrack("params", "diff", "v1", "v2", "--json").json["params"]
    assert [(one["file"], one["old"], one["new"]) for one in params] == [
        ("conf/one.yaml", 1, 2)
    ]
    ws.mltrack("plots", "diff", "v1", "v2", "--out", "plots.html")
    assert "p/loss.csv" in ws.read("plots.html")
