"""Lightning: a logger for its Trainer."""

from __future__ import annotations

from typing import Any, Mapping

from ..adapting import numbers


def logger(log: Any) -> Any:
    """Returns a logger for ``Trainer(logger=…)``; of several ranks the first one logs."""
    try:
        from lightning.pytorch.loggers import Logger
        from lightning.pytorch.utilities import rank_zero_only
    except ImportError:
        # the same under its older name
        from pytorch_lightning.loggers import Logger
        from pytorch_lightning.utilities import rank_zero_only

    class MltrackLogger(Logger):  # type: ignore[misc]
        @property
        def name(self) -> str:
            return "mltrack"

        @property
        def version(self) -> str:
            return ""

        @property
        def save_dir(self) -> str:
            # checkpoints go there, unless a callback says where
            return str(log.place.path("lightning"))

        @rank_zero_only  # type: ignore[untyped-decorator]
        def log_metrics(
            self, metrics: Mapping[str, Any], step: int | None = None
        ) -> None:
            log(numbers(metrics), step=step)

        @rank_zero_only  # type: ignore[untyped-decorator]
        def log_hyperparams(self, params: Any, *rest: Any, **more: Any) -> None:
            given = vars(params) if hasattr(params, "__dict__") else params
            log.param(dict(given or {}))

        def save(self) -> None:
            log.flush()

    return MltrackLogger()
