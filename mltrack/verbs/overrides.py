"""``--set [FILE:]KEY=VALUE``: params of one run, which leave the files of the workspace
as they are.
"""

from typing import Any

from mltrack.engine.params import Overrides
from mltrack.errors import FormatError, UsageError
from mltrack.formats import params_file, yaml
from mltrack.formats.template_values import DEFAULT_PARAMS
from mltrack.verbs.session import Session

_NULLS = ("", "~", "null", "Null", "NULL")


Given = str | tuple[str, Any]
"""``[FILE:]KEY=VALUE`` as a person types it, or the name and the value itself."""


def read_overrides(session: Session, given: tuple[Given, ...]) -> Overrides:
    """Returns the values by file and dotted key; raises UsageError for what is no
    assignment, and PipelineError, with the nearest name, for a param that is not there.
    """
    found: Overrides = {}
    for one in given:
        name, value = _assignment(one)
        file, colon, key = name.rpartition(":")
        if not key:
            raise UsageError(
                f"{one!r} sets nothing",
                hint="--set train.lr=0.01, or --set other.yaml:train.lr=0.01",
            )
        project = session.project
        path = project.relative(file) if colon else _default(session)
        data = project.read(path)
        if data is None:
            raise UsageError(
                f"there is no params file {path!r}",
                hint="--set FILE:KEY=VALUE names another",
            )
        params_file.get(params_file.load(data, path), key, path)
        found.setdefault(path, {})[key] = value
    return found


def _assignment(given: Given) -> tuple[str, Any]:
    """The name and the value; no name where nothing is assigned."""
    if not isinstance(given, str):
        return given
    name, equals, text = given.partition("=")
    return (name, parse_value(text, given)) if equals else ("", None)


def parse_value(text: str, where: str) -> Any:
    """Returns the value that a person typed: a number, true, false, null, or a list or
    mapping in brackets, as YAML has them, and every other text as it stands, whatever
    signs are in it. Quotes make text of anything.

    Raises UsageError for brackets that are not closed, or hold no YAML.
    """
    stripped = text.strip()
    is_structured = stripped[:1] in ("[", "{", '"', "'")
    try:
        value = yaml.load(text, where)
    except FormatError as error:
        if is_structured:
            raise UsageError(
                f"{where!r}: the value is not YAML: {error.message}"
            ) from None
        return text
    if is_structured or isinstance(value, bool | int | float):
        return value
    return None if value is None and stripped in _NULLS else text


def _default(session: Session) -> str:
    here = session.project.here
    beside = f"{here}/{DEFAULT_PARAMS}" if here else DEFAULT_PARAMS
    return beside if session.project.read(beside) is not None else DEFAULT_PARAMS
