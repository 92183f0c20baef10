"""``mltrack drop``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session, tell
from mltrack.cli.options import DryRun, Json, Paths, RemoteName, command_app
from mltrack.cli.render import emit_json, plural, size_text
from mltrack.verbs import drop as verb


def drop(
    targets: Paths = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            min=0,
            metavar="DAYS",
            help="Only what was written longer ago.",
        ),
    ] = None,
    workspace: Annotated[
        bool,
        typer.Option(
            "--workspace", "-w", help="Remove the files here, too; keep the pointers."
        ),
    ] = False,
    remote: RemoteName = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force", "-f", help="Drop what no remote holds, too: it is lost here."
        ),
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Frees space: removes targets' objects from the cache, once a remote is seen to
    hold them.

    Files in the workspace stay as they are; with --workspace they go, too, of all
    targets unless some are named. `mltrack pull` brings everything back.
    """
    options = verb.DropOptions(
        older_than, remote, force=force, dry_run=dry_run, workspace=workspace
    )
    result = verb.drop(open_session(), targets or [], options)
    if as_json:
        emit_json(
            {
                "objects": result.objects,
                "bytes": result.bytes,
                "files": result.files,
                "file_bytes": result.file_bytes,
                "lost": list(result.lost),
                "dry_run": dry_run,
            }
        )
        return
    word = "would free" if dry_run else "freed"
    announce(f"{word} {size_text(result.bytes)}: {plural(result.objects, 'object')}")
    if result.files:
        gone = "would remove" if dry_run else "removed"
        announce(
            f"{gone} {plural(result.files, 'file')} of the workspace "
            f"({size_text(result.file_bytes)})"
        )
    if result.lost:
        tell(
            f"{plural(len(result.lost), 'object')} of them "
            f"{'are' if dry_run else 'were'} in no remote"
        )


app = command_app(
    drop,
    "mltrack drop data/old",
    "mltrack drop --workspace",
    "mltrack drop --older-than 30 --dry-run",
)
