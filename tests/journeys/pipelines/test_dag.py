"""The graph in other forms: a page, the slowest way through, a box for a group."""

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
