"""Stop rules of a stage, as sentences: ``loss is nan``, ``no progress in val_loss for 20
steps``, ``no log for 30m``.
"""

import re
from collections.abc import Iterator
from typing import Any

from mltrack.errors import PipelineError
from mltrack.formats import quantities
from mltrack.formats.block_values import BlockValues
from mltrack.formats.mistakes import At
from mltrack.pipeline.stage import StopRule

_NOT_FINITE = re.compile(r"(.+?) is (nan|infinite)\Z")
_NO_PROGRESS = re.compile(r"no progress in (.+?) for (\d{1,12}) steps?\Z")
_SILENCE = re.compile(r"no log for (.+)\Z")
_KNOWN = (
    "'NAME is nan', 'NAME is infinite', 'no progress in NAME for N steps', or "
    "'no log for 30m'"
)
_KEYS = ("when", "then", "direction")
_STOP, _WARN = "stop", "warn"
_DIRECTIONS = ("min", "max")


class StopRules:
    """Reads them from the value of ``stop`` at ``at``; ``metrics`` is the stage's own
    section of that name, which may say what is better.
    """

    def __init__(self, read: BlockValues, at: At, metrics: Any) -> None:
        self._read, self._at = read, at
        self._metrics = metrics if isinstance(metrics, list) else []

    def rules(self, value: Any) -> Iterator[StopRule]:
        for index, item in enumerate(self._read.items(value, self._at)):
            at = (*self._at, index)
            block = item if isinstance(item, dict) else {"when": item}
            self._read.mistakes.check_keys(block, _KEYS, at)
            if "when" not in block:
                self._read.mistakes.mistake(at, "the key 'when' is missing")
                continue
            when = self._read.text(block["when"], (*at, "when"))
            then = self._read.resolved(block.get("then", _STOP), (*at, "then"))
            if then not in (_STOP, _WARN):
                self._read.mistakes.mistake(
                    (*at, "then"), f"must be {_STOP} or {_WARN}, not {then!r}"
                )
            rule = self._rule(" ".join(when.split()), at) if when else None
            if rule is None:
                continue
            given = self._read.resolved(block.get("direction"), (*at, "direction"))
            if given not in (None, *_DIRECTIONS):
                self._read.mistakes.mistake(
                    (*at, "direction"), f"must be min or max, not {given!r}"
                )
            direction = given or self._declared(rule.name)
            yield rule._replace(direction=str(direction), warns=then == _WARN)

    def _rule(self, when: str, at: At) -> StopRule | None:
        if match := _NOT_FINITE.match(when):
            return StopRule(match[2], match[1])
        if match := _NO_PROGRESS.match(when):
            return StopRule("no-progress", match[1], float(match[2]))
        if match := _SILENCE.match(when):
            try:
                return StopRule("silence", amount=quantities.seconds(match[1]))
            except PipelineError as error:
                self._read.mistakes.mistake((*at, "when"), error.message)
                return None
        self._read.mistakes.mistake((*at, "when"), f"must be {_KNOWN}, not {when!r}")
        return None

    def _declared(self, name: str) -> str:
        """What is better of a metric, as the stage's metrics say it; less, else."""
        for item in self._metrics:
            for settings in item.values() if isinstance(item, dict) else ():
                found = (
                    settings.get("direction") if isinstance(settings, dict) else None
                )
                if isinstance(found, dict):
                    found = found.get(name)
                if found in _DIRECTIONS:
                    return str(found)
        return _DIRECTIONS[0]
