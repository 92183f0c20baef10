"""``${name}`` templating: one pass over the text as written; inserted values are never
scanned again.

Names are dotted paths with indexes and keys (``train.layers[0]``, ``item[lr]``) into the
values of ``params.yaml`` and ``vars``. A name may be made of another reference
(``${models.${item}}``): it is looked up first, and must be a plain name.
``${name:-text}`` takes ``text`` where there is no such value. There is no expression
language: plain look-ups only, nothing is evaluated. ``\\${`` is a literal ``${``.
"""

import difflib
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from mltrack.errors import PipelineError

# what is escaped comes first, or `\${` would be found by its dollar sign
_REFERENCE = re.compile(r"\\\$\{|\$\{([^{}]*)(\}?)")
_PATH = re.compile(
    r"\s*([A-Za-z_][\w-]*?(?:\.[\w-]+?|\[[\w-]{1,99}\])*)\s*(?::-(.*))?\Z", re.DOTALL
)
_STEP = re.compile(r"[\w-]+|\[[\w-]+\]")
_NESTED = re.compile(r"(\$\{[^{}]*)\$\{([^{}]*)\}")
_NAME = re.compile(r"[\w.-]+\Z")
# deeper than anyone writes, and an end for what never ends
_MAX_NESTED = 20
_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")

AsText = Callable[[Any, str, str], str]


def interpolate(text: str, values: Mapping[str, Any], where: str) -> Any:
    """Returns ``text`` with each reference replaced.

    A text that is nothing but one reference takes the value with its type; elsewhere
    the value is written as text (booleans as ``true`` and ``false``). Raises
    PipelineError for an unknown name, naming the nearest.
    """
    if "${" not in text:
        return text
    text = _without_nested(text, values, where)
    whole = _REFERENCE.fullmatch(text)
    # so that `timeout: ${hours}` is a number, and `foreach: ${names}` a list
    if whole is not None and whole[1] is not None and whole[2]:
        return _value(whole[1], values, where)
    return _replace(text, values, where, as_text)


def interpolate_command(text: str, values: Mapping[str, Any], where: str) -> str:
    """Returns a command with each reference replaced. A list becomes its items, each
    one word; a mapping becomes options, ``--key value`` for each value in it, with
    dotted keys for nested ones, as in ``dvc.yaml``.
    """
    if "${" not in text:
        return text
    return _replace(_without_nested(text, values, where), values, where, _as_arguments)


def _without_nested(text: str, values: Mapping[str, Any], where: str) -> str:
    """Text in which no reference stands inside another: the inner ones are names."""
    for _ in range(_MAX_NESTED):
        match = _NESTED.search(text)
        if match is None or text[: match.start()].endswith("\\"):
            return text
        name = as_text(_value(match[2], values, where), match[2], where)
        if not _NAME.match(name):
            raise PipelineError(
                f"{where}: {match[0]!r}: the inner reference is {name[:80]!r}, which is "
                "no name",
                hint="a name has letters, digits, '_', '-' and '.' only",
            )
        text = text[: match.start()] + match[1] + name + text[match.end() :]
    raise PipelineError(f"{where}: references are nested too deeply in {text[:80]!r}")


def _replace(text: str, values: Mapping[str, Any], where: str, write: AsText) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        if not match[2]:
            raise PipelineError(
                f"{where}: '${{' is not closed in {text[:120]!r}",
                hint="write '\\${' for a literal '${'",
            )
        name, default = _parts(match[1], where)
        if default is not None and not _has(name, values):
            return default
        return write(look_up(name, values, where), name, where)

    return _REFERENCE.sub(replace, text)


def as_text(value: Any, name: str, where: str) -> str:
    """Returns a scalar as a command line shows it; raises PipelineError for a mapping
    or a list.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        # what a params file leaves empty is an empty text
        return ""
    if isinstance(value, Mapping | list):
        kind = "a mapping" if isinstance(value, Mapping) else "a list"
        raise PipelineError(
            f"{where}: ${{{name}}} is {kind}, which has no place inside a text"
        )
    return str(value)


def _as_arguments(value: Any, name: str, where: str) -> str:
    if isinstance(value, list):
        return " ".join(_word(item, name, where) for item in value)
    if isinstance(value, Mapping):
        return " ".join(_options(value, "", name, where))
    return as_text(value, name, where)


def _options(
    values: Mapping[str, Any], prefix: str, name: str, where: str
) -> list[str]:
    """A true value is a flag, a false one nothing, and so is one that is not set."""
    found: list[str] = []
    for key, value in values.items():
        option = f"{prefix}{key}"
        flag = shlex.quote(f"--{option}")
        if isinstance(value, Mapping):
            found += _options(value, option + ".", name, where)
        elif isinstance(value, bool) or value is None:
            found += [flag] if value else []
        elif isinstance(value, list):
            found += (
                [flag, *(_word(item, name, where) for item in value)] if value else []
            )
        else:
            found += [flag, _word(value, f"{name}.{key}", where)]
    return found


def _word(value: Any, name: str, where: str) -> str:
    text = as_text(value, name, where)
    # numbers hold no sign of the shell
    return shlex.quote(text) if isinstance(value, str) else text


def as_name(value: Any) -> str:
    """Returns a scalar as it stands in the name of an expanded stage."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def look_up(name: str, values: Mapping[str, Any], where: str) -> Any:
    """Returns the value at a dotted path; raises PipelineError with the nearest known
    name if there is none.
    """
    value: Any = values
    walked = ""
    for step in _STEP.findall(name):
        try:
            value = _step_into(value, step)
        except (KeyError, IndexError, TypeError, ValueError):
            # TypeError: a name below a number; ValueError: a name in a list
            raise PipelineError(
                f"{where}: ${{{name}}}: there is no {walked + step!r}",
                hint=_nearest(value, step),
            ) from None
        walked += step + "."
    return value


def _step_into(value: Any, step: str) -> Any:
    """One step: a name, or in brackets a position in a list or a name in a mapping."""
    if not step.startswith("["):
        return value[step]
    inner = step[1:-1]
    return value[inner] if isinstance(value, Mapping) else value[int(inner)]


def _value(reference: str, values: Mapping[str, Any], where: str) -> Any:
    name, default = _parts(reference, where)
    if default is not None and not _has(name, values):
        return _scalar(default)
    return look_up(name, values, where)


def _parts(reference: str, where: str) -> tuple[str, str | None]:
    match = _PATH.match(reference)
    if match is None:
        raise PipelineError(
            f"{where}: ${{{reference}}} is not a dotted name",
            hint="plain names only, as in ${train.lr}, ${layers[0]} or ${lr:-0.1}",
        )
    return match[1], match[2]


def _has(name: str, values: Mapping[str, Any]) -> bool:
    try:
        look_up(name, values, "")
    except PipelineError:
        return False
    return True


def _scalar(text: str) -> Any:
    """The value that a default means, as YAML's core schema would read it."""
    if text in ("true", "false"):
        return text == "true"
    if text in ("null", ""):
        # `${a:-}` asks for no text, not for null
        return None if text else ""
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def _nearest(value: Any, step: str) -> str:
    if isinstance(value, Mapping) and value:
        names = [str(name) for name in value]
        close = difflib.get_close_matches(step, names, n=1)
        return (
            f"did you mean {close[0]!r}?"
            if close
            else f"known here: {', '.join(sorted(names)[:10])}"
        )
    return "values come from params.yaml and `vars`"
