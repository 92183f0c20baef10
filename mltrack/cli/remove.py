"""``mltrack remove``"""

import os
from typing import Annotated

import typer

from mltrack.cli.for_git import staging
from mltrack.cli.invocation import announce, open_session, tell
from mltrack.cli.options import command_app
from mltrack.verbs import remove as verb


def remove(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Tracked paths, or their pointers."),
    ],
    data: Annotated[
        bool,
        typer.Option("--data", help="Remove the files too, if the cache holds them."),
    ] = False,
) -> None:
    """Stops tracking paths: deletes the pointer and the line in .gitignore. The files
    stay where they are.

    A path in a tracked directory is taken out of it; the rest need not be here.
    """
    session = open_session()
    result = verb.remove(session, paths, data=data)
    for path in result.removed:
        is_here = os.path.lexists(session.project.absolute(path))
        kept = " (files kept)" if is_here else ""
        announce(
            f"no longer tracked: {session.project.shown(path)}"
            + (" (files removed)" if result.with_data else kept)
        )
    whole = [path for path in result.removed if path in session.view.pointers]
    line = staging(session, (*result.changed, *whole), whole)
    if line:
        tell("For git: " + line)
    seen = [path for path in whole if not result.with_data]
    if any(os.path.lexists(session.project.absolute(path)) for path in seen):
        tell("The files are no longer ignored: `git add .` would take them.")


app = command_app(
    remove,
    "mltrack remove data/images",
    "mltrack remove --data old.bin",
    "mltrack remove data/images/0001.png",
)
