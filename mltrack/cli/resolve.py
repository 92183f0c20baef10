"""``mltrack resolve``"""

from typing import Annotated

import typer

from mltrack.cli.checkout import show
from mltrack.cli.invocation import announce, open_session
from mltrack.cli.options import command_app
from mltrack.cli.render import listed
from mltrack.errors import UnsavedDataError
from mltrack.verbs import merge as verb


def resolve(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Pointers, locks, outputs; by default all in conflict.",
        ),
    ] = None,
    ours: Annotated[
        bool,
        typer.Option(
            "--ours", help="Take our version where both changed the same file."
        ),
    ] = False,
    theirs: Annotated[
        bool, typer.Option("--theirs", help="Take their version there.")
    ] = False,
) -> None:
    """Settles merge conflicts in pointers and locks, file by file and stage by stage,
    and stages the result for git.

    An output that git keeps: our version stays (or theirs with --theirs) until `mltrack
    repro` writes a new one.
    """
    if ours and theirs:
        raise typer.BadParameter("--ours and --theirs exclude each other")
    project = open_session().project
    found = verb.resolve(
        project, paths or [], "ours" if ours else "theirs" if theirs else ""
    )
    for item in found:
        if not item.conflicts:
            announce(f"resolved {item.path}")
        for stage in item.dropped:
            announce(
                f"  {stage}: both sides changed it; `mltrack repro` runs or restores it"
            )
    if all(not item.conflicts for item in found) and found:
        show(verb.bring_along(project, found))
    left = [item for item in found if item.conflicts]
    if left:
        lines = [_disagreement(item) for item in left]
        raise UnsavedDataError(
            "\n".join(lines),
            hint=f"mltrack resolve --ours {left[0].path}  (or --theirs)",
        )
    if not found:
        announce("No conflicts.")


def _disagreement(item: verb.Resolved) -> str:
    if not item.removed_by:
        return f"{item.path}: both sides changed {listed(item.conflicts)}"
    words = ("we removed it, they changed it", "we changed it, they removed it")
    return f"{item.path}: {words[item.removed_by == 'theirs']}"


app = command_app(
    resolve, "mltrack resolve", "mltrack resolve --theirs data/images.mlt"
)
