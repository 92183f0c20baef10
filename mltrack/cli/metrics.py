"""``mltrack metrics``"""

from typing import Annotated

import typer

from mltrack.cli.bringing import Pull, bring
from mltrack.cli.invocation import open_session
from mltrack.cli.options import Json, Markdown, add_command, new_app
from mltrack.cli.params import All, New, Old, Targets
from mltrack.cli.value_diff import show_diff, show_values, tell_problems
from mltrack.pipeline.stage import METRIC
from mltrack.verbs import results as verb


def show(
    revision: Annotated[str, typer.Option("--rev", help="At a git revision.")] = "",
    targets: Targets = None,
    pull: Pull = False,
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Shows all metrics of the workspace, or of a revision."""
    session = open_session()
    problems: verb.Problems = {}
    if pull:
        bring(session, [revision], METRIC)
    values = verb.metrics(session, revision, targets, problems)
    show_values("metrics", values, as_json=as_json, markdown=markdown)
    return tell_problems(problems)


def diff(
    old: Old = "HEAD",
    new: New = "",
    targets: Targets = None,
    show_all: All = False,
    pull: Pull = False,
    as_json: Json = False,
    markdown: Markdown = False,
) -> int:
    """Compares metrics between two revisions, or a revision and the workspace."""
    session = open_session()
    problems: verb.Problems = {}
    if pull:
        bring(session, [old, new], METRIC)
    before, after = (
        verb.metrics(session, revision, targets, problems) for revision in (old, new)
    )
    # 1 and 1.0 are one measurement, though as params they differ
    changes = verb.diff(
        before, after, everything=show_all, is_same=verb.same_measure, unread=problems
    )
    show_diff("metrics", changes, old, new, as_json=as_json, markdown=markdown)
    return tell_problems(problems)


app = new_app(
    help="Shows metrics, and compares them between revisions.", no_args_is_help=True
)
add_command(app, show, "mltrack metrics show", "mltrack metrics show --rev v1 --json")
add_command(app, diff, "mltrack metrics diff", "mltrack metrics diff v1 v2 --md")
