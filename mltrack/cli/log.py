"""``mltrack log``"""

from typing import Annotated, Any

import typer

from mltrack.cli.invocation import announce, say
from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Json, Paths, Repo, command_app
from mltrack.cli.render import content_json, content_text, emit_json
from mltrack.cli.style import paint
from mltrack.objects.digest import Algorithm
from mltrack.verbs import log as verb


def log(
    targets: Paths = None,
    revision: Annotated[
        str, typer.Option("--rev", help="Up to a git revision, instead of HEAD.")
    ] = "",
    most: Annotated[
        int, typer.Option("--max-count", "-n", min=1, help="Show at most N commits.")
    ] = 20,
    repo: Repo = "",
    as_json: Json = False,
) -> None:
    """Lists the versions of data: the commits that recorded other ones, newest first,
    with what changed.

    `mltrack diff OLD NEW` names the files, `mltrack get --rev REV` brings a version.
    """
    session, revision = open_recorded(repo, revision)
    # one more than is shown: it tells whether there is more
    found = verb.log(session, targets or [], revision, most + 1)
    if as_json:
        algorithm = session.project.algorithm
        emit_json({"commits": [_commit_json(one, algorithm) for one in found[:most]]})
        return
    for one in found[:most]:
        described = one.described
        say(f"{paint(described.short, 'yellow')} {described.date}  {described.subject}")
        for change in one.changes:
            say(f"  {_words(change)}")
    if len(found) > most:
        announce(f"and earlier ones (-n {most * 2} shows more)")
    if not found:
        announce("No commit recorded it.")


def _words(change: verb.VersionChange) -> str:
    before, after = change.before, change.after
    if after is None:
        return f"{paint('removed', 'red')}  {change.path}"
    new = content_text(after)
    if before is None:
        return f"{paint('added', 'green')}    {change.path}  ({new})"
    old = content_text(before)
    sizes = new if old == new else f"{old} -> {new}"
    return f"{paint('changed', 'yellow')}  {change.path}  ({sizes})"


def _commit_json(one: verb.Commit, algorithm: Algorithm) -> dict[str, Any]:
    return {
        "commit": one.commit,
        "date": one.described.date,
        "subject": one.described.subject,
        "changes": [
            {
                "path": change.path,
                "before": content_json(change.before, algorithm),
                "after": content_json(change.after, algorithm),
            }
            for change in one.changes
        ],
    }


app = command_app(
    log,
    "mltrack log",
    "mltrack log data/images -n 5",
    "mltrack log --repo https://host/team/data.git",
)
