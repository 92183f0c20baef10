"""``mltrack edit``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session
from mltrack.cli.options import command_app
from mltrack.cli.render import plural
from mltrack.verbs import edit as verb


def edit(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Tracked paths, or parts of them."),
    ],
) -> None:
    """Makes files writable that are links to the cache, by replacing each with its own
    copy.

    Needed only where cache.link is hardlink or symlink: elsewhere files are writable
    copies from the start. `mltrack add` records what you changed.
    """
    for item in verb.edit(open_session(), paths):
        shown = plural(item.files, "file")
        announce(
            f"{item.path}: {shown} made writable"
            if item.files
            else f"{item.path}: writable already"
        )


app = command_app(edit, "mltrack edit data/images/0001.png", "mltrack edit data/images")
