"""``mltrack import``"""

import os
from typing import Annotated

import typer

from mltrack.cli.imported import as_of, imported_json
from mltrack.cli.invocation import announce, git_add, open_session, tell
from mltrack.cli.options import Json, command_app
from mltrack.cli.progress import ProgressLine
from mltrack.cli.render import content_text, emit_json
from mltrack.errors import UsageError
from mltrack.formats.pointer import SUFFIX
from mltrack.verbs import imports as verb
from mltrack.verbs.session import Session


def import_data(
    path: Annotated[
        str,
        typer.Argument(metavar="PATH|URL", help="A path there, or an address of data."),
    ],
    repo: Annotated[
        str,
        typer.Option(
            "--repo", metavar="URL|PATH|NAME", help="The repository that has PATH."
        ),
    ] = "",
    revision: Annotated[
        str, typer.Option("--rev", help="A branch, tag or commit; the newest without.")
    ] = "",
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="PATH", help="Track it here as this path."),
    ] = "",
    no_download: Annotated[
        bool,
        typer.Option("--no-download", help="Only note the URL; update brings it."),
    ] = False,
    to_remote: Annotated[
        bool,
        typer.Option(
            "--to-remote", help="From the URL to a remote; keep nothing here."
        ),
    ] = False,
    remote: Annotated[
        str,
        typer.Option("--remote", "-r", help="The remote that --to-remote sends to."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Copies a path of another project, or what is at a URL, and tracks it, with a note
    of where it came from.

    Of a project the note has repository, revision, commit and path; of a URL what its
    server says of it: etag, version, or time and size.

    `mltrack update` brings what is there later. A remote of this project need not hold
    it: `pull` gets it from there.
    """
    _refuse_mixed(repo, revision, remote, no_download=no_download, to_remote=to_remote)
    session = open_session()
    with ProgressLine() as line:
        if repo:
            wanted = verb.Wanted(repo, path, revision, out)
            done = verb.import_path(session, wanted, line.event)
        elif no_download:
            done = verb.note_url(session, path, out)
        else:
            way = remote if to_remote else None
            done = verb.import_url(session, path, out, to_remote=way, report=line.event)
    if as_json:
        emit_json({"imported": [imported_json(done, session.project.algorithm)]})
        return
    _show(session, done, "noted" if no_download else "imported")


def _refuse_mixed(
    repo: str, revision: str, remote: str, *, no_download: bool, to_remote: bool
) -> None:
    if repo and (no_download or to_remote):
        raise UsageError(
            "--no-download and --to-remote are for URLs",
            hint="without --repo; of a project nothing has to be sent: `pull` gets it "
            "from there",
        )
    if revision and not repo:
        raise UsageError("a URL has no revisions", hint="--rev goes with --repo")
    if no_download and to_remote:
        raise UsageError("--no-download and --to-remote exclude each other")
    if remote and not to_remote:
        raise UsageError("--remote goes with --to-remote")


def _show(session: Session, done: verb.Imported, word: str) -> None:
    size = content_text(done.content)
    announce(f"{word} {done.path} ({size}) {as_of(done.origin)}")
    shown = session.project.shown(done.path)
    place = os.path.join(os.path.dirname(shown), ".gitignore")
    tell("For git: " + git_add([shown + SUFFIX, place]))


app = command_app(
    import_data,
    "mltrack import data/images --repo https://host/team/data.git",
    "mltrack import models/best.pkl --repo lab --rev v2 -o models/start.pkl",
    "mltrack import https://host/data/train.csv -o data/train.csv",
    "mltrack import s3://bucket/images/ --to-remote",
)
