"""LightGBM: a callback that logs each round."""

from __future__ import annotations

from typing import Any


def callback(log: Any) -> Any:
    """Returns a callback for ``lightgbm.train``, ``cv`` and the scikit-learn estimators."""

    def note(env: Any) -> None:
        # (data, metric, value, …), of a cross-validation the mean
        log(
            {
                f"{data}/{metric}": value
                for data, metric, value, *_ in env.evaluation_result_list or ()
            },
            step=env.iteration,
        )

    # after early stopping has had its say would be too late: that raises
    note.order = 5  # type: ignore[attr-defined]
    return note
