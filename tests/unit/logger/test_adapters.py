"""Each adapter with its library, where that is installed: a training of a second, and
what is logged of it.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.service import Service
from tests.support.workspace import ROOT

DATA = """
import random
from mltrack import log
random.seed(1)
rows = [[random.random() for _ in range(4)] for _ in range(60)]
labels = [int(row[0] > 0.5) for row in rows]
"""


def need(*names: str) -> None:
    """Skips a test whose library is not installed; torch is left out of CI's sets."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


def run(here: Path, text: str) -> dict[str, Any]:
    """Runs a training, and returns the last values."""
    done = subprocess.run(
        [sys.executable, "-c", DATA + text],
        cwd=here,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CUDA_VISIBLE_DEVICES": "",
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "HF_HUB_OFFLINE": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((here / "live/metrics.json").read_text())
    assert isinstance(found, dict)
    return found


def params(here: Path) -> Any:
    return json.loads((here / "live/params.json").read_text())


def rows(here: Path, name: str) -> list[str]:
    return (here / f"live/plots/{name}.csv").read_text().splitlines()[1:]


def test_a_search_of_scikit_learn(tmp_path: Path) -> None:
    need("sklearn")
    found = run(
        tmp_path,
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import GridSearchCV\n"
        "search = GridSearchCV(LogisticRegression(), {'C': [0.1, 1.0, 10.0]}, cv=3)\n"
        "log.sklearn(search.fit(rows, labels))\n",
    )
    assert len(rows(tmp_path, "search/test_score")) == 3
    scores = [float(row.split(",")[1]) for row in rows(tmp_path, "search/test_score")]
    assert found["best_score"] == max(scores)
    assert params(tmp_path)["C"] in (0.1, 1.0, 10.0)
    table = (tmp_path / "live/tables/search.csv").read_text()
    assert "param_C" in table and "fit_time" not in table and table.count("\n") == 4


def test_xgboost(tmp_path: Path) -> None:
    need("xgboost", "numpy")
    found = run(
        tmp_path,
        "import numpy, xgboost\n"
        "data = xgboost.DMatrix(numpy.array(rows), numpy.array(labels))\n"
        "how = {'objective': 'binary:logistic', 'nthread': 1}\n"
        "xgboost.train(how, data, 5, evals=[(data, 'fit')], verbose_eval=False, callbacks=[log.xgboost()])\n"
        "xgboost.cv(how, data, 3, nfold=3, callbacks=[log.xgboost()])\n",
    )
    assert len(rows(tmp_path, "fit/logloss")) == 5
    assert len(rows(tmp_path, "test/logloss")) == 3 and found["fit/logloss"] < 0.7


def test_lightgbm(tmp_path: Path) -> None:
    need("lightgbm", "numpy")
    found = run(
        tmp_path,
        "import numpy, lightgbm\n"
        "data = lightgbm.Dataset(numpy.array(rows), numpy.array(labels))\n"
        "how = {'objective': 'binary', 'verbose': -1, 'min_data_in_leaf': 2, 'num_threads': 1}\n"
        "lightgbm.train(how, data, 5, valid_sets=[data], valid_names=['fit'], callbacks=[log.lightgbm()])\n",
    )
    assert len(rows(tmp_path, "fit/binary_logloss")) == 5
    assert found["fit/binary_logloss"] < 0.7


def test_keras(tmp_path: Path) -> None:
    need("keras", "jax")
    found = run(
        tmp_path,
        "import keras, numpy\n"
        "model = keras.Sequential([keras.layers.Dense(1, activation='sigmoid')])\n"
        "model.compile('sgd', 'binary_crossentropy', metrics=['accuracy'])\n"
        "model.fit(numpy.array(rows), numpy.array(labels), epochs=3, verbose=0,\n"
        "          validation_split=0.2, callbacks=[log.keras()])\n",
    )
    assert found.keys() == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert [row.split(",")[0] for row in rows(tmp_path, "val_loss")] == ["0", "1", "2"]


def test_lightning(tmp_path: Path) -> None:
    need("lightning", "torch")
    found = run(
        tmp_path,
        "import lightning, torch\n"
        "class Model(lightning.LightningModule):\n"
        "    def __init__(self, width=4):\n"
        "        super().__init__(); self.save_hyperparameters()\n"
        "        self.layer = torch.nn.Linear(width, 1)\n"
        "    def training_step(self, batch, number):\n"
        "        said = self.layer(batch[0])[:, 0]\n"
        "        loss = torch.nn.functional.binary_cross_entropy_with_logits(said, batch[1])\n"
        "        self.log('train/loss', loss); return loss\n"
        "    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), 0.1)\n"
        "data = torch.utils.data.TensorDataset(torch.tensor(rows), torch.tensor(labels).float())\n"
        "lightning.Trainer(max_epochs=2, logger=log.lightning(), log_every_n_steps=1, accelerator='cpu',\n"
        "    enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,\n"
        ").fit(Model(), torch.utils.data.DataLoader(data, batch_size=10))\n",
    )
    assert "train/loss" in found and len(rows(tmp_path, "train/loss")) == 12
    assert params(tmp_path)["width"] == 4


def test_the_trainer_of_hugging_face(tmp_path: Path) -> None:
    need("transformers", "accelerate", "torch")
    found = run(
        tmp_path,
        "import torch\n"
        "from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments\n"
        "model = BertForSequenceClassification(BertConfig(vocab_size=20, hidden_size=8,\n"
        "    num_hidden_layers=1, num_attention_heads=1, intermediate_size=8))\n"
        "data = [{'input_ids': torch.tensor([1, 2, 3]), 'labels': torch.tensor(i % 2)} for i in range(16)]\n"
        "how = TrainingArguments('out', num_train_epochs=2, logging_steps=1, report_to=[], use_cpu=True,\n"
        "    disable_tqdm=True, save_strategy='no')\n"
        "Trainer(model, how, train_dataset=data, callbacks=[log.transformers()]).train()\n",
    )
    assert [row.split(",")[0] for row in rows(tmp_path, "loss")] == ["1", "2", "3", "4"]
    assert params(tmp_path)["num_train_epochs"] == 2
    # how fast the machine was is no result
    assert not [name for name in found if "runtime" in name or "second" in name]


def test_what_autolog_of_mlflow_says_is_logged(tmp_path: Path) -> None:
    need("mlflow", "sklearn", "pandas", "matplotlib")
    found = run(
        tmp_path,
        "import mlflow, numpy\n"
        "rows, labels = numpy.array(rows), numpy.array(labels)\n"
        "log.mlflow()\n"
        "mlflow.autolog(log_models=False)\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import GridSearchCV\n"
        "with mlflow.start_run():\n"
        "    LogisticRegression(C=0.5).fit(rows, labels)\n"
        "    mlflow.log_metric('own', 3.0, step=4)\n"
        "GridSearchCV(LogisticRegression(), {'C': [0.1, 1]}, cv=3).fit(rows, labels)\n",
    )
    assert found["training_accuracy_score"] > 0.8
    assert rows(tmp_path, "own") == ["4,3.0"] and params(tmp_path)["C"] in (
        "0.5",
        "1.0",
    )
    # the candidates of a search are runs inside of its run
    assert {"run1/mean_test_score", "run2/mean_test_score"} <= found.keys()
    assert {path.name for path in tmp_path.iterdir()} == {"live"}


class Mlflow(Service):
    """MLflow's tracking server, with a database of its own."""

    name = "mlflow"

    def start(self) -> "Mlflow":
        self.url = f"http://127.0.0.1:{self.port}"
        process = self.launch(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
             "--port", str(self.port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{self.directory}/mlflow.db",
             "--artifacts-destination", str(self.directory / "artifacts")],
            "mlflow",
            MLFLOW_DISABLE_TELEMETRY="true",
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        )  # fmt: skip
        self.wait(self._is_up, process, "mlflow")
        return self

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    need("mlflow")
    # mlflow-skinny has no server
    need("sqlalchemy", "flask")
    service = Mlflow(tmp_path_factory.mktemp("mlflow")).start()
    yield service
    service.stop()


@pytest.mark.parametrize(("end", "status"), [("", "FINISHED"), ("1 / 0\n", "FAILED")])
def test_a_run_is_mirrored_to_a_tracking_server(
    mlflow: Mlflow, tmp_path: Path, end: str, status: str
) -> None:
    text = (
        f"run = log.mlflow({mlflow.url!r}, experiment='tried', run='mine')\n"
        "open('run', 'w').write(run)\n"
        "for step in range(2500): log({'val/loss': 1 / (step + 1)}, step=step)\n"
        f"log.param(lr=0.1)\n{end}"
    )
    if end:
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            run(tmp_path, text)
    else:
        run(tmp_path, text)
    number = (tmp_path / "run").read_text()
    with urllib.request.urlopen(
        f"{mlflow.url}/api/2.0/mlflow/runs/get?run_id={number}", timeout=30
    ) as answer:
        found = json.loads(answer.read())["run"]
    assert found["info"]["status"] == status and found["info"]["run_name"] == "mine"
    (metric,) = found["data"]["metrics"]
    assert (metric["key"], metric["value"], metric["step"]) == (
        "val/loss",
        1 / 2500,
        2499,
    )
    assert found["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    # all of it is in the files too
    assert len(rows(tmp_path, "val/loss")) == 2500


def test_a_server_that_goes_away_ends_no_training(tmp_path: Path) -> None:
    need("mlflow", "sqlalchemy", "flask")
    service = Mlflow(tmp_path / "server").start()
    (tmp_path / "here").mkdir()
    run(
        tmp_path / "here",
        "import os, signal, time\n"
        "os.environ['MLFLOW_HTTP_REQUEST_MAX_RETRIES'] = '0'\n"
        f"log.mlflow({service.url!r})\n"
        f"os.killpg({service.processes[0].pid}, signal.SIGKILL)\n"
        "for step in range(20): log(step=step, loss=1.0)\n",
    )
    service.stop()
    assert len(rows(tmp_path / "here", "loss")) == 20


@pytest.mark.parametrize(
    "name", ["lightning", "transformers", "keras", "xgboost", "mlflow"]
)
def test_a_library_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    done = subprocess.run(
        [python, "-S", "-c", f"from mltrack import log; log.{name}()"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr
    assert name in done.stderr
