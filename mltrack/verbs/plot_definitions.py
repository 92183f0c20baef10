"""Which plots are declared: by stages, and at the top of pipeline files."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mltrack.engine.pipelines import nearest
from mltrack.engine.recorded import Recorded
from mltrack.errors import PipelineError, UsageError
from mltrack.formats.pipeline_file import top_level
from mltrack.pipeline.stage import PLOT
from mltrack.pipeline.vega import TEMPLATES
from mltrack.verbs.session import Session

_KEYS = ("x", "y", "x_label", "y_label", "title", "template", "header")


@dataclass(frozen=True, slots=True)
class Definition:
    """One plot as declared: which columns of which files. ``ys`` are (file, columns);
    no columns means the last one.
    """

    name: str
    ys: tuple[tuple[str, tuple[str, ...]], ...]
    x: str = ""
    x_file: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """How it is drawn; raises PipelineError for a template that there is not."""
        named = str(self.settings.get("template") or "linear")
        if named not in TEMPLATES:
            hint = nearest(named, [*TEMPLATES]) or f"templates: {', '.join(TEMPLATES)}"
            raise PipelineError(
                f"plot {self.name!r}: there is no template {named!r}", hint=hint
            )
        return named

    @property
    def has_header(self) -> bool:
        return self.settings.get("header", True) is not False

    def setting(self, key: str) -> str:
        """Returns a word of the settings, '' for none."""
        return str(self.settings.get(key) or "")


def declared(
    session: Session, recorded: Sequence[Recorded], targets: list[str] | None
) -> dict[str, Definition]:
    """Returns the plots of several moments by name; of one that they declare
    differently the last one says how it is drawn: it is the newest, as a rule the
    workspace, where settings are tried. Raises UsageError for a target that
    is no plot.
    """
    found: dict[str, Definition] = {}
    for one in reversed(recorded):
        for definition in _definitions(one):
            found.setdefault(definition.name, definition)
    if not targets:
        return found
    wanted = {
        name: definition
        for name, definition in found.items()
        if any(_is_meant(session, target, definition) for target in targets)
    }
    if not wanted:
        raise UsageError(
            f"there is no plot {targets[0]!r}",
            hint=f"known: {', '.join(found) or 'none'}",
        )
    return wanted


def _is_meant(session: Session, target: str, definition: Definition) -> bool:
    is_absolute = os.path.isabs(target)
    path = (
        session.project.relative(target)
        if is_absolute
        else os.path.normpath(os.path.join(session.project.here, target))
    )
    return definition.name in (target, path) or any(
        file.startswith(path + "/") for file, _ in definition.ys
    )


def _definitions(recorded: Recorded) -> Iterator[Definition]:
    view = recorded.view
    for stage in view.graph.stages.values():
        for out in stage.outs:
            if out.type == PLOT:
                settings = dict(out.settings)
                for path in recorded.files_of(out.path):
                    columns = _columns(settings.get("y"))
                    yield Definition(
                        path,
                        ((path, columns),),
                        str(settings.get("x") or ""),
                        settings=settings,
                    )
    for pipeline in view.pipelines:
        data = view.read(pipeline)
        listed = top_level(pipeline, data, view.read) if data else None
        for item in listed.plots if listed is not None else ():
            yield from _top_level(recorded, pipeline, item)


def _top_level(recorded: Recorded, pipeline: str, item: Any) -> Iterator[Definition]:
    """A plot at the top of a pipeline file: a path, or a name or path with settings."""
    directory = os.path.dirname(pipeline)

    def path_of(text: str) -> str:
        return os.path.normpath(os.path.join(directory, text))

    for name, given in item.items() if isinstance(item, dict) else ((item, None),):
        settings = _checked(pipeline, name, given)
        y, x = settings.get("y"), settings.get("x")
        x_file, x_column = (
            next(iter(x.items())) if isinstance(x, dict) and x else ("", x or "")
        )
        if isinstance(y, dict):
            ys = tuple(
                (path_of(file), _columns(columns)) for file, columns in y.items()
            )
            yield Definition(
                name, ys, str(x_column), path_of(x_file) if x_file else "", settings
            )
        else:
            for path in recorded.files_of(path_of(name)):
                yield Definition(
                    path, ((path, _columns(y)),), str(x_column), "", settings
                )


def _checked(pipeline: str, name: Any, given: Any) -> dict[str, Any]:
    """The settings of a plot; raises PipelineError for what cannot be any."""
    if not isinstance(name, str):
        raise PipelineError(
            f"{pipeline}: plots: expected a path or a name, got {name!r}",
            hint="plots: [loss.csv], or [{loss.csv: {y: loss}}]",
        )
    if given is not None and not isinstance(given, dict):
        raise PipelineError(
            f"{pipeline}: plots.{name}: expected settings, got {given!r}",
            hint=f"such as {{y: COLUMN}}; known: {', '.join(_KEYS)}",
        )
    settings = given or {}
    for key in settings:
        if key not in _KEYS:
            hint = nearest(str(key), [*_KEYS]) or f"known: {', '.join(_KEYS)}"
            raise PipelineError(
                f"{pipeline}: plots.{name}: unknown key {key!r}", hint=hint
            )
    if settings.get("y") == {}:
        raise PipelineError(
            f"{pipeline}: plots.{name}.y: names no file",
            hint="such as y: {loss.csv: COLUMN}",
        )
    return settings


def _columns(value: Any) -> tuple[str, ...]:
    return (
        tuple(map(str, value))
        if isinstance(value, list)
        else (str(value),)
        if value not in (None, "")
        else ()
    )
