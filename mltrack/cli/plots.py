"""``mltrack plots``"""

import os
import webbrowser
from typing import Annotated, NamedTuple

import typer

from mltrack.cli.bringing import Pull, bring
from mltrack.cli.invocation import announce, current, say, tell
from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Json, Repo, add_command, new_app
from mltrack.cli.render import emit_json, finite, plural
from mltrack.cli.value_diff import compared, tell_problems
from mltrack.errors import UsageError
from mltrack.experiments.looking import METRICS, PARAMS, Sheet, sheet
from mltrack.experiments.record import State
from mltrack.experiments.shelf import Shelf
from mltrack.objects.content import TREE
from mltrack.pipeline.stage import PLOT
from mltrack.verbs import plot_pictures, plot_values, plots_page
from mltrack.verbs import plots as verb
from mltrack.verbs.plot_rows import UNREADABLE
from mltrack.verbs.session import Session

Targets = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", help="Only these plots: names, files, directories."),
]
Out = Annotated[
    str,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="The page to write, or with --png or --svg the directory.",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in a browser.")]
Png = Annotated[
    bool,
    typer.Option("--png", help="Write a PNG picture of each plot instead of a page."),
]
Svg = Annotated[
    bool,
    typer.Option("--svg", help="Write an SVG picture of each plot instead of a page."),
]
_PAGE, _PICTURES = "plots.html", "plots"


def show(
    revision: Annotated[str, typer.Option("--rev", help="At a git revision.")] = "",
    targets: Targets = None,
    out: Out = "",
    open_page: Open = False,
    png: Png = False,
    svg: Svg = False,
    exps: Annotated[
        bool,
        typer.Option("--exps", help="Of all experiments, into one another."),
    ] = False,
    where: Annotated[
        str,
        typer.Option(
            "--where", metavar="CONDITION", help="With --exps: those it is true for."
        ),
    ] = "",
    pull: Pull = False,
    repo: Repo = "",
    as_json: Json = False,
) -> int:
    """Draws the plots of the workspace, or of a revision, into one HTML page that opens
    offline. With --exps it also compares their params and metrics.
    """
    session, last = open_recorded(repo)
    chosen = [revision or last]
    found_exps = _experiments(session, where) if exps else None
    if found_exps is not None:
        chosen = _here(session, [one.name for one in found_exps.experiments])
    if pull and not repo:
        bring(session, chosen, PLOT)
    found = verb.plots(session, chosen, targets)
    runs = _runs(found_exps) if found_exps is not None else None
    way = _Way(out, _kind(png=png, svg=svg), open_page, as_json, runs)
    return _deliver(session, found, chosen, way)


def _experiments(session: Session, where: str) -> Sheet:
    done = [one for one in Shelf(session.project).all() if one.state is State.DONE]
    found = sheet(done)
    found = found.where(where) if where else found
    if not found.experiments:
        raise UsageError(
            "there are no experiments that are done", hint="mltrack exp run"
        )
    return found


def _here(session: Session, names: list[str]) -> list[str]:
    """The experiments whose listings are here; the others are named: fetched refs alone
    are enough for params and metrics, and not for series.
    """
    cache = session.project.cache
    found = []
    for name in names:
        contents = session.at(name).view.contents()
        if all(cache.has(one.hex) for one in contents if one.kind == TREE):
            found.append(name)
        else:
            tell(
                f"warning: {name}: its data is not here; hint: mltrack exp pull {name}"
            )
    return found


def _runs(found: Sheet) -> plots_page.Runs:
    """Experiments as the page compares them: params in which they differ, metrics."""
    chosen = [(PARAMS, name) for name in found.differing(PARAMS)]
    chosen += [(METRICS, name) for name in found.metrics]
    return plots_page.Runs(
        [one.name for one in found.experiments],
        [
            plots_page.RunValues(
                name, kind, [finite(row.get(f"{kind}.{name}")) for row in found.rows]
            )
            for kind, name in chosen
        ],
    )


def diff(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REV]...", help="Revisions; HEAD and the workspace by default."
        ),
    ] = None,
    targets: Targets = None,
    out: Out = "",
    open_page: Open = False,
    png: Png = False,
    svg: Svg = False,
    pull: Pull = False,
    repo: Repo = "",
    as_json: Json = False,
) -> int:
    """Draws the plots of several revisions into each other. One revision is compared
    with the workspace.
    """
    session, last = open_recorded(repo)
    chosen = compared(revisions, last)
    if pull and not repo:
        bring(session, chosen, PLOT)
    found = verb.plots(session, chosen, targets)
    way = _Way(out, _kind(png=png, svg=svg), open_page, as_json)
    return _deliver(session, found, chosen, way)


def _kind(*, png: bool, svg: bool) -> str:
    if png and svg:
        raise UsageError("--png and --svg exclude each other", hint="run it twice")
    return "png" if png else "svg" if svg else ""


class _Way(NamedTuple):
    """How plots are handed over: as a page, or pictures of a ``kind``, or JSON; with a
    comparison of many ``runs``, if there is one.
    """

    out: str
    kind: str
    opened: bool
    as_json: bool
    runs: plots_page.Runs | None = None


def _deliver(
    session: Session, found: verb.Drawn, revisions: list[str], way: _Way
) -> int:
    # where the person is: -C moves that, and not the process
    place = os.path.join(
        os.path.abspath(current.directory),
        way.out or (_PICTURES if way.kind else _PAGE),
    )
    if way.as_json:
        emit_json({"plots": [_plot_json(plot) for plot in found.plots]})
    elif not found.plots and way.runs is None:
        tell(
            "There are no plots. hint: declare `plots` of a stage, or at the top of "
            "mltrack.yaml"
        )
    elif way.kind:
        for path in plot_pictures.pictures(found.plots, place, way.kind):
            say(os.path.relpath(path, os.path.abspath(current.directory)))
    elif way.runs is not None or any(not plot.is_empty for plot in found.plots):
        _write_page(place, _page(session, found, revisions, way.runs), found, way)
    never = found.never_written
    lacks = (
        lack for plot in found.plots if plot.name not in never for lack in plot.lacks
    )
    for text in dict.fromkeys(
        plots_page.lack_text(lack) for lack in lacks if lack.reason != UNREADABLE
    ):
        tell(text)
    return tell_problems(found.problems, never)


def _write_page(place: str, text: str, found: verb.Drawn, way: _Way) -> None:
    """Writes the page once all is drawn: what cannot be leaves the old one as it is."""
    if way.out.endswith("/") or os.path.isdir(place):
        place = os.path.join(place, _PAGE)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    what = [plural(len(found.plots), "plot")] if found.plots else []
    what += [plural(len(way.runs.names), "experiment")] if way.runs else []
    announce(f"{', '.join(what)}: file://{place}")
    if way.opened:
        webbrowser.open(f"file://{place}")


def _page(
    session: Session,
    found: verb.Drawn,
    revisions: list[str],
    runs: plots_page.Runs | None,
) -> str:
    columns = plot_values.columns(session, revisions, found.problems)
    contents = plots_page.Contents(
        os.path.basename(session.project.path),
        plot_values.revisions(session, revisions),
        columns,
        found,
        runs,
    )
    return plots_page.page(contents)


def _plot_json(plot: verb.Plot) -> dict[str, object]:
    return {
        "name": plot.name,
        "spec": plot.spec,
        "images": [image._asdict() for image in plot.images],
        "lacks": [lack._asdict() for lack in plot.lacks],
    }


app = new_app(
    help="Draws series and images of stages, over revisions.", no_args_is_help=True
)
add_command(
    app,
    show,
    "mltrack plots show --open",
    "mltrack plots show --rev v1 --svg -o pictures",
    "mltrack plots show --exps --where 'metrics.acc > 0.9'",
)
add_command(
    app, diff, "mltrack plots diff", "mltrack plots diff v1 v2 -t loss.csv --json"
)
