"""How a stage is to be run: the keys of its block that do not concern its result."""

from collections.abc import Iterable
from typing import Any

from mltrack.errors import PipelineError
from mltrack.formats import quantities
from mltrack.formats.block_values import BlockValues
from mltrack.formats.mistakes import At
from mltrack.formats.stop_rules import StopRules
from mltrack.pipeline.stage import CHECKS, Execution

_EXECUTION = (
    "resources",
    "runner",
    "retry",
    "timeout",
    "sandbox",
    "check",
    "checkpoint",
    "live",
    "monitor",
    "stop",
)


class ExecutionBlock:
    """Reads them from a block that stands at ``at`` in its file."""

    def __init__(self, read: BlockValues, block: dict[str, Any], at: At) -> None:
        self._read = read
        self._block = block
        self._at = at

    def execution(self) -> Execution:
        block, at = self._block, self._at
        if not block.keys() & {*_EXECUTION}:
            return Execution()
        runner = block.get("runner")
        check = self._read.resolved(block.get("check"), (*at, "check")) or ""
        if check and check not in CHECKS:
            self._read.mistakes.mistake(
                (*at, "check"), f"must be of {', '.join(CHECKS)}, not {check!r}"
            )
        tries, backoff = self._retry()
        return Execution(
            resources=tuple(self._resources()),
            runners=tuple(
                self._read.texts(
                    runner if isinstance(runner, list) else [runner], (*at, "runner")
                )
            )
            if runner is not None
            else (),
            tries=tries,
            backoff=backoff,
            timeout=self._read.duration(block["timeout"], (*at, "timeout"))
            if block.get("timeout") is not None
            else None,
            sandbox=self._read.boolean(block, "sandbox", at),
            check=str(check),
            checkpoint=self._directory("checkpoint"),
            live=self._directory("live"),
            monitor=self._read.boolean(block, "monitor", at),
            stop=tuple(
                StopRules(self._read, (*at, "stop"), block.get("metrics")).rules(
                    block.get("stop")
                )
            ),
        )

    def _directory(self, key: str) -> str:
        if self._block.get(key) is None:
            return ""
        return self._read.path(self._block[key], (*self._at, key)) or ""

    def _resources(self) -> Iterable[tuple[str, float]]:
        block, at = self._block.get("resources"), (*self._at, "resources")
        if block is None:
            return
        if not isinstance(block, dict):
            self._read.mistakes.mistake(
                at, "must be a mapping such as {gpus: 1, memory: 16GB}"
            )
            return
        for name, value in block.items():
            amount = self._read.resolved(value, (*at, name))
            try:
                if name in ("memory", "gpu_memory"):
                    yield name, quantities.size(amount)
                elif name == "time":
                    yield name, quantities.seconds(amount)
                elif (
                    isinstance(amount, bool)
                    or not isinstance(amount, int | float)
                    # the bound also refuses NaN and infinity, which no budget can hold
                    or not 0 <= amount < 1e9
                ):
                    self._read.mistakes.mistake(
                        (*at, name), f"must be a number, not {amount!r}"
                    )
                elif name == "gpus" and amount != int(amount):
                    # a GPU is taken whole, by a lock on its file
                    self._read.mistakes.mistake((*at, name), "must be a whole number")
                else:
                    yield name, float(amount)
            except PipelineError as error:
                self._read.mistakes.mistake((*at, name), error.message)

    def _retry(self) -> tuple[int, float]:
        value, at = self._block.get("retry"), (*self._at, "retry")
        if value is None:
            return 1, 0.0
        block = value if isinstance(value, dict) else {"tries": value}
        self._read.mistakes.check_keys(block, ("tries", "backoff"), at)
        # a backoff alone asks for a second try
        tries = self._read.resolved(block.get("tries", 2), at)
        if (
            isinstance(tries, bool)
            or not isinstance(tries, int)
            # the pause doubles with each: 2 ** 1024 is no float any more
            or not 1 <= tries <= 1000
        ):
            self._read.mistakes.mistake(
                at, f"'tries' must be a whole number from 1 to 1000, not {tries!r}"
            )
            return 1, 0.0
        return tries, self._read.duration(
            block["backoff"], (*at, "backoff")
        ) if block.get("backoff") else 0.0
