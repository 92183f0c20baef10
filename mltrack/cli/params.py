"""``mltrack params``"""

from typing import Annotated

import typer

from mltrack.cli import completing
from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Json, Markdown, Repo, add_command, new_app
from mltrack.cli.value_diff import PAIR, compared, show_diff, tell_problems
from mltrack.cli.value_table import Look, show_changes, show_values
from mltrack.verbs import results as verb

Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="FILE",
        help="Only these files.",
        autocompletion=completing.measured,
    ),
]
All = Annotated[bool, typer.Option("--all", help="Unchanged values too.")]


def diff(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REV]...",
            help="git revisions; by default HEAD and the workspace.",
        ),
    ] = None,
    targets: Targets = None,
    show_all: All = False,
    repo: Repo = "",
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Compares params between revisions, or a revision and the workspace."""
    session, last = open_recorded(repo)
    problems: verb.Problems = {}
    chosen = compared(revisions, last)
    found = {one: verb.params(session, one, targets, problems) for one in chosen}
    look = Look(markdown=markdown)
    if len(chosen) > PAIR:
        show_changes("params", found, look, as_json=as_json)
        return tell_problems(problems)
    old, new = chosen
    changes = verb.diff(found[old], found[new], everything=show_all, unread=problems)
    show_diff("params", changes, old, new, look, as_json=as_json)
    return tell_problems(problems)


def show(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REV]...", help="git revisions; the workspace without any."
        ),
    ] = None,
    revision: Annotated[str, typer.Option("--rev", help="Another one.")] = "",
    targets: Targets = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="A row for each file, a column for each.")
    ] = False,
    repo: Repo = "",
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Shows params: those that stages depend on, and all of params.yaml."""
    session, last = open_recorded(repo)
    problems: verb.Problems = {}
    chosen = [*(revisions or ()), *([revision] if revision else ())] or [last]
    found = {one: verb.params(session, one, targets, problems) for one in chosen}
    look = Look(long=not wide, markdown=markdown)
    show_values("params", found, look, {}, as_json=as_json)
    return tell_problems(problems)


app = new_app(
    help="Shows params, and compares them between revisions.", no_args_is_help=True
)
add_command(app, diff, "mltrack params diff", "mltrack params diff v1 v2 --md")
add_command(app, show, "mltrack params show", "mltrack params show v1 v2 --wide")
