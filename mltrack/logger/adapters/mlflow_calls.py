"""MLflow: its own calls, and those of ``autolog``, logged here and nowhere else."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from typing import Any

from ..adapting import numbers

_SCHEME = "mltrack"
_PARENT = "mlflow.parentRunId"


def answer(log: Any) -> None:
    """Makes this process MLflow's tracking store. Runs inside of runs are told apart by
    ``run1/``, ``run2/`` before their names; models that MLflow would upload are not kept.
    """
    import mlflow
    from mlflow.tracking._tracking_service import utils

    # MLflow wants a store that has all that it asks for; what it keeps besides is gone
    # with the program
    scratch = tempfile.mkdtemp(prefix="mltrack-mlflow-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    store = _store(log, os.path.join(scratch, "runs"))
    utils._tracking_store_registry.register(_SCHEME, lambda *_, **__: store)
    mlflow.set_tracking_uri(f"{_SCHEME}://live")


def _store(log: Any, directory: str) -> Any:
    # MLflow has it in reserve, and needs no database for it
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow.store.tracking.file_store import FileStore

    told = _Told(log)

    class Store(FileStore):  # type: ignore[misc]
        def create_run(self, *arguments: Any, **more: Any) -> Any:
            run = super().create_run(*arguments, **more)
            told.begin(run)
            return run

        def log_metric(self, run_id: str, metric: Any) -> None:
            super().log_metric(run_id, metric)
            told.note(run_id, [metric], [])

        def log_param(self, run_id: str, param: Any) -> Any:
            found = super().log_param(run_id, param)
            told.note(run_id, [], [param])
            return found

        def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
            super().log_batch(run_id, metrics, params, tags)
            told.note(run_id, metrics, params)

    return Store(directory, directory)


class _Told:
    """What MLflow says of its runs, logged."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._prefixes: dict[str, str] = {}
        self._inner = 0

    def begin(self, run: Any) -> None:
        prefix = ""
        if _PARENT in run.data.tags:
            self._inner += 1
            prefix = f"run{self._inner}/"
        self._prefixes[run.info.run_id] = prefix

    def note(self, run_id: str, metrics: Any, params: Any) -> None:
        prefix = self._prefixes.get(run_id, "")
        for metric in metrics:
            self._log(numbers({prefix + metric.key: metric.value}), step=metric.step)
        if params:
            self._log.param({prefix + param.key: param.value for param in params})
