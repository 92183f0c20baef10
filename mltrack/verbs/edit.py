"""``edit``: makes tracked files writable where they are links to the cache."""

import os
from dataclasses import dataclass

from mltrack.errors import UsageError
from mltrack.verbs.session import Session
from mltrack.workspace.links import make_private


@dataclass(frozen=True, slots=True)
class Edited:
    """A path, and how many files at or below it were links and are writable copies now."""

    path: str
    files: int


def edit(session: Session, arguments: list[str]) -> list[Edited]:
    """Gives tracked paths, or parts of them, files of their own. Nothing changes for
    files that are no links.
    """
    project = session.project
    targets = session.select(arguments)
    for target in targets:
        if not os.path.lexists(project.absolute(target.path)):
            raise UsageError(
                f"{project.shown(target.path)!r} does not exist",
                hint=f"mltrack checkout {target.path}",
            )
    done = [
        Edited(item.path, make_private(project.path, item.path, project.cache))
        for item in targets
    ]
    # the copies have other stamps than the links that were seen
    session.observer.forget([item.path for item in done])
    return done
