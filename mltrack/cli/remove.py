"""``mltrack remove``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session
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
    """
    session = open_session()
    result = verb.remove(session, paths, data=data)
    for path in result.removed:
        announce(
            f"no longer tracked: {session.project.shown(path)}"
            + (" (files removed)" if result.with_data else " (files kept)")
        )


app = command_app(remove, "mltrack remove data/images", "mltrack remove --data old.bin")
