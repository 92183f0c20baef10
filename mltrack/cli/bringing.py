"""``--pull``: gets outputs of one type that are to be shown and are not here."""

from typing import Annotated

import typer

from mltrack.cli.progress import ProgressLine
from mltrack.verbs import transfers
from mltrack.verbs.session import Session

Pull = Annotated[
    bool, typer.Option("--pull", help="Fetch what is to be shown and is not here.")
]


def bring(session: Session, revisions: list[str], type_: str) -> None:
    """Fetches the outputs of a type that are recorded and not here, where some remote
    has them; what is still missing is named where it is shown. Of the workspace ('')
    they are checked out, too.
    """
    with ProgressLine() as line:
        for revision in revisions:
            paths = session.at(revision).not_here(type_)
            if not paths:
                continue
            # targets are taken as a person gives them, from where the person stands
            targets = tuple(session.project.shown(path) for path in paths)
            if revision:
                transfers.fetch(
                    session, transfers.Scope(targets, (revision,)), line.event
                )
            else:
                transfers.pull(
                    session, transfers.Scope(targets), line.event, progress=line.update
                )
