"""``${name}`` templating: one pass over the text as written; inserted values are never scanned again.

Names are dotted paths with indexes (``train.layers[0]``) into the values of ``params.yaml`` and ``vars``. There is no
expression language: plain look-ups only, nothing is evaluated. ``\\${`` is a literal ``${``.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from mltrack.errors import PipelineError

_REFERENCE = re.compile(r"\\\$\{|\$\{([^{}]*)(\}?)")
_PATH = re.compile(r"\s*([A-Za-z_][\w-]*(?:\.[\w-]+|\[\d{1,9}\])*)\s*\Z")
_STEP = re.compile(r"[\w-]+|\[\d+\]")


def interpolate(text: str, values: Mapping[str, Any], where: str) -> Any:
    """Returns ``text`` with each reference replaced.

    A text that is nothing but one reference takes the value with its type; elsewhere the value is written as text
    (booleans as ``true`` and ``false``). Raises PipelineError for an unknown name, naming the nearest.
    """
    if "${" not in text:
        return text
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and whole[1] is not None and whole[2]:
        return look_up(whole[1], values, where)

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        if not match[2]:
            raise PipelineError(
                f"{where}: '${{' is not closed in {text[:120]!r}", hint="write '\\${' for a literal '${'"
            )
        return as_text(look_up(match[1], values, where), match[1], where)

    return _REFERENCE.sub(replace, text)


def as_text(value: Any, name: str, where: str) -> str:
    """Returns a scalar as a command line shows it; raises PipelineError for a mapping or a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, Mapping | list):
        kind = "empty" if value is None else "a mapping" if isinstance(value, Mapping) else "a list"
        raise PipelineError(f"{where}: ${{{name}}} is {kind}, which has no place inside a text")
    return str(value)


def look_up(name: str, values: Mapping[str, Any], where: str) -> Any:
    """Returns the value at a dotted path; raises PipelineError with the nearest known name if there is none."""
    match = _PATH.match(name)
    if match is None:
        raise PipelineError(
            f"{where}: ${{{name}}} is not a dotted name",
            hint="plain names only, as in ${train.lr} or ${layers[0]}",
        )
    value: Any = values
    walked = ""
    for step in _STEP.findall(match[1]):
        try:
            value = value[int(step[1:-1])] if step.startswith("[") else value[step]
        except (KeyError, IndexError, TypeError):
            raise PipelineError(
                f"{where}: ${{{name}}}: there is no {walked + step!r}", hint=_nearest(value, step)
            ) from None
        walked += step + "."
    return value


def _nearest(value: Any, step: str) -> str:
    if isinstance(value, Mapping) and value:
        names = [str(name) for name in value]
        close = difflib.get_close_matches(step, names, n=1)
        return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(names)[:10])}"
    return "values come from params.yaml and `vars`"
