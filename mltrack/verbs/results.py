"""``metrics show``, ``metrics diff`` and ``params diff``: values at revisions, and how
they changed.
"""

import math
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from mltrack.engine.recorded import Recorded
from mltrack.engine.view import View
from mltrack.errors import (
    FormatError,
    MissingObjectError,
    MltrackError,
    PipelineError,
    UsageError,
)
from mltrack.formats import params_file
from mltrack.formats.params_file import flatten
from mltrack.formats.pipeline_file import top_level
from mltrack.formats.template_values import DEFAULT_PARAMS
from mltrack.pipeline.differences import same_value
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import METRIC
from mltrack.verbs.session import Session

Values = dict[str, dict[str, Any]]
"""For each file, values by dotted key."""


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value that differs; ``delta`` is new minus old where both are numbers. Absent
    values are None.
    """

    file: str
    key: str
    old: Any
    new: Any
    delta: float | int | None


Problems = dict[str, MltrackError]
"""What could not be read, by path: the rest is shown."""


def metrics(
    session: Session,
    revision: str = "",
    arguments: list[str] | None = None,
    problems: Problems | None = None,
    never_written: list[str] | None = None,
) -> Values:
    """Returns all metrics of the workspace, or of a revision. A file that cannot be
    read is left out and put into ``problems``, if given, else raises; one that is
    declared and was never written is put into ``never_written``.
    """
    recorded = session.at(revision)
    view = recorded.view
    paths = dict.fromkeys(
        path
        for stage in view.graph.stages.values()
        for out in stage.outs
        if out.type == METRIC
        for path in _files_of(recorded, out.path, problems)
    )
    paths.update(dict.fromkeys(_declared(recorded, "metrics")))
    wanted = _restrict(session, list(paths), arguments)
    values: Values = {}
    for path in wanted:
        with noted(path, problems):
            data = recorded.read_if_ever(path)
            if data is not None:
                values[path] = flatten(params_file.load(data, path, _at(view)))
            elif never_written is not None:
                never_written.append(f"{path}{_at(view)}")
    return values


def directions(
    session: Session, revision: str, values: Values
) -> dict[tuple[str, str], str]:
    """Returns, by file and name, which of two values is better where a stage declares
    it: ``max`` or ``min``.
    """
    found: dict[tuple[str, str], str] = {}
    stages = session.at(revision).view.graph.stages.values()
    for out in (out for stage in stages for out in stage.outs if out.type == METRIC):
        declared = dict(out.settings).get("direction")
        for path in (path for path in values if contains(out.path, path)):
            for name in values[path]:
                if isinstance(declared, str):
                    found[path, name] = declared
                elif isinstance(declared, dict) and name in declared:
                    found[path, name] = str(declared[name])
    return found


@contextmanager
def noted(path: str, problems: Problems | None) -> Iterator[None]:
    """Puts what is wrong with one file into ``problems`` and lets the rest go on;
    without them it is raised.
    """
    try:
        yield
    except (FormatError, PipelineError, MissingObjectError) as error:
        if problems is None:
            raise
        problems[path] = error


def params(
    session: Session,
    revision: str = "",
    arguments: list[str] | None = None,
    problems: Problems | None = None,
) -> Values:
    """Returns all params in the workspace or at a revision: those that stages depend
    on, and all of the ``params.yaml`` beside a pipeline file, since its templates may
    use any of them.
    """
    recorded = session.at(revision)
    view = recorded.view
    keys: dict[str, set[str] | None] = {}
    for stage in view.graph.stages.values():
        for file in stage.params:
            known = keys.setdefault(file.path, set())
            # one stage depends on all of the file: then no key is left out
            keys[file.path] = (
                None if file.keys is None or known is None else known | set(file.keys)
            )
    beside = (
        os.path.join(os.path.dirname(path), DEFAULT_PARAMS) for path in view.pipelines
    )
    keys.update(dict.fromkeys((*_declared(recorded, "params"), *beside)))
    values: Values = {}
    for path in _restrict(session, list(keys), arguments):
        with noted(path, problems):
            data = view.read(path)
            if data is not None:
                found = params_file.load(data, path, _at(view))
                wanted = keys[path]
                values[path] = (
                    flatten(found)
                    if wanted is None
                    else _existing(found, sorted(wanted))
                )
    return values


def diff(
    old: Values,
    new: Values,
    *,
    everything: bool = False,
    is_same: Callable[[Any, Any], bool] = same_value,
    unread: Collection[str] = (),
) -> list[ValueChange]:
    """Returns what differs between two sets of values, or with ``everything`` all of
    them; of files that are ``unread`` on one side nothing can be said.
    """
    changes = []
    for file in sorted((old.keys() | new.keys()) - set(unread)):
        before, after = old.get(file, {}), new.get(file, {})
        for key in sorted(before.keys() | after.keys()):
            a, b = before.get(key), after.get(key)
            if everything or key not in before or key not in after or not is_same(a, b):
                numbers = _is_number(a) and _is_number(b)
                changes.append(ValueChange(file, key, a, b, b - a if numbers else None))  # type: ignore[operator]
    return changes


def same_measure(a: Any, b: Any) -> bool:
    """Returns whether two measured values are equal: 1 and 1.0 are, 0.0 and -0.0 are
    not, as everywhere, and what is not a number is equal to itself.
    """
    if _is_number(a) and _is_number(b):
        return (bool(a == b) and math.copysign(1, a) == math.copysign(1, b)) or (
            a != a and b != b
        )
    return same_value(a, b)


def _existing(values: Any, keys: list[str]) -> dict[str, Any]:
    found = {}
    for key in keys:
        with suppress(PipelineError):  # the key is not there at this revision
            below = flatten({"": params_file.get(values, key, "")})
            found.update(
                {key + name.removeprefix('""'): value for name, value in below.items()}
            )
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _declared(recorded: Recorded, kind: str) -> Iterator[str]:
    """Metrics or params files that pipeline files list at their top level; of a
    directory all that is in it.
    """
    view = recorded.view
    for pipeline in view.pipelines:
        data = view.read(pipeline)
        directory = os.path.dirname(pipeline)
        listed = top_level(pipeline, data, view.read) if data else None
        for name in getattr(listed, kind) if listed is not None else ():
            path = os.path.normpath(os.path.join(directory, name))
            yield from _files_of(recorded, path, None)


def _files_of(
    recorded: Recorded, path: str, problems: Problems | None
) -> Iterator[str]:
    """The file at a path, or the files of metrics or params in a directory: other
    things may lie beside them.
    """
    files: list[str] = []
    with noted(path, problems):
        files = recorded.files_of(path)
    for one in files:
        if one == path or one.endswith(params_file.SUFFIXES):
            yield one


def _restrict(
    session: Session, paths: list[str], arguments: list[str] | None
) -> list[str]:
    if not arguments:
        return sorted(paths)
    wanted: dict[str, None] = {}
    for argument in arguments:
        asked = session.project.relative(argument)
        # a directory stands for the files in it
        found = [path for path in paths if contains(asked, path)]
        if not found:
            raise UsageError(
                f"{asked!r} is not declared by any stage",
                hint=f"known: {', '.join(sorted(paths)) or 'none'}",
            )
        wanted.update(dict.fromkeys(found))
    return list(wanted)


def _at(view: View) -> str:
    return "" if view.name == "workspace" else f" at {view.name}"
