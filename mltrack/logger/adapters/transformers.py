"""Hugging Face: a callback for its Trainer."""

from __future__ import annotations

from typing import Any, Mapping

from ..adapting import numbers

# as the arguments of a Trainer name them; the others say where and how, not what
_PARAMS = (
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "weight_decay",
    "warmup_steps",
    "lr_scheduler_type",
    "seed",
)


# how fast this machine was: no two runs would give the same bytes
_SPEEDS = ("_runtime", "_per_second")


def callback(log: Any) -> Any:
    """Returns a callback for ``Trainer(callbacks=…)``; of several ranks the first one
    logs.
    """
    from transformers import TrainerCallback

    class Callback(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                known = args.to_sanitized_dict()
                log.param({name: known[name] for name in _PARAMS if name in known})

        def on_log(
            self,
            args: Any,
            state: Any,
            control: Any,
            logs: Mapping[str, Any] | None = None,
            **_: Any,
        ) -> None:
            if state.is_world_process_zero:
                told = {
                    name: value
                    for name, value in (logs or {}).items()
                    if not name.endswith(_SPEEDS)
                }
                log(numbers(told), step=state.global_step)

    return Callback()
