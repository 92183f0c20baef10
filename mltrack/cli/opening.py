"""Opening the project that a command reads: the one here, or that of another
repository.
"""

from typing import TYPE_CHECKING

from mltrack.cli.invocation import current, open_session
from mltrack.cli.progress import ProgressLine
from mltrack.verbs.session import Session

if TYPE_CHECKING:
    from mltrack.verbs.elsewhere import Elsewhere


def open_recorded(repo: str, revision: str = "") -> tuple[Session, str]:
    """Returns a session in the project that is meant, and the revision to read it at:
    '' for the workspace, which only the project of the current directory has.
    """
    if not repo:
        return open_session(), revision
    # git may have much to bring
    with ProgressLine():
        opened = current.opened.enter_context(open_there(repo, revision))
    return opened, opened.named


def open_there(repo: str, revision: str = "") -> "Elsewhere":
    """Returns a session in the project of another repository."""
    from mltrack.verbs import elsewhere  # noqa: PLC0415 - for who asks for one only

    place = elsewhere.place_of(repo, current.directory)
    return elsewhere.open_elsewhere(place, revision, cwd=current.directory)
