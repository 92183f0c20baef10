"""A stage has the same key and the same result wherever it runs."""

import shutil
import sys
from pathlib import Path

import pytest

from mltrack import project as projects
from tests.services.servers import Sshd
from tests.support.hosts import add_runner
from tests.support.workspace import ROOT, Workspace


def keys(ws: Workspace) -> dict[str, str]:
    """The run keys of all results, by stage."""
    cache = projects.find(str(ws.path)).run_cache
    return {record.stage: record.key for _, record in cache.all()}


DIGITS = """
stages:
  split:
    cmd: python split.py
    deps: [split.py, data/labels.csv]
    params: [split]
    outs: [work/split]
  features:
    cmd: python features.py
    deps: [features.py, data/images, work/split]
    outs: [work/features]
  train:
    matrix: {c: [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}
    cmd: python train_one.py ${item.c} models/${item.c}.pkl scores/${item.c}.json
    deps: [train_one.py, work/features]
    outs: ["models/${item.c}.pkl"]
    metrics: ["scores/${item.c}.json": {cache: false}]
    resources: {gpus: 1}
"""
TRAIN_ONE = """
import json, os, pickle, sys
import numpy as np
from sklearn.linear_model import RidgeClassifier
assert os.environ["CUDA_VISIBLE_DEVICES"] in ("0", "1")
x, y, test_x, test_y = (np.load(f"work/features/{name}.npy") for name in ("train_x", "train_y", "test_x", "test_y"))
model = RidgeClassifier(alpha=float(sys.argv[1])).fit(x, y)
pickle.dump(model, open(sys.argv[2], "wb"))
json.dump({"accuracy": model.score(test_x, test_y)}, open(sys.argv[3], "w"))
"""


@pytest.mark.slow
def test_the_digits_by_local_and_ssh_have_equal_keys_and_digests(
    ws: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn")
    for path in (ROOT / "examples/digits").glob("*"):
        if path.suffix in (".py", ".yaml"):
            shutil.copy(path, ws.path)
    assert ws.run([sys.executable, "export.py"]).code == 0
    ws.mltrack("add", "data/images", "data/labels.csv")
    ws.write("mltrack.yaml", DIGITS)
    ws.write("train_one.py", TRAIN_ONE)
    ws.commit("Digits")
    other = ws.clone(tmp_path / "clone")
    shutil.copytree(
        ws.path / ".mltrack/cache", other.path / ".mltrack/cache", dirs_exist_ok=True
    )
    other.mltrack("checkout")
    ws.mltrack("config", "--local", "runner.local.gpus", "2")
    ws.mltrack(
        "config", "--local", "runner.local.gpu_locks", str(tmp_path / "local-locks")
    )
    add_runner(other, sshd, tmp_path)
    other.mltrack(
        "config",
        "--local",
        "runner.box.setup",
        f"export PATH={Path(sys.executable).parent}:$PATH",
    )
    ws.mltrack("repro", "--runner", "local", "-j", "2")
    other.mltrack("repro", "--runner", "box", "-j", "4")
    assert keys(ws) == keys(other) and len(keys(ws)) == 22
    assert ws.read("mltrack.lock") == other.read("mltrack.lock")
    for one in (ws, other):
        assert (
            "22 unchanged"
            in one.mltrack("repro", "--runner", "local" if one is ws else "box").out
        )
        for name in ("models", "work", "scores"):
            shutil.rmtree(one.path / name)
        (one.path / "mltrack.lock").unlink()
        shutil.rmtree(one.path / ".mltrack/journal")
        assert (
            "22 restored"
            in one.mltrack("repro", "--runner", "local" if one is ws else "box").out
        )


def test_a_stage_names_its_runner_and_the_others_stay_here(box: Workspace) -> None:
    box.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: pwd > a\n    outs: [a]\n"
        "  b:\n    cmd: pwd > b; cat a >> b\n    deps: [a]\n    outs: [b]\n    runner: box\n"
        "  c:\n    cmd: cat b > c\n    deps: [b]\n    outs: [c]\n    runner: [nowhere, local]\n",
    )
    said = box.mltrack("repro", code=1).err
    assert "there is no runner 'nowhere'" in said and not box.exists("a")
    box.write("mltrack.yaml", box.read("mltrack.yaml").replace("nowhere, ", ""))
    box.mltrack("repro")
    first, second = box.read("b").splitlines()
    assert (
        "host/jobs/" in first
        and second == str(box.path)
        and box.read("c") == box.read("b")
    )


def test_the_next_runner_of_a_list_is_taken_where_the_first_cannot_be_reached(
    box: Workspace, sshd: Sshd, tmp_path: Path
) -> None:
    add_runner(box, sshd, tmp_path, "gone", host="nobody.invalid")
    box.write(
        "mltrack.yaml",
        "stages:\n  a:\n    cmd: pwd > a\n    outs: [a]\n    runner: [gone, box]\n",
    )
    box.mltrack("repro")
    assert "host/jobs/" in box.read("a")
