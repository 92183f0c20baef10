"""``mltrack check-ignore``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import open_session, say
from mltrack.cli.options import Json, command_app
from mltrack.cli.render import emit_json
from mltrack.verbs import check_ignore as verb


def check_ignore(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Paths; they need not exist.")
    ],
    as_json: Json = False,
) -> int:
    """Says which paths are left out of tracked directories, and which line of
    .mltrackignore does it.

    Ends with exit code 1 if none of them is, as `git check-ignore` does.
    """
    found = verb.check_ignore(open_session(), paths)
    if as_json:
        emit_json(
            {
                "ignored": [
                    {
                        "path": i.path,
                        "source": i.source,
                        "line": i.line,
                        "pattern": i.pattern,
                    }
                    for i in found
                ]
            }
        )
    else:
        for item in found:
            # as `git check-ignore -v` prints it
            say(
                f"{item.source}:{item.line}:{item.pattern}\t{item.path}"
                if item.line
                else f"{item.source}\t{item.path}"
            )
    return 0 if found else 1


app = command_app(check_ignore, "mltrack check-ignore data/images/.DS_Store")
