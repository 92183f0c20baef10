"""``mltrack move``"""

from typing import Annotated

import typer

from mltrack.cli.for_git import staging
from mltrack.cli.invocation import announce, open_session, tell
from mltrack.cli.options import command_app
from mltrack.verbs import move as verb


def move(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A tracked path.")],
    new: Annotated[
        str,
        typer.Argument(
            metavar="NEW", help="Its new name, or a directory to move it into."
        ),
    ],
) -> None:
    """Renames tracked data, with its pointer and its line in .gitignore. No bytes are
    copied.

    A path in a tracked directory is renamed in it, or moved into another tracked one;
    the rest need not be here.
    """
    session = open_session()
    result = verb.move(session, old, new)
    shown = session.project.shown
    announce(f"moved {shown(result.old)} to {shown(result.new)}")
    whole = [path for path in (result.old, result.new) if path in result.tracked]
    tell("For git: " + staging(session, result.tracked, whole))
    if result.stages:
        tell(f"These stages still depend on {result.old}: {', '.join(result.stages)}")


app = command_app(
    move,
    "mltrack move data/images data/raw",
    "mltrack move model.bin models/",
    "mltrack move data/images/a.png data/images/b.png",
)
