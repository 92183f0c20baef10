"""``mltrack gc``"""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from mltrack.cli.invocation import open_session, say
from mltrack.cli.options import DryRun, Json, command_app
from mltrack.cli.render import emit_json, plural, size_text, table
from mltrack.errors import UsageError
from mltrack.experiments.spare import remove_spare
from mltrack.verbs import gc as verb
from mltrack.verbs.gc_remote import RemoteGcResult, gc_remote
from mltrack.verbs.gc_roots import Keep

KeepLast = Annotated[
    int,
    typer.Option(
        "--keep-last",
        min=0,
        metavar="N",
        help="Keep the last N commits of branches, and tags.",
    ),
]
Kept = Annotated[
    list[str] | None,
    typer.Option("--rev", help="Keep what this revision refers to; may be repeated."),
]
Remote = Annotated[
    str,
    typer.Option(
        "--remote",
        "-r",
        help="Collect this remote; with --rev or --keep-last: rely on it.",
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        "-f",
        help="Delete what no remote holds; of a remote, what others use.",
    ),
]


def gc(
    dry_run: DryRun = False,
    keep_last: KeepLast = 0,
    revisions: Kept = None,
    remote: Remote = "",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Deletes from the cache what no commit, branch, stash, worktree, pointer, lock or
    young run refers to.

    Only objects older than gc.grace_days (14) go. If anything that might refer to data cannot be read, nothing goes.
    --keep-last and --rev free versions that are still in history, once a remote holds them.

    A remote is collected in two runs: the first forgets, a later one (gc.delay_hours,
    24) deletes, so that pushes under way lose nothing.
    """
    keep = Keep(keep_last, tuple(revisions or ()))
    # with --keep-last or --rev, the remote is asked what it holds, and not collected
    if remote and keep.is_all:
        _show_remote(
            gc_remote(open_session(), remote, dry_run=dry_run, force=force),
            as_json=as_json,
        )
        return
    if force and keep.is_all:
        raise UsageError(
            "--force has no effect without --keep-last, --rev or --remote",
            hint="mltrack gc --help",
        )
    options = verb.GcOptions(dry_run=dry_run, keep=keep, remote=remote, force=force)
    session = open_session()
    result = verb.gc(session, options)
    if not dry_run:
        remove_spare(session.project)
    if as_json:
        emit_json(
            {
                "objects": result.objects,
                "bytes": result.bytes,
                "records": result.records,
                "dry_run": dry_run,
                "kept": asdict(result.kept),
            }
        )
        return
    word = "would free" if dry_run else "freed"
    say(
        f"{word} {size_text(result.bytes)}: {plural(result.objects, 'object')}, "
        f"{plural(result.records, 'run record')}"
    )
    _show_kept(result.kept)


def _show_kept(kept: verb.Kept) -> None:
    """What keeps the rest, each with the way to free it."""
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(kept.until))
    rows = [
        (kept.workspace, "the workspace", "mltrack drop"),
        (kept.history, "history and undo", "mltrack gc --keep-last N"),
        (kept.runs, "run records", "mltrack config cache.runs_days N"),
        (
            kept.grace,
            f"the grace period, until {until}",
            "mltrack config gc.grace_days N",
        ),
        (kept.packs, "packs that are mostly in use", "no need: later by itself"),
    ]
    shown = [(size_text(size), by, free) for size, by, free in rows if size]
    if shown:
        table(("kept", "by", "to free it"), shown)


def _show_remote(result: RemoteGcResult, *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "remote": result.remote,
                "forgotten": result.forgotten,
                "forgotten_bytes": result.forgotten_bytes,
                "deleted": result.deleted,
                "deleted_bytes": result.deleted_bytes,
                "unfinished": result.unfinished,
                "dry_run": result.dry_run,
            }
        )
        return
    would = "would be " if result.dry_run else ""
    say(
        f"{result.remote}: {plural(result.forgotten, 'object')} "
        f"({size_text(result.forgotten_bytes)}) {would}forgotten, "
        f"{plural(result.deleted, 'file')} ({size_text(result.deleted_bytes)}) "
        f"{would}deleted"
    )
    if result.forgotten and not result.dry_run:
        say(
            "What was forgotten is deleted by a later `mltrack gc --remote`, a day "
            "from now or more."
        )


app = command_app(
    gc,
    "mltrack gc --dry-run",
    "mltrack gc --keep-last 5",
    "mltrack gc --remote store --dry-run",
)
