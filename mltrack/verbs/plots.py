"""``plots show`` and ``plots diff``: series and images of stages, over revisions, as
Vega-Lite and as pictures.
"""

import base64
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mltrack.engine.pipelines import nearest
from mltrack.engine.recorded import Recorded
from mltrack.errors import (
    FormatError,
    MissingObjectError,
    MltrackError,
    PipelineError,
    UsageError,
)
from mltrack.formats import series_file
from mltrack.formats.pipeline_file import top_level
from mltrack.pipeline import vega
from mltrack.pipeline.stage import PLOT
from mltrack.pipeline.vega import FIELD, REV, STEP, TEMPLATES, Chart, Row, Spec
from mltrack.verbs.session import Session

# in bytes; it stands in the page as text, which takes a third more
MAX_IMAGE = 32 << 20
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


class Image(NamedTuple):
    """One picture at one revision, as a URI that holds its bytes."""

    revision: str
    uri: str


class Plot(NamedTuple):
    """Something to look at: a specification, or pictures."""

    name: str
    spec: Spec | None
    images: tuple[Image, ...] = ()


def plots(
    session: Session,
    revisions: list[str],
    targets: list[str] | None,
    problems: dict[str, MltrackError],
) -> list[Plot]:
    """Returns the plots of the workspace ('') and of revisions, each with the data of
    all of them.

    One that cannot be drawn, since a file of it is not here or has no such column, is
    put into ``problems``. Raises what is wrong with it if nothing else can be drawn,
    UsageError for a target that is no plot.
    """
    moments = [
        (revision or "workspace", session.at(revision)) for revision in revisions
    ]
    definitions: dict[str, Definition] = {}
    for _, recorded in moments:
        for definition in _definitions(recorded):
            # the first one named says how it is drawn
            definitions.setdefault(definition.name, definition)
    wanted = list(definitions)
    if targets:
        wanted = [
            name
            for name in definitions
            if any(_is_meant(session, target, definitions[name]) for target in targets)
        ]
        if not wanted:
            raise UsageError(
                f"there is no plot {targets[0]!r}",
                hint=f"known: {', '.join(definitions) or 'none'}",
            )
    drawn = []
    for name in wanted:
        try:
            drawn.append(_plot(definitions[name], moments))
        except (FormatError, PipelineError, MissingObjectError) as error:
            problems[name] = error
    found = [plot for plot in drawn if plot is not None]
    if problems and not found:
        raise next(iter(problems.values()))
    return found


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


def _plot(definition: Definition, moments: list[tuple[str, Recorded]]) -> Plot | None:
    first = definition.ys[0][0]
    if series_file.suffix_of(first) in series_file.IMAGES:
        images = tuple(_images(first, moments))
        return Plot(definition.name, None, images) if images else None
    template = str(definition.settings.get("template") or "linear")
    if template not in TEMPLATES:
        hint = nearest(template, [*TEMPLATES]) or f"templates: {', '.join(TEMPLATES)}"
        raise PipelineError(
            f"plot {definition.name!r}: there is no template {template!r}", hint=hint
        )
    rows: list[Row] = []
    columns: dict[str, None] = {}
    for revision, recorded in moments:
        for row, column in _rows(definition, recorded):
            rows.append({REV: revision, **row})
            columns[column] = None
    if not rows:
        return None
    several = len({row[FIELD] for row in rows}) > 1
    y = "value" if len(columns) > 1 else next(iter(columns))
    chart = Chart(
        rows=rows,
        x=definition.x or STEP,
        y=y,
        title=str(definition.settings.get("title") or definition.name),
        x_label=str(definition.settings.get("x_label") or ""),
        y_label=str(definition.settings.get("y_label") or ""),
        several=several,
    )
    chart = chart._replace(rows=[_drawn(row, chart) for row in rows])
    return Plot(definition.name, vega.specification(chart, template))


def _drawn(row: Row, chart: Chart) -> Row:
    """What of a row is drawn; which column it is of only where there are several."""
    which = {FIELD: row[FIELD]} if chart.several else {}
    return {
        REV: row[REV],
        **which,
        chart.x: _drawable(row.get(chart.x)),
        chart.y: _drawable(row.get(row["column"])),
    }


def _drawable(value: Any) -> Any:
    """A value as it can be drawn: NaN and infinities have no place on an axis."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rows(definition: Definition, recorded: Recorded) -> Iterator[tuple[Row, str]]:
    """The rows to draw, each with the column that is drawn of it."""
    has_header = definition.settings.get("header", True) is not False
    for file, wanted in definition.ys:
        data = recorded.read_if_ever(file)
        if data is None:
            continue
        rows = series_file.load(data, file, has_header=has_header)
        if not rows:
            continue
        xs = _other_xs(definition, recorded, file, has_header=has_header)
        for column in wanted or (_last_column(rows[0], definition.x),):
            for needed in (
                column,
                *([definition.x] if definition.x and xs is None else []),
            ):
                if needed not in rows[0]:
                    there = [str(name) for name in rows[0]]
                    hint = nearest(needed, there) or f"it has: {', '.join(there)}"
                    raise PipelineError(
                        f"plot {definition.name!r}: {file} has no column {needed!r}",
                        hint=hint,
                    )
            label = column if len(definition.ys) == 1 else f"{file}: {column}"
            for step, row in enumerate(rows):
                drawn = {STEP: step, **row, FIELD: label, "column": column}
                if xs is not None:
                    drawn[definition.x] = xs[step] if step < len(xs) else None
                yield drawn, column


def _other_xs(
    definition: Definition, recorded: Recorded, file: str, *, has_header: bool
) -> list[Any] | None:
    """The values of the x axis where they come from another file."""
    if not definition.x_file or definition.x_file == file:
        return None
    data = recorded.read_if_ever(definition.x_file)
    rows = (
        series_file.load(data, definition.x_file, has_header=has_header)
        if data is not None
        else []
    )
    return [row.get(definition.x) for row in rows]


def _last_column(row: Row, x: str) -> str:
    return str(next((name for name in reversed(row) if name != x), x))


def _images(path: str, moments: list[tuple[str, Recorded]]) -> Iterator[Image]:
    for revision, recorded in moments:
        data = recorded.read_if_ever(path)
        if data is not None and len(data) <= MAX_IMAGE:
            kind = series_file.IMAGES[series_file.suffix_of(path)]
            yield Image(
                revision, f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
            )
