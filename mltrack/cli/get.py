"""``mltrack get``"""

import os
from typing import Annotated

import typer

from mltrack.cli.invocation import announce, current
from mltrack.cli.opening import open_there
from mltrack.cli.options import Json, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import emit_json, plural
from mltrack.verbs import get as verb
from mltrack.verbs.elsewhere import shown_place

Repository = Annotated[
    str,
    typer.Option(
        "--repo",
        metavar="REPO",
        help="The other project: a path, an address or a name.",
    ),
]


def get(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Files and directories; `*` and `**` match any names.",
        ),
    ],
    repo: Repository,
    revision: Annotated[
        str, typer.Option("--rev", help="At a git revision; its newest commit without.")
    ] = "",
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="PATH", help="Where to; here under its own name."
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace what is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copies files and directories of another project: tracked data and parts of it,
    outputs of stages, and files that git itself keeps.

    Only what is asked for is brought. Where several files come, or -o is a directory, each has its own name there.
    """
    here = os.path.abspath(current.directory)
    # a path of the person's is relative to where they stand, which -C moves
    to = os.path.join(here, out) if out else here + os.sep
    with ProgressLine() as line:
        session = current.opened.enter_context(open_there(repo, revision))
        got = verb.get(session, paths, to, force=force, report=line.event)
    if as_json:
        emit_json(
            {
                "repo": shown_place(repo),
                "commit": got.commit,
                "got": [
                    {"path": item.found.path, "to": os.path.relpath(item.to, here)}
                    for item in got.items
                ],
            }
        )
        return
    shown = [os.path.relpath(item.to, here) for item in got.items]
    what = shown[0] if len(shown) == 1 else plural(len(shown), "path")
    announce(f"got {what} as of {got.commit[:12]}")


app = command_app(
    get,
    "mltrack get --repo https://host/team/data.git data/images/0001.png",
    "mltrack get --repo ../other --rev v2 models/best.pkl -o models/",
    "mltrack get --repo ../other 'data/*.csv' -o data",
)
