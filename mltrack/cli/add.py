"""``mltrack add``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import announce, complain, git_add, open_session, tell
from mltrack.cli.options import Json, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import content_json, content_text, emit_json
from mltrack.errors import UsageError
from mltrack.formats.pointer import SUFFIX
from mltrack.verbs import add as verb
from mltrack.verbs.add_into import add_into
from mltrack.verbs.session import Session
from mltrack.verbs.tracking import Added


def add(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files or directories to track."),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="Track one thing from elsewhere as this path.",
        ),
    ] = "",
    into: Annotated[
        str,
        typer.Option(
            "--into",
            metavar="DIR",
            help="Add files to a tracked directory; the rest need not be here.",
        ),
    ] = "",
    to_remote: Annotated[
        bool,
        typer.Option("--to-remote", help="Send it to a remote, and keep nothing here."),
    ] = False,
    remote: Annotated[
        str,
        typer.Option("--remote", "-r", help="The remote that --to-remote sends to."),
    ] = "",
    as_json: Json = False,
) -> int:
    """Tracks files and directories: saves them to the cache and writes a pointer for
    git beside each.

    For a path that is tracked already, its new state is recorded; a path inside a
    tracked directory means that directory. With --out the data may lie anywhere on this
    machine. With --into files from anywhere are added to a tracked directory, or
    replaced in it, also where it was never pulled. With --to-remote it goes straight to
    a remote: for data that this machine has no room for twice.
    """
    _refuse_mixed(paths, out or to_remote, into, remote if not to_remote else "")
    session = open_session()
    with ProgressLine(paths) as line:

        def report(count: int) -> None:
            line.update("files", count)

        if to_remote:
            result = verb.AddResult(
                (verb.add_to_remote(session, paths[0], out, remote, report),)
            )
        elif into:
            result = add_into(session, into, paths, report)
        elif out:
            result = verb.AddResult((verb.add_from(session, paths[0], out, report),))
        else:
            result = verb.add(session, paths, report)
    _show(session, result, as_json=as_json)
    for item in result.added:
        if item.is_seen:
            # even to whoever wants it quiet: `git add .` would take the data
            tell(
                f"warning: git still sees {item.path}: a later .gitignore rule "
                "overrides the one that mltrack added",
                level=-1,
            )
    for path, error in result.failed:
        complain(f"{path}: {error.message}", error.hint)
    # 3: the others are done
    return 3 if result.failed else 0


def _refuse_mixed(
    paths: list[str], takes_one: str | bool, into: str, unused_remote: str
) -> None:
    """Raises UsageError for options that do not go together."""
    if into and takes_one:
        raise UsageError(
            "--into excludes --out and --to-remote",
            hint="mltrack add --into DIR FILE, then mltrack push",
        )
    if takes_one and len(paths) != 1:
        raise UsageError(
            "--out and --to-remote take one path", hint="run it once for each"
        )
    if unused_remote:
        raise UsageError(
            "--remote has no effect without --to-remote", hint="mltrack push"
        )


def _show(session: Session, result: verb.AddResult, *, as_json: bool) -> None:
    algorithm = session.project.algorithm
    if as_json:
        items = [
            {
                "path": item.path,
                "changed": item.is_changed,
                **(content_json(item.content, algorithm) or {}),
            }
            for item in result.added
        ]
        emit_json(
            {
                "added": items,
                "failed": [
                    {"path": path, "error": error.message}
                    for path, error in result.failed
                ],
            }
        )
    else:
        for item in result.added:
            word = (
                "unchanged"
                if not item.is_changed
                else "recorded"
                if item.before
                else "added"
            )
            announce(
                f"{word} {session.project.shown(item.path)} "
                f"({content_text(item.content)})"
            )
        changed = [
            session.project.shown(item.path) for item in result.added if item.is_changed
        ]
        if changed:
            tell(
                "For git: "
                + git_add(
                    [
                        *(f"{path}{SUFFIX}" for path in changed),
                        *_ignores(session, result.added),
                    ]
                )
            )


def _ignores(session: Session, added: tuple[Added, ...]) -> list[str]:
    """The ignore files that have a new line."""
    places = {
        item.path.rpartition("/")[0]
        for item in added
        # its line came with the first recording
        if item.is_changed and item.before is None
    }
    return [
        session.project.shown(f"{place}/.gitignore" if place else ".gitignore")
        for place in sorted(places)
    ]


app = command_app(
    add,
    "mltrack add data/images",
    "mltrack add model.bin labels.csv",
    "mltrack add /mnt/scans --out data/scans",
    "mltrack add --into data/images new/0001.png",
)
