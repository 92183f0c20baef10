"""``mltrack undo``"""

import time
from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session
from mltrack.cli.options import command_app
from mltrack.verbs import undo as verb


def undo(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Only what was at these paths."),
    ] = None,
) -> None:
    """Puts back what `--force` or a stage replaced last. What is there now is saved
    first.
    """
    for item in verb.undo(open_session(), paths or []):
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(item.moment))
        announce(f"put back {item.path}, as it was at {moment} ({item.digest})")


app = command_app(undo, "mltrack undo", "mltrack undo data/images")
