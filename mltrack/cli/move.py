"""``mltrack move``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, git_add, open_session, tell
from mltrack.cli.options import command_app
from mltrack.formats.pointer import SUFFIX
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
    tell(
        "For git: "
        # the old pointer is gone: that is to be staged as well
        + git_add([shown(path + SUFFIX) for path in result.tracked], "--all")
    )
    if result.stages:
        tell(f"These stages still depend on {result.old}: {', '.join(result.stages)}")


app = command_app(
    move,
    "mltrack move data/images data/raw",
    "mltrack move model.bin models/",
    "mltrack move data/images/a.png data/images/b.png",
)
