"""``plots show`` and ``plots diff``: series and images of stages, over revisions."""

import base64
from dataclasses import dataclass
from typing import NamedTuple

from mltrack.errors import FormatError, MissingObjectError, MltrackError, PipelineError
from mltrack.formats import series_file
from mltrack.pipeline import vega
from mltrack.pipeline.vega import Chart, Spec
from mltrack.verbs import plot_definitions
from mltrack.verbs.plot_definitions import Definition
from mltrack.verbs.plot_rows import ABSENT, TOO_LARGE, Data, Lack, Moment
from mltrack.verbs.session import Session

# in bytes; it stands in the page as text, which takes a third more
MAX_IMAGE = 32 << 20


class Image(NamedTuple):
    """One picture at one revision, as a URI that holds its bytes."""

    revision: str
    uri: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Something to look at: a chart, or pictures; neither where no revision has any of
    its data. ``lacks`` says what single revisions do not have.
    """

    name: str
    chart: Chart | None
    template: str = ""
    images: tuple[Image, ...] = ()
    lacks: tuple[Lack, ...] = ()

    @property
    def title(self) -> str:
        return self.chart.title if self.chart is not None else self.name

    @property
    def is_empty(self) -> bool:
        return self.chart is None and not self.images

    @property
    def spec(self) -> Spec | None:
        """The chart as a Vega-Lite specification."""
        if self.chart is None:
            return None
        return vega.specification(self.chart, self.template)


class Drawn(NamedTuple):
    """The plots that were asked for, by revision ('' is the workspace) in the order in
    which they were named. ``problems`` says what could not be drawn or read, by plot
    or by file and revision.
    """

    plots: list[Plot]
    problems: dict[str, MltrackError]

    @property
    def never_written(self) -> list[str]:
        """The plots that are declared, and whose files no revision has."""
        return [
            plot.name
            for plot in self.plots
            if plot.is_empty
            and plot.lacks
            and all(
                lack.reason == ABSENT and lack.column is None for lack in plot.lacks
            )
        ]


def plots(session: Session, revisions: list[str], targets: list[str] | None) -> Drawn:
    """Returns the plots of the workspace ('') and of revisions, each with the data of
    all of them.

    What a revision lacks is left out of a plot that others have. Raises what is wrong
    if nothing at all can be drawn, UsageError for a target that is no plot.
    """
    moments = [
        Moment(revision or "workspace", session.at(revision)) for revision in revisions
    ]
    recorded = [moment.recorded for moment in moments]
    drawn = Drawn([], {})
    definitions = plot_definitions.declared(session, recorded, targets)
    for definition in definitions.values():
        data = Data(definition, moments)
        try:
            plot = _plot(definition, data)
        except (FormatError, PipelineError, MissingObjectError) as error:
            drawn.problems[definition.name] = error
            continue
        drawn.problems.update(data.problems)
        if not plot.is_empty or not data.problems:
            drawn.plots.append(plot)
    if drawn.problems and all(plot.is_empty for plot in drawn.plots):
        raise next(iter(drawn.problems.values()))
    return drawn


def _plot(definition: Definition, data: Data) -> Plot:
    first = definition.ys[0][0]
    if series_file.suffix_of(first) in series_file.IMAGES:
        images = _images(first, data)
        return Plot(definition.name, None, images=images, lacks=tuple(data.lacks))
    template = definition.template
    chart = data.chart()
    return Plot(definition.name, chart, template, lacks=tuple(data.lacks))


def _images(path: str, data: Data) -> tuple[Image, ...]:
    kind = series_file.IMAGES[series_file.suffix_of(path)]
    found = []
    for moment in data.moments:
        picture = data.read(moment, path)
        if picture is None:
            continue
        if len(picture) > MAX_IMAGE:
            data.lacks[Lack(moment.revision, path, None, TOO_LARGE)] = None
            continue
        encoded = base64.b64encode(picture).decode()
        found.append(Image(moment.revision, f"data:image/{kind};base64,{encoded}"))
    return tuple(found)
