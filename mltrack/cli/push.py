"""``mltrack push``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session
from mltrack.cli.options import DryRun, Json, Paths, RemoteName, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import emit_json, plural, size_text
from mltrack.verbs import transfers as verb

Revisions = Annotated[list[str] | None, typer.Option("--rev", help="What a git revision refers to; may be repeated.")]


def push(
    targets: Paths = None,
    remote: RemoteName = "",
    revisions: Revisions = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Sends data and outputs that the remote lacks. Others see it only when all of it has arrived."""
    session = open_session()
    with ProgressLine() as line:
        result = verb.push(
            session, targets or [], line.event, remote=remote, revisions=tuple(revisions or ()), dry_run=dry_run
        )
    show(result, "would push" if dry_run else "pushed", "to", as_json=as_json)


def show(result: verb.TransferResult, word: str, way: str, *, as_json: bool) -> None:
    """Prints what a transfer moved."""
    if as_json:
        emit_json(
            {
                "remote": result.remote,
                "objects": result.moved.objects,
                "bytes": result.moved.bytes,
                "dry_run": result.dry_run,
            }
        )
    elif result.moved.objects:
        announce(
            f"{word} {plural(result.moved.objects, 'object')} ({size_text(result.moved.bytes)}) {way} {result.remote}"
        )
    else:
        announce("Everything is there already.")


app = command_app(push, "mltrack push", "mltrack push data/images -r store", "mltrack push --rev v1 --rev v2")
