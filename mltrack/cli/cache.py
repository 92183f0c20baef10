"""``mltrack cache``"""

from typing import Annotated

import typer

from mltrack import project as projects
from mltrack.cli.invocation import announce, current, tell
from mltrack.cli.options import add_command, new_app
from mltrack.verbs import cache as verb


def share(
    group: Annotated[
        str,
        typer.Option("--group", "-g", help="The group whose members are to use it."),
    ],
    place: Annotated[
        str,
        typer.Option(
            "--dir", metavar="DIRECTORY", help="Move on to a cache in this place."
        ),
    ] = "",
) -> None:
    """Makes the cache one that all members of a group can use, whatever their umask.

    Files and directories that others own are left as they are. Every user's clone is
    pointed to a cache elsewhere by the same command, or by `mltrack config --local
    cache.dir DIRECTORY`.
    """
    result = verb.share(projects.find(current.directory), group, place)
    announce(f"{result.path} is shared with the group {result.group}")
    if result.left:
        tell(
            f"{result.left} entries belong to others and were left as they are; they "
            "can run the same command"
        )


app = new_app(help="Sets up the cache.", no_args_is_help=True)
app.callback()(lambda: None)  # a group, though it has one command yet
add_command(
    app,
    share,
    "mltrack cache share --group research",
    "mltrack cache share -g research --dir /data/cache",
)
