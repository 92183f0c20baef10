"""``mltrack push``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session, tell
from mltrack.cli.options import (
    AllBranches,
    AllTags,
    DryRun,
    Jobs,
    Json,
    Paths,
    RemoteName,
    Revisions,
    command_app,
)
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import emit_json, plural, size_text
from mltrack.verbs import transfers as verb


def push(
    targets: Paths = None,
    remote: RemoteName = "",
    revisions: Revisions = None,
    all_branches: AllBranches = False,
    all_tags: AllTags = False,
    jobs: Jobs = 0,
    run_cache: Annotated[
        bool,
        typer.Option("--run-cache", help="Send the outputs of all earlier runs too."),
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Sends data and outputs that the remote lacks. Others see it only when all of it
    has arrived.
    """
    scope = verb.Scope(
        tuple(targets or ()),
        tuple(revisions or ()),
        all_branches,
        all_tags,
        remote,
        jobs,
        run_cache,
    )
    with ProgressLine() as line:
        result = verb.push(open_session(), scope, line.event, dry_run=dry_run)
    show(result, "would push" if dry_run else "pushed", "to", as_json=as_json)


def show(result: verb.TransferResult, word: str, way: str, *, as_json: bool) -> None:
    """Prints what a transfer moved."""
    # on standard error: with --json, standard output holds one document
    for path in result.stayed:
        tell(
            f"{path}: is on the host that made it, and was not sent; `mltrack fetch "
            f"{path}` brings it"
        )
    if as_json:
        emit_json(
            {
                "remote": result.remote,
                "objects": result.moved.objects,
                "bytes": result.moved.bytes,
                "records": result.records,
                "dry_run": result.dry_run,
            }
        )
    elif result.moved.objects:
        size, records = (
            size_text(result.moved.bytes),
            f" and {plural(result.records, 'run record')}" if result.records else "",
        )
        announce(
            f"{word} {plural(result.moved.objects, 'object')} ({size}){records} {way} "
            f"{result.remote}"
        )
    elif result.records:
        # nothing but records: all outputs were there already
        announce(
            f"{word} {plural(result.records, 'run record')} {way} {result.remote}; "
            "everything else is there already."
        )
    else:
        announce("Everything is there already.")


app = command_app(
    push,
    "mltrack push",
    "mltrack push data/images -r store",
    "mltrack push --rev v1 --rev v2",
    "mltrack push --all-branches --all-tags --dry-run",
)
