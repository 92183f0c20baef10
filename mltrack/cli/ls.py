"""``mltrack ls``"""

from typing import Annotated

import typer

from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Json, Paths, Repo, command_app
from mltrack.cli.render import content_json, content_text, emit_json, table
from mltrack.verbs import listing as verb


def ls(
    targets: Paths = None,
    revision: Annotated[
        str, typer.Option("--rev", help="List what a git revision tracks.")
    ] = "",
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-R", help="All files below tracked directories."),
    ] = False,
    repo: Repo = "",
    as_json: Json = False,
) -> None:
    """Lists what is tracked: paths with a pointer and outputs of stages; for a
    directory, what is in it.
    """
    session, revision = open_recorded(repo, revision)
    found = verb.ls(session, targets or [], revision=revision, recursive=recursive)
    algorithm = session.project.algorithm
    if as_json:
        emit_json(
            {
                "tracked": [
                    {
                        "path": item.path,
                        "source": item.source,
                        **(content_json(item.content, algorithm) or {}),
                    }
                    for item in found
                ]
            }
        )
        return
    rows = [
        (
            item.path,
            item.content.kind,
            content_text(item.content),
            # the algorithm and twelve digits: enough to tell contents apart
            algorithm.text(item.content.hex)[:17],
            item.source,
        )
        for item in found
    ]
    table(("path", "kind", "size", "digest", "from"), rows)


app = command_app(
    ls,
    "mltrack ls",
    "mltrack ls data/images",
    "mltrack ls -R --rev v1 --json",
    "mltrack ls --repo https://host/team/data.git",
)
