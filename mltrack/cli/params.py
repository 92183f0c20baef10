"""``mltrack params``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import open_session
from mltrack.cli.options import Json, Markdown, add_command, new_app
from mltrack.cli.value_diff import show_diff, show_values, tell_problems
from mltrack.verbs import results as verb

Old = Annotated[str, typer.Argument(metavar="[OLD]", help="A git revision.")]
New = Annotated[
    str, typer.Argument(metavar="[NEW]", help="Another one; the workspace by default.")
]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", metavar="FILE", help="Only these files."),
]
All = Annotated[bool, typer.Option("--all", help="Unchanged values too.")]


def diff(
    old: Old = "HEAD",
    new: New = "",
    targets: Targets = None,
    show_all: All = False,
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Compares params between two revisions, or a revision and the workspace."""
    session = open_session()
    problems: verb.Problems = {}
    before, after = (
        verb.params(session, revision, targets, problems) for revision in (old, new)
    )
    changes = verb.diff(before, after, everything=show_all, unread=problems)
    show_diff("params", changes, old, new, as_json=as_json, markdown=markdown)
    return tell_problems(problems)


def show(
    revision: Annotated[str, typer.Option("--rev", help="At a git revision.")] = "",
    targets: Targets = None,
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Shows params: those that stages depend on, and all of params.yaml."""
    problems: verb.Problems = {}
    values = verb.params(open_session(), revision, targets, problems)
    show_values("params", values, as_json=as_json, markdown=markdown)
    return tell_problems(problems)


app = new_app(
    help="Shows params, and compares them between revisions.", no_args_is_help=True
)
add_command(app, diff, "mltrack params diff", "mltrack params diff v1 v2 --md")
add_command(app, show, "mltrack params show --rev v1")
