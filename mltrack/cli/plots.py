"""``mltrack plots``"""

import os
import webbrowser
from typing import Annotated

import typer

from mltrack.cli.bringing import Pull, bring
from mltrack.cli.invocation import announce, current, open_recorded, say, tell
from mltrack.cli.options import Json, Repo, add_command, new_app
from mltrack.cli.render import emit_json, plural
from mltrack.cli.value_diff import tell_problems
from mltrack.errors import MltrackError, UsageError
from mltrack.pipeline.stage import PLOT
from mltrack.verbs import plots as verb
from mltrack.verbs import plots_page
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
    pull: Pull = False,
    repo: Repo = "",
    as_json: Json = False,
) -> int:
    """Draws the plots of the workspace, or of a revision, into one HTML page that opens
    offline.
    """
    session, last = open_recorded(repo)
    problems: dict[str, MltrackError] = {}
    if pull and not repo:
        bring(session, [revision], PLOT)
    found = verb.plots(session, [revision or last], targets, problems)
    _deliver(
        session,
        found,
        revision or last or "workspace",
        out,
        _kind(png=png, svg=svg),
        opened=open_page,
        as_json=as_json,
    )
    return tell_problems(problems)


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
    chosen = revisions or ["HEAD"]
    chosen = [*chosen, last] if len(chosen) == 1 else chosen
    problems: dict[str, MltrackError] = {}
    if pull and not repo:
        bring(session, chosen, PLOT)
    found = verb.plots(session, chosen, targets, problems)
    title = ", ".join(revision or "workspace" for revision in chosen)
    _deliver(
        session,
        found,
        title,
        out,
        _kind(png=png, svg=svg),
        opened=open_page,
        as_json=as_json,
    )
    return tell_problems(problems)


def _kind(*, png: bool, svg: bool) -> str:
    if png and svg:
        raise UsageError("--png and --svg exclude each other", hint="run it twice")
    return "png" if png else "svg" if svg else ""


def _deliver(
    session: Session,
    found: list[verb.Plot],
    title: str,
    out: str,
    kind: str,
    *,
    opened: bool,
    as_json: bool,
) -> None:
    if as_json:
        emit_json({"plots": [_plot_json(plot) for plot in found]})
        return
    if not found:
        tell(
            "There are no plots. hint: declare `plots` of a stage, or at the top of "
            "mltrack.yaml"
        )
        return
    # where the person is: -C moves that, and not the process
    place = os.path.join(
        os.path.abspath(current.directory), out or (_PICTURES if kind else _PAGE)
    )
    if kind:
        for path in plots_page.pictures(found, place, kind):
            say(os.path.relpath(path, os.path.abspath(current.directory)))
        return
    # before the file is opened: what cannot be drawn leaves the old page as it is
    text = plots_page.page(found, title)
    with open(place, "w", encoding="utf-8") as file:
        file.write(text)
    announce(f"{plural(len(found), 'plot')}: file://{place}")
    if opened:
        webbrowser.open(f"file://{place}")


def _plot_json(plot: verb.Plot) -> dict[str, object]:
    return {
        "name": plot.name,
        "spec": plot.spec,
        "images": [image._asdict() for image in plot.images],
    }


app = new_app(
    help="Draws series and images of stages, over revisions.", no_args_is_help=True
)
add_command(
    app,
    show,
    "mltrack plots show --open",
    "mltrack plots show --rev v1 --svg -o pictures",
)
add_command(
    app, diff, "mltrack plots diff", "mltrack plots diff v1 v2 -t loss.csv --json"
)
