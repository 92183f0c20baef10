"""``mltrack diff``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import say
from mltrack.cli.opening import open_recorded
from mltrack.cli.options import Json, Repo, command_app
from mltrack.cli.render import difference_json, emit_json, plural, size_text
from mltrack.cli.style import paint
from mltrack.verbs import listing as verb

# apart from failures, so that scripts can ask
EXIT_DIFFERENCES = 4
_COLOURS = {verb.ADDED: "green", verb.MODIFIED: "yellow", verb.DELETED: "red"}


def diff(
    old: Annotated[
        str, typer.Argument(metavar="[OLD]", help="A git revision.")
    ] = "HEAD",
    new: Annotated[
        str,
        typer.Argument(metavar="[NEW]", help="Another one; the workspace by default."),
    ] = "",
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target", "-t", metavar="PATH", help="Only these tracked paths."
        ),
    ] = None,
    repo: Repo = "",
    as_json: Json = False,
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 4 if anything differs.")
    ] = False,
) -> int:
    """Shows which files of tracked data and outputs differ between two revisions, or a
    revision and the workspace.
    """
    session, last = open_recorded(repo)
    new = new or last
    found = verb.diff(session, old, new, targets or [])
    if as_json:
        algorithm = session.project.algorithm
        emit_json(
            {
                "old": old,
                "new": new or "workspace",
                "files": [difference_json(item, algorithm) for item in found],
            }
        )
    else:
        for item in found:
            word = paint(f"{item.change:<9}", _COLOURS[item.change])
            say(f"{word} {item.path}{_sizes(item)}")
        counts = {
            kind: sum(1 for item in found if item.change == kind)
            for kind in (verb.ADDED, verb.MODIFIED, verb.DELETED)
        }
        shown = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        say(
            f"{plural(len(found), 'file')}: {shown}"
            if found
            else f"No differences between {old} and {new or 'the workspace'}."
        )
    return EXIT_DIFFERENCES if check and found else 0


def _sizes(item: verb.Difference) -> str:
    if item.old is not None and item.new is not None and item.old.size != item.new.size:
        return f"  ({size_text(item.old.size)} -> {size_text(item.new.size)})"
    return ""


app = command_app(
    diff, "mltrack diff", "mltrack diff v1 v2", "mltrack diff v1 --target data/images"
)
