"""``mltrack import``"""

import os
from typing import Annotated

import typer

from mltrack.cli.get import Repository
from mltrack.cli.invocation import announce, git_add, open_session, tell
from mltrack.cli.options import Json, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import content_text, emit_json
from mltrack.cli.update import imported_json
from mltrack.formats.pointer import SUFFIX
from mltrack.verbs import imports as verb


def import_data(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A file or directory there.")
    ],
    repo: Repository,
    revision: Annotated[
        str, typer.Option("--rev", help="A branch, tag or commit; the newest without.")
    ] = "",
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="PATH", help="Track it here as this path."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Copies a path of another project here and tracks it, with a note of where it came
    from: repository, revision, commit and path.

    `mltrack update` brings what is there later. A remote of this project need not hold it: `pull` gets it from there.
    """
    session = open_session()
    with ProgressLine() as line:
        wanted = verb.Wanted(repo, path, revision, out)
        done = verb.import_path(session, wanted, line.event)
    if as_json:
        emit_json({"imported": [imported_json(done, session.project.algorithm)]})
        return
    size = content_text(done.content)
    announce(f"imported {done.path} ({size}) as of {done.origin.commit[:12]}")
    shown = session.project.shown(done.path)
    place = os.path.join(os.path.dirname(shown), ".gitignore")
    tell("For git: " + git_add([shown + SUFFIX, place]))


app = command_app(
    import_data,
    "mltrack import data/images --repo https://host/team/data.git",
    "mltrack import models/best.pkl --repo lab --rev v2 -o models/start.pkl",
)
