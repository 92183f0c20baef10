"""Keras: a callback that logs each epoch."""

from __future__ import annotations

from typing import Any, Mapping

from ..adapting import numbers


def callback(log: Any) -> Any:
    """Returns a callback for ``model.fit``."""
    import keras

    class Callback(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(
            self, epoch: int, logs: Mapping[str, Any] | None = None
        ) -> None:
            log(numbers(logs or {}), step=epoch)

    return Callback()
