"""A pipeline of the shape that DVC's introduction teaches, prepare, featurize, train,
evaluate, with params, metrics and plots: its `dvc.yaml` and `params.yaml` as they are
there, the file's name changed and nothing else.
"""

import json

import pytest

from tests.support.workspace import Workspace

DVC_YAML = """\
stages:
  prepare:
    cmd: python src/prepare.py data/data.xml
    deps:
    - data/data.xml
    - src/prepare.py
    params:
    - prepare.seed
    - prepare.split
    outs:
    - data/prepared
  featurize:
    cmd: python src/featurization.py data/prepared data/features
    deps:
    - data/prepared
    - src/featurization.py
    params:
    - featurize.max_features
    - featurize.ngrams
    outs:
    - data/features
  train:
    cmd: python src/train.py data/features model.pkl
    deps:
    - data/features
    - src/train.py
    params:
    - train.min_split
    - train.n_est
    - train.seed
    outs:
    - model.pkl
  evaluate:
    cmd: python src/evaluate.py model.pkl data/features
    deps:
    - data/features
    - model.pkl
    - src/evaluate.py
    outs:
    - eval
metrics:
- eval/metrics.json
plots:
- ROC:
    template: simple
    x: fpr
    y:
      eval/plots/sklearn/roc/train.json: tpr
      eval/plots/sklearn/roc/test.json: tpr
- Confusion-Matrix:
    template: confusion
    x: actual
    y:
      eval/plots/sklearn/cm/train.json: predicted
      eval/plots/sklearn/cm/test.json: predicted
- Precision-Recall:
    template: simple
    x: recall
    y:
      eval/prc/train.json: precision
      eval/prc/test.json: precision
- eval/plots/images/importance.png
"""
PARAMS = """\
prepare:
  split: 0.20
  seed: 20170428

featurize:
  max_features: 200
  ngrams: 2

train:
  seed: 20170428
  n_est: 50
  min_split: 0.01
"""
SCRIPTS = {
    "prepare": """
import os, random, sys
random.seed(SETTINGS["prepare"]["seed"])
os.makedirs("data/prepared")
test, train = open("data/prepared/test.tsv", "w"), open("data/prepared/train.tsv", "w")
for line in open(sys.argv[1]):
    (test if random.random() < SETTINGS["prepare"]["split"] else train).write(line.replace("<row>", "").replace("</row>", ""))
""",
    "featurization": """
import json, os, sys
os.makedirs(sys.argv[2])
for part in ("train", "test"):
    words = [line.split() for line in open(f"{sys.argv[1]}/{part}.tsv")]
    json.dump([w[: SETTINGS["featurize"]["ngrams"]] for w in words], open(f"{sys.argv[2]}/{part}.pkl", "w"))
""",
    "train": """
import json, sys
rows = json.load(open(sys.argv[1] + "/train.pkl"))
json.dump({"trees": SETTINGS["train"]["n_est"], "rows": len(rows)}, open(sys.argv[2], "w"))
""",
    "evaluate": """
import base64, json, os, sys
for name in ("plots/sklearn/roc", "plots/sklearn/cm", "prc", "plots/images"):
    os.makedirs("eval/" + name)
model = json.load(open(sys.argv[1]))
json.dump({"avg_prec": {"train": 0.9, "test": model["trees"] / 100}}, open("eval/metrics.json", "w"))
for part in ("train", "test"):
    json.dump({"roc": [{"fpr": n / 9, "tpr": n / 9, "threshold": n} for n in range(10)]}, open(f"eval/plots/sklearn/roc/{part}.json", "w"))
    json.dump([{"actual": str(n % 2), "predicted": str(n % 3 % 2)} for n in range(30)], open(f"eval/plots/sklearn/cm/{part}.json", "w"))
    json.dump({"prc": [{"precision": 1 - n / 9, "recall": n / 9} for n in range(10)]}, open(f"eval/prc/{part}.json", "w"))
open("eval/plots/images/importance.png", "wb").write(base64.b64decode("iVBORw0KGgo="))
""",
}
READ = """
SETTINGS = {}
for line in open("params.yaml"):
    key, _, value = line.rstrip().partition(":")
    if key and not value:
        block = SETTINGS[key] = {}
    elif key:
        block[key.strip()] = float(value) if "." in value else int(value)
"""


@pytest.fixture
def lesson(ws: Workspace) -> Workspace:
    ws.write(
        "data/data.xml",
        "".join(f"<row>{n} word{n % 7} tag{n % 2}</row>\n" for n in range(200)),
    )
    for name, text in SCRIPTS.items():
        ws.write(f"src/{name}.py", READ + text)
    ws.write("mltrack.yaml", DVC_YAML)
    ws.write("params.yaml", PARAMS)
    ws.mltrack("add", "data/data.xml")
    ws.mltrack("repro")
    ws.commit(tag="first")
    return ws


def test_it_runs_with_only_the_file_name_changed(lesson: Workspace) -> None:
    assert "4 stages: 4 unchanged" in lesson.mltrack("repro").out
    assert json.loads(lesson.read("eval/metrics.json"))["avg_prec"]["test"] == 0.5
    drawing = lesson.mltrack("dag").out
    assert all(
        name in drawing
        for name in ("data/data.xml", "prepare", "featurize", "train", "evaluate")
    )


def test_an_experiment_is_compared(lesson: Workspace) -> None:
    lesson.write("params.yaml", PARAMS.replace("n_est: 50", "n_est: 70"))
    assert "2 ran, 2 unchanged" in lesson.mltrack("repro").out
    assert "train.n_est" in lesson.mltrack("params", "diff", "first").out
    change = lesson.mltrack("metrics", "diff", "first", "--json").json["metrics"][0]
    assert (change["name"], change["old"], change["new"]) == ("avg_prec.test", 0.5, 0.7)
    plots = {
        plot["name"]: plot
        for plot in lesson.mltrack("plots", "diff", "first", "--json").json["plots"]
    }
    assert plots.keys() == {
        "ROC",
        "Confusion-Matrix",
        "Precision-Recall",
        "eval/plots/images/importance.png",
    }
    rows = plots["ROC"]["spec"]["data"]["values"]
    assert len(rows) == 40 and {(row["rev"], row["field"]) for row in rows} == {
        (rev, f"eval/plots/sklearn/roc/{part}.json: tpr")
        for rev in ("first", "workspace")
        for part in ("train", "test")
    }
    lesson.git("checkout", "--quiet", "first", "--", "params.yaml")
    assert "2 restored, 2 unchanged" in lesson.mltrack("repro").out
