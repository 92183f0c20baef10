"""``mltrack update``"""

from typing import Annotated

import typer

from mltrack.cli.imported import as_of, imported_json
from mltrack.cli.invocation import announce, git_add, open_session, tell
from mltrack.cli.options import Force, Json, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import emit_json
from mltrack.formats.pointer import SUFFIX
from mltrack.verbs import imports as verb
from mltrack.verbs.imports import Imported


def update(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]...", help="Imports; all of them by default."),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option("--rev", help="Another revision, also for later updates."),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Brings imported data to what its source has now. Only what changed is fetched;
    of a URL whose server calls it the same, nothing.

    The revision is the one given to `mltrack import`: a branch moves on, a tag or commit does not.
    """
    session = open_session()
    with ProgressLine() as line:
        done = verb.update(
            session, targets or [], revision=revision, force=force, report=line.event
        )
    if as_json:
        algorithm = session.project.algorithm
        emit_json({"imported": [imported_json(item, algorithm) for item in done]})
        return
    for item in done:
        announce(f"{item.path}: {_words(item)}")
    if not done:
        announce("There are no imports.")
    changed = [session.project.shown(item.path) for item in done if item.is_moved]
    if changed:
        tell("For git: " + git_add([path + SUFFIX for path in changed]))


def _words(item: Imported) -> str:
    at = as_of(item.origin)
    if not item.is_changed:
        return f"unchanged, {at}"
    names = zip(item.changes, ("added", "modified", "deleted"), strict=True)
    return f"{', '.join(f'{count} {word}' for count, word in names if count)}, {at}"


app = command_app(
    update, "mltrack update", "mltrack update data/images", "mltrack update --rev v3"
)
