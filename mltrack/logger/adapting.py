"""Adapters for libraries of training. Each imports its library when it is asked for,
never before, so that the logger itself needs none.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import Any, Mapping


class Sink(ABC):
    """Somebody who is told all that is logged."""

    @abstractmethod
    def metrics(self, step: int | float, values: Mapping[str, int | float]) -> None:
        """Takes the values of one call."""

    @abstractmethod
    def params(self, values: Mapping[str, Any]) -> None:
        """Takes params, by name."""


class Adapters:
    """What a logger offers to libraries. All of it needs the library, which raises
    ImportError where it is not installed.
    """

    sinks: list[Sink]

    def lightning(self) -> Any:
        """Returns a logger for Lightning: ``Trainer(logger=log.lightning())``."""
        return _adapter("lightning").logger(self)

    def transformers(self) -> Any:
        """Returns a callback for Hugging Face: ``Trainer(callbacks=[log.transformers()])``."""
        return _adapter("transformers").callback(self)

    def keras(self) -> Any:
        """Returns a callback for Keras: ``model.fit(callbacks=[log.keras()])``."""
        return _adapter("keras").callback(self)

    def xgboost(self) -> Any:
        """Returns a callback for XGBoost: ``train(callbacks=[log.xgboost()])``."""
        return _adapter("xgboost").callback(self)

    def lightgbm(self) -> Any:
        """Returns a callback for LightGBM: ``train(callbacks=[log.lightgbm()])``."""
        return _adapter("lightgbm").callback(self)

    def sklearn(self, search: Any) -> None:
        """Logs a search of scikit-learn that was fitted: each candidate as a step, all
        of them as the table ``search``, and the best one.
        """
        _adapter("sklearn").note(self, search)

    def mlflow(self, uri: str = "", experiment: str = "", run: str = "") -> Any:
        """Makes MLflow's own calls log here, those of ``autolog`` too. With the ``uri``
        of a tracking server it is the other way round: all that is logged is mirrored
        there, as a run of ``experiment``, and its id is returned.
        """
        if uri:
            return _adapter("mlflow_mirror").mirror(self, uri, experiment, run)
        return _adapter("mlflow_calls").answer(self)


def _adapter(name: str) -> Any:
    return importlib.import_module(f"{__package__}.adapters.{name}")


def numbers(values: Mapping[str, Any]) -> Mapping[str, int | float]:
    """Returns what of a library's values is a number."""
    found = {}
    for name, value in values.items():
        one = value.item() if hasattr(value, "item") else value
        if isinstance(one, (int, float)):
            found[str(name)] = one
    return found
