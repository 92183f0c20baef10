"""``--set [FILE:]KEY=VALUE``: params of one run, which leave the files of the workspace as they are."""

from mltrack.engine.inputs import Overrides
from mltrack.errors import FormatError, UsageError
from mltrack.formats import params_file, yaml
from mltrack.formats.template_values import DEFAULT_PARAMS
from mltrack.verbs.session import Session


def read_overrides(session: Session, given: tuple[str, ...]) -> Overrides:
    """Returns the values by file and dotted key; raises UsageError for what is no assignment, and PipelineError, with the
    nearest name, for a param that is not there."""
    found: Overrides = {}
    for text in given:
        name, equals, value = text.partition("=")
        file, colon, key = name.rpartition(":")
        if not equals or not key:
            raise UsageError(f"{text!r} sets nothing", hint="--set train.lr=0.01, or --set other.yaml:train.lr=0.01")
        project = session.project
        path = project.relative(file) if colon else _default(session)
        data = project.read(path)
        if data is None:
            raise UsageError(f"there is no params file {path!r}", hint="--set FILE:KEY=VALUE names another")
        params_file.get(params_file.load(data, path), key, path)
        try:
            found.setdefault(path, {})[key] = yaml.load(value, text)
        except FormatError as error:
            raise UsageError(f"{text!r}: the value is not YAML: {error.message}") from None
    return found


def _default(session: Session) -> str:
    here = session.project.here
    beside = f"{here}/{DEFAULT_PARAMS}" if here else DEFAULT_PARAMS
    return beside if session.project.read(beside) is not None else DEFAULT_PARAMS
