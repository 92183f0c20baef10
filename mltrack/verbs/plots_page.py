"""Plots as one page of HTML that opens offline: everything that it needs is in it. Its
style and scripts are the files of ``plots_page_files``.
"""

import html
import re
from collections.abc import Iterable
from importlib import resources
from typing import Any, NamedTuple

from mltrack.errors import MltrackError
from mltrack.verbs.plot_data import data_of, script_text
from mltrack.verbs.plot_rows import ABSENT, EMPTY, TOO_LARGE, Lack
from mltrack.verbs.plot_values import Column, Revision
from mltrack.verbs.plot_values_table import rendered as values_table
from mltrack.verbs.plots import Drawn, Image, Plot

_FILES = "plots_page_files"
# in the order in which they use one another
_SCRIPTS = (
    "axis.js",
    "frame.js",
    "zoom.js",
    "tip.js",
    "lines.js",
    "smooth.js",
    "matrix.js",
    "bars.js",
    "compare.js",
    "experiments.js",
    "start.js",
)


_RUNS = """<div class="plots"><section class="plot wide" id="experiments-parallel">
<h2>Params and metrics of experiments</h2><div class="chart runs"></div></section>
<section class="plot wide" id="experiments-scatter">
<h2>Experiments by two values</h2><div class="chart runs"></div></section></div>"""
_COLORS = 10
"""As many as page.css has."""


class RunValues(NamedTuple):
    """One param or metric of many runs, in their order; None where one lacks it."""

    name: str
    kind: str
    values: list[Any]


class Runs(NamedTuple):
    """Many runs that are compared by their params and metrics alone."""

    names: list[str]
    columns: list[RunValues]


class Contents(NamedTuple):
    """What a page shows: plots of a project at revisions, with params and metrics; and
    many runs compared, if there are any.
    """

    project: str
    revisions: list[Revision]
    columns: list[Column]
    drawn: Drawn
    runs: Runs | None = None


def page(contents: Contents) -> str:
    """Returns the page."""
    plots, revisions = contents.drawn.plots, contents.revisions
    names = _names(contents)
    anchors = _anchors(plot.name for plot in plots)
    numbers = {revision.name: at for at, revision in enumerate(revisions)}
    data = {
        anchor: data_of(plot, plot.chart, numbers)
        for anchor, plot in zip(anchors, plots, strict=True)
        if plot.chart is not None
    }
    table = values_table(revisions, contents.columns)
    sections = (
        _section(anchor, plot, several=len(revisions) > 1)
        for anchor, plot in zip(anchors, plots, strict=True)
    )
    parts = {
        "title": html.escape(f"{contents.project}: {names}"),
        "project": html.escape(contents.project),
        "names": html.escape(names),
        "style": _file("page.css"),
        "revisions": _revisions(revisions, is_folded=contents.runs is not None),
        "links": "\n".join(_links(anchors, plots, has_table=bool(table))),
        "table": table,
        "manual": _file("manual.html") if any(map(_is_zoomed, plots)) else "",
        "problems": _problems(contents.drawn.problems.values()),
        "plots": "\n".join(sections),
        "runs": _RUNS if contents.runs is not None else "",
        "data": script_text(
            {
                "revisions": [revision.name for revision in revisions],
                "plots": data,
                "runs": _runs_data(contents.runs),
            }
        ),
        "scripts": "\n".join(map(_file, _SCRIPTS)),
    }
    # at once: what stands in the data is no place to fill in
    return re.sub(r"@(\w+)@", lambda match: parts[match[1]], _file("page.html"))


def _names(contents: Contents) -> str:
    """What the page is of, in words."""
    if contents.runs is not None:
        # a page of names tells nobody anything
        return f"{len(contents.runs.names)} experiments"
    return _joined([revision.name for revision in contents.revisions])


def _runs_data(runs: Runs | None) -> dict[str, Any] | None:
    if runs is None:
        return None
    columns = [column._asdict() for column in runs.columns]
    return {"names": runs.names, "columns": columns}


def lack_text(lack: Lack) -> str:
    """Returns what a revision lacks, as a sentence."""
    if lack.column is not None and lack.reason == EMPTY:
        return f"{lack.revision}: column {lack.column!r} of {lack.file} is empty"
    if lack.column is not None:
        return f"{lack.revision}: {lack.file} has no column {lack.column!r}"
    if lack.reason == ABSENT:
        return f"{lack.revision} has no {lack.file}"
    if lack.reason == EMPTY:
        return f"{lack.revision}: {lack.file} has no rows"
    if lack.reason == TOO_LARGE:
        return f"{lack.revision}: {lack.file} is too large to be shown"
    return f"{lack.revision}: {lack.file} could not be read"


def _file(name: str) -> str:
    place = resources.files("mltrack.verbs").joinpath(_FILES, name)
    return place.read_text(encoding="utf-8")


def _is_zoomed(plot: Plot) -> bool:
    return plot.chart is not None and not plot.template.startswith(
        ("confusion", "bar_")
    )


def _joined(names: list[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), names[-1]])


def _anchors(names: Iterable[str]) -> list[str]:
    """A name for each plot that a link can hold, the same one in every page."""
    taken: dict[str, int] = {}
    found = []
    for name in names:
        anchor = "plot-" + re.sub(r"[^\w.-]+", "-", name)
        taken[anchor] = taken.get(anchor, 0) + 1
        found.append(anchor if taken[anchor] == 1 else f"{anchor}--{taken[anchor]}")
    return found


def _revisions(revisions: list[Revision], *, is_folded: bool) -> str:
    """What each revision is; with ``is_folded`` not before somebody asks."""
    items = "\n".join(map(_revision, range(len(revisions)), revisions))
    listed = f'<ul class="revisions">\n{items}\n</ul>'
    if not is_folded:
        return listed
    return f"<details><summary>Which they are</summary>{listed}</details>"


def _revision(number: int, revision: Revision) -> str:
    commit = revision.commit
    words = (
        f'<span class="swatch" style="background:var(--c{number % _COLORS})"></span>'
    )
    words += f"<b>{html.escape(revision.name)}</b> "
    if revision.is_workspace:
        words += "<span>files as they were when this page was written"
        words += ", on top of</span> " if commit is not None else "</span>"
    if commit is not None:
        words += f"<code>{html.escape(commit.short)}</code> <time>{commit.date}</time> "
        words += f"<q>{html.escape(commit.subject)}</q>"
    return f"<li>{words}</li>"


def _links(anchors: list[str], plots: list[Plot], *, has_table: bool) -> Iterable[str]:
    if has_table:
        yield '<li><a href="#values">Metrics and params</a></li>'
    for anchor, plot in zip(anchors, plots, strict=True):
        yield f'<li><a href="#{html.escape(anchor)}">{html.escape(plot.title)}</a></li>'


def _problems(problems: Iterable[MltrackError]) -> str:
    items = "".join(f"<li>{html.escape(error.message)}</li>" for error in problems)
    return f'<ul class="problems">{items}</ul>' if items else ""


def _section(anchor: str, plot: Plot, *, several: bool) -> str:
    # parts that stand beside one another need the width of two charts
    is_wide = several and (plot.chart is None or plot.template.startswith("confusion"))
    lacks = "".join(f"<li>{html.escape(lack_text(lack))}</li>" for lack in plot.lacks)
    name = "" if plot.title == plot.name else html.escape(plot.name)
    body = ""
    if plot.chart is not None:
        body = f'<div class="chart" data-plot="{html.escape(anchor)}"></div>'
    elif plot.images:
        body = f'<div class="images">{"".join(_images(plot))}</div>'
    return (
        f'<section class="plot{" wide" if is_wide else ""}" id="{html.escape(anchor)}">'
        f"<h2>{html.escape(plot.title)}</h2>"
        f"{f'<p class=name>{name}</p>' if name else ''}"
        f"{f'<ul class=lacks>{lacks}</ul>' if lacks else ''}"
        f"{body}</section>"
    )


def _images(plot: Plot) -> Iterable[str]:
    """A figure for each different image, with the revisions that it is of."""
    same: dict[str, list[Image]] = {}
    for image in plot.images:
        same.setdefault(image.uri, []).append(image)
    for uri, images in same.items():
        names = _joined([image.revision for image in images])
        label = html.escape(f"{plot.title} at {names}")
        equal = " (identical)" if len(images) > 1 else ""
        yield (
            f'<figure data-name="{html.escape(names)}">'
            f"<figcaption>{html.escape(names)}{equal}</figcaption>"
            f'<img alt="{label}" src="{uri}"></figure>'
        )
