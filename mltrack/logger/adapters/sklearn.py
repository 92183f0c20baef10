"""scikit-learn: what a search over hyperparameters has found."""

from __future__ import annotations

from typing import Any

# seconds of this machine: no two runs would give the same bytes
_TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")


def note(log: Any, search: Any) -> None:
    """Logs a fitted ``GridSearchCV``, ``RandomizedSearchCV`` or one of their kin."""
    results = {
        name: list(column)
        for name, column in search.cv_results_.items()
        if name not in (*_TIMES, "params")
    }
    scores = [name for name in results if name.startswith("mean_test_")]
    for step in range(len(search.cv_results_["params"])):
        values = {f"search/{name[5:]}": float(results[name][step]) for name in scores}
        log(values, step=step)
    log.table("search", results)
    if hasattr(search, "best_score_"):
        log(best_score=float(search.best_score_))
        log.param(search.best_params_)
