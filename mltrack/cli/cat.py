"""``mltrack cat``"""

from contextlib import closing
from typing import Annotated

import typer

from mltrack.cli import completing
from mltrack.cli.invocation import say_bytes
from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Repo, command_app
from mltrack.verbs import cat as verb


def cat(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A file, tracked or not.",
            autocompletion=completing.targets,
        ),
    ],
    revision: Annotated[
        str,
        typer.Option(
            "--rev", help="As of a git revision.", autocompletion=completing.revisions
        ),
    ] = "",
    repo: Repo = "",
) -> None:
    """Prints a file: as it is in the workspace, or as it is recorded.

    A file of a tracked directory is found by its path, and nothing else of the
    directory is read.
    """
    session, revision = open_recorded(repo, revision)
    with closing(verb.cat(session, path, revision)) as pieces:
        for piece in pieces:
            say_bytes(piece)


app = command_app(
    cat,
    "mltrack cat metrics.json --rev v1",
    "mltrack cat data/images/0001.json | jq .label",
    "mltrack cat metrics.json --repo ../other",
)
