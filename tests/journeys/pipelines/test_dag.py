"""The graph in other forms: a page, the slowest way through, a box for a group."""

import pytest

from tests.support.workspace import Workspace

PIPELINE = """stages:
  prepare: {cmd: cp raw clean, deps: [raw], outs: [clean]}
  train:
    matrix: {seed: [1, 2]}
    cmd: sleep 0.${item.seed}; cp clean m${item.seed}
    deps: [clean]
    outs: ["m${item.seed}"]
  evaluate: {cmd: cat m1 m2 > all, deps: [m1, m2], outs: [all]}
"""


def test_the_slowest_way_through_is_named_with_its_times(ws: Workspace) -> None:
    ws.write("mltrack.yaml", PIPELINE)
    ws.write("raw", "x")
    ws.mltrack("repro")
    shown = ws.mltrack("dag", "--critical-path").out.splitlines()
    assert [line.split()[0] for line in shown] == [
        *("stage", "prepare", "train@2", "evaluate"),
        "0:00",
    ]


def test_the_page_names_stages_with_their_commands_and_states(ws: Workspace) -> None:
    ws.write("mltrack.yaml", PIPELINE)
    ws.write("raw", "x")
    assert "wrote dag.html" in ws.mltrack("dag", "--full", "--html", "dag.html").out
    text = ws.read("dag.html")
    assert 'data-name="train@1"' in text and "cp raw clean" in text
    assert 'class="box run"' in text and 'class="box wait"' in text


def test_a_group_is_one_box_unless_all_are_asked_for(ws: Workspace) -> None:
    ws.write("mltrack.yaml", PIPELINE)
    ws.write("raw", "x")
    assert "| train [2] |" in ws.mltrack("dag").out
    assert "train@2" in ws.mltrack("dag", "--full").out
    assert "train [2]" in ws.mltrack("dag", "--mermaid").out


STATES = """stages:
  first: {cmd: cp raw clean, deps: [raw], outs: [clean]}
  broken: {cmd: "false", deps: [clean], outs: [b]}
  still: {cmd: cp clean s, deps: [clean], outs: [s], frozen: true}
  later: {cmd: cp b l, deps: [b], outs: [l]}
"""


@pytest.fixture
def partly(ws: Workspace) -> Workspace:
    ws.write("mltrack.yaml", STATES)
    ws.write("raw", "x")
    ws.mltrack("repro", code=8)
    return ws


def test_boxes_are_marked_with_what_repro_would_do(partly: Workspace) -> None:
    drawn = partly.mltrack("dag", "--states").out
    assert all(
        text in drawn
        for text in ("| = first |", "| ! broken |", "| > later |", "| * still |")
    )
    legend = drawn.splitlines()[-1]
    assert legend == "= unchanged   > to run   ! failed   * frozen"
    plain = partly.mltrack("dag").out
    assert "| first |" in plain and "unchanged" not in plain
    coloured = partly.mltrack("--color=always", "dag", "--states").out
    assert "\x1b[32m= unchanged" in coloured.replace("\x1b[0m \x1b[32m", " ")
    partly.write("raw", "y")
    assert "| > first |" in partly.mltrack("dag", "--states").out


def test_a_failure_before_the_last_good_run_is_history(partly: Workspace) -> None:
    text = partly.read("mltrack.yaml")
    partly.write("mltrack.yaml", text.replace('"false"', "touch b"))
    partly.mltrack("repro")
    partly.write("mltrack.yaml", text.replace('"false"', "touch b b"))
    assert "| > broken |" in partly.mltrack("dag", "--states").out


def test_a_restorable_stage_is_marked_and_a_group_by_what_is_most_to_do(
    ws: Workspace,
) -> None:
    ws.write("mltrack.yaml", PIPELINE)
    ws.write("raw", "x")
    ws.mltrack("repro")
    (ws.path / "m1").unlink()
    drawn = ws.mltrack("dag", "--states").out
    assert "| < train [2] |" in drawn and "< to restore" in drawn
