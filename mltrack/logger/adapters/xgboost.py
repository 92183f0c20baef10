"""XGBoost: a callback that logs each round."""

from __future__ import annotations

from typing import Any


def callback(log: Any) -> Any:
    """Returns a callback for ``xgboost.train`` and its scikit-learn estimators."""
    from xgboost.callback import TrainingCallback

    class Callback(TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            values = {}
            for data, metrics in evals_log.items():
                for metric, history in metrics.items():
                    last = history[-1]
                    # of a cross-validation: mean and deviation
                    mean = last[0] if isinstance(last, tuple) else last
                    values[f"{data}/{metric}"] = mean
            log(values, step=epoch)
            # it goes on
            return False

    return Callback()
