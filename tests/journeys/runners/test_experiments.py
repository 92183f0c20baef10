"""Experiments whose stages run on a host."""

import json

from tests.support.workspace import Workspace

PIPELINE = """
stages:
  prepare:
    cmd: mkdir -p clean && cp data/raw.txt clean/raw.txt
    deps: [data/raw.txt]
    outs: [clean]
  train:
    cmd: sh train.sh
    deps: [train.sh, clean]
    params: [n]
    outs: [model]
    metrics: [m.json: {cache: false}]
    resources: {gpus: 1}
"""


def test_many_experiments_share_the_slots_of_a_host(box: Workspace) -> None:
    ws = box
    ws.write("data/raw.txt", "raw\n")
    ws.mltrack("add", "data/raw.txt")
    ws.write("params.yaml", "n: 0\n")
    # helper.sh is declared by nobody: git knows it, so the host has it
    ws.write(
        "train.sh",
        ". ./helper.sh\ncat clean/raw.txt params.yaml > model\nscore > m.json\n",
    )
    ws.write(
        "helper.sh", "score() { sed 's/n: \\(.*\\)/{\"n\": \\1}/' params.yaml; }\n"
    )
    ws.write("mltrack.yaml", PIPELINE)
    ws.commit("one")
    before = ws.git("status", "--porcelain").out
    ws.mltrack("exp", "run", "-S", "n=range(1,7)", "--runner", "box", "-j", "4")
    assert ws.git("status", "--porcelain").out == before
    found = json.loads(ws.mltrack("exp", "show", "--json").out)["experiments"]
    assert [one["metrics"]["m.json"]["n"] for one in found] == [1, 2, 3, 4, 5, 6]
    hows = [one["stages"]["prepare"]["how"] for one in found]
    assert sorted(hows) == ["ran", *["restored"] * 5]
    assert {one["stages"]["train"]["runner"] for one in found} == {"box:worker"}


def test_jobs_that_are_handed_over_are_taken_later(box: Workspace) -> None:
    ws = box
    ws.write("params.yaml", "n: 0\n")
    ws.write(
        "mltrack.yaml",
        "stages:\n  s:\n    cmd: cat params.yaml > out\n    params: [n]\n"
        "    outs: [out]\n",
    )
    ws.commit("one")
    ws.mltrack("exp", "run", "-n", "far", "-S", "n=5", "--runner", "box", "--detach")
    waiting = json.loads(ws.mltrack("exp", "status", "--json").out)["experiments"]
    assert [one["state"] for one in waiting] == ["stopped"]
    ws.mltrack("exp", "start", "--runner", "box")
    assert ws.mltrack("cat", "out", "--rev", "far").out == "n: 5\n"
