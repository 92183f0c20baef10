"""``mltrack checkout``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session, tell
from mltrack.cli.options import DryRun, Force, Paths, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import plural
from mltrack.verbs import checkout as verb

Relink = Annotated[
    bool,
    typer.Option(
        "--relink", help="Recreate unmodified files with the current cache.link."
    ),
]


def checkout(
    targets: Paths = None,
    force: Force = False,
    dry_run: DryRun = False,
    relink: Relink = False,
) -> None:
    """Updates tracked data and outputs to match the pointers and locks in the
    workspace, from the cache.

    Changes of your own are never overwritten: what only you changed is left and named;
    where the recorded version changed too, the target is left as it is. --force
    replaces them, after saving them to the cache (see undo).
    """
    session = open_session()
    with ProgressLine() as line:
        options = verb.CheckoutOptions(
            force=force, dry_run=dry_run, progress=line.update
        )
        result = verb.checkout(session, targets or [], options)
        relinked = (
            verb.relink(session, targets or [], line.update)
            if relink and not dry_run
            else []
        )
    if not relinked:
        show(result, dry_run=dry_run)
    for path, count in relinked:
        announce(f"{path}: {plural(count, 'file')} recreated")
    verb.raise_failures(result)


def show(result: verb.CheckoutResult, *, dry_run: bool = False) -> None:
    """Prints what a checkout did."""
    would = "would be " if dry_run else ""
    for done in result.done:
        if done.written or done.removed:
            announce(
                f"{done.path}: {plural(done.written, 'file')} {would}written, "
                f"{done.removed} {would}removed"
            )
        if done.kept:
            more = f" and {len(done.kept) - 5} more" if len(done.kept) > 5 else ""
            tell(
                f"{done.path}: left with changes of your own: "
                f"{', '.join(done.kept[:5])}{more}"
            )
    for path, digest in result.saved:
        tell(
            f"saved before it was replaced: {path} ({digest}); `mltrack undo` puts it "
            "back"
        )
    for path, place in result.aside:
        tell(f"moved aside before it was replaced: {path} ({place})")
    for path in result.stayed:
        tell(f"{path}: is on the host that made it; `mltrack fetch {path}` brings it")
    for item in result.seen:
        tell(
            f"warning: git sees {item.path}, which is data\nhint: add the line "
            f"`{item.line}` to {item.place}"
        )
    if not result.failed and not any(
        done.written or done.removed for done in result.done
    ):
        announce("Nothing to do.")


app = command_app(
    checkout,
    "mltrack checkout",
    "mltrack checkout data/images",
    "mltrack checkout --force model.bin",
    "mltrack checkout --relink",
)
