"""``mltrack checkout``"""

from typing import Annotated

import typer

from mltrack.cli.followed import followed, kept
from mltrack.cli.invocation import announce, open_session, tell
from mltrack.cli.options import DryRun, Force, Paths, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import listed, plural
from mltrack.verbs import checkout as verb

# of equal notes that are told one by one
_MOST = 5

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
        # only what is clean is made anew, so what is outdated comes first
        relinked = (
            verb.relink(session, targets or [], line.update)
            if relink and not dry_run
            else []
        )
    # else it would say that there was nothing to do
    if not relinked:
        show(result, dry_run=dry_run)
        say_if_nothing(result)
    for path, count in relinked:
        announce(f"{path}: {plural(count, 'file')} recreated")
    # last: what was done is shown, whatever failed
    verb.raise_failures(result)


def show(result: verb.CheckoutResult, *, dry_run: bool = False) -> None:
    """Prints what a checkout did."""
    for line in followed(result, dry_run=dry_run):
        announce(line)
    for line in kept(result):
        tell(line)
    if len(result.saved) > _MOST:
        tell(
            f"{len(result.saved):,} files were saved before they were replaced; "
            "`mltrack undo` puts them back"
        )
    for path, digest in result.saved if len(result.saved) <= _MOST else ():
        tell(
            f"saved before it was replaced: {path} ({digest}); `mltrack undo` puts it "
            "back"
        )
    for path, place in result.aside:
        tell(f"moved aside before it was replaced: {path} ({place})")
    if len(result.stayed) > _MOST:
        tell(
            f"{listed(result.stayed)}: on the hosts that made them; "
            "`mltrack fetch` brings them"
        )
    else:
        for path in result.stayed:
            tell(
                f"{path}: is on the host that made it; `mltrack fetch {path}` brings it"
            )
    for item in result.seen:
        tell(
            f"warning: git sees {item.path}, which is data\nhint: add the line "
            f"`{item.line}` to {item.place}"
        )


def say_if_nothing(result: verb.CheckoutResult) -> None:
    """Tells who asked for a checkout that it changed nothing."""
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
