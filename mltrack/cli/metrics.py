"""``mltrack metrics``"""

from typing import Annotated

import typer

from mltrack.cli.bringing import Pull, bring
from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Json, Markdown, Repo, add_command, new_app
from mltrack.cli.params import All, Targets
from mltrack.cli.value_diff import PAIR, compared, show_diff, tell_problems
from mltrack.cli.value_table import Look, show_changes, show_values
from mltrack.pipeline.stage import METRIC
from mltrack.verbs import results as verb

Sort = Annotated[
    str,
    typer.Option(
        "--sort", metavar="NAME", help="By this value; -NAME the other way round."
    ),
]
Precision = Annotated[
    int, typer.Option("--precision", min=1, max=17, help="How many digits.")
]
Long = Annotated[bool, typer.Option("--long", help="A row for each value.")]
Old = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[REV]...",
        help="git revisions; by default HEAD and the workspace.",
    ),
]


def show(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REV]...", help="git revisions; the workspace without any."
        ),
    ] = None,
    revision: Annotated[str, typer.Option("--rev", help="Another one.")] = "",
    targets: Targets = None,
    sort: Sort = "",
    precision: Precision = 6,
    long: Long = False,
    pull: Pull = False,
    repo: Repo = "",
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Shows the metrics of the workspace, or of revisions: a row for each file, a column
    for each metric.

    Of metrics with a declared direction the best value is marked.
    """
    session, last = open_recorded(repo)
    problems: verb.Problems = {}
    chosen = [*(revisions or ()), *([revision] if revision else ())] or [last]
    # of another project all is had as it is asked for
    if pull and not repo:
        bring(session, chosen, METRIC)
    never_written: list[str] = []
    found = {
        one: verb.metrics(session, one, targets, problems, never_written)
        for one in chosen
    }
    better = {
        key: word
        for one, values in found.items()
        for key, word in verb.directions(session, one, values).items()
    }
    look = Look(sort, precision, long, markdown)
    show_values("metrics", found, look, better, as_json=as_json)
    return tell_problems(problems, never_written)


def diff(
    revisions: Old = None,
    targets: Targets = None,
    show_all: All = False,
    precision: Precision = 6,
    pull: Pull = False,
    repo: Repo = "",
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Compares metrics between revisions, or a revision and the workspace."""
    session, last = open_recorded(repo)
    problems: verb.Problems = {}
    chosen = compared(revisions, last)
    # of another project all is had as it is asked for
    if pull and not repo:
        bring(session, chosen, METRIC)
    # what was never written on one side is what differs
    found = {one: verb.metrics(session, one, targets, problems) for one in chosen}
    look = Look(precision=precision, markdown=markdown)
    if len(chosen) > PAIR:
        show_changes("metrics", found, look, as_json=as_json)
        return tell_problems(problems)
    old, new = chosen
    # 1 and 1.0 are one measurement, though as params they differ
    changes = verb.diff(
        found[old],
        found[new],
        everything=show_all,
        is_same=verb.same_measure,
        unread=problems,
    )
    show_diff("metrics", changes, old, new, look, as_json=as_json)
    return tell_problems(problems)


app = new_app(
    help="Shows metrics, and compares them between revisions.", no_args_is_help=True
)
add_command(app, show, "mltrack metrics show", "mltrack metrics show v1 v2 --sort loss")
add_command(
    app,
    diff,
    "mltrack metrics diff",
    "mltrack metrics diff v1 v2 --md",
    "mltrack metrics diff v1 v2 v3",
)
