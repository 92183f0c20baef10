"""``undo``: puts back what ``--force`` replaced last."""

from dataclasses import dataclass

from mltrack.errors import UsageError
from mltrack.pipeline.stage import overlaps
from mltrack.verbs.session import Session
from mltrack.workspace.checkout import no_progress


@dataclass(frozen=True, slots=True)
class Undone:
    path: str
    digest: str
    moment: float


def undo(session: Session, arguments: list[str]) -> list[Undone]:
    """Restores the newest replaced state, of the given paths or of whatever was replaced last.

    What stands there now is saved first, so that undoing can be undone.
    """
    notes = session.trash.notes()
    if arguments:
        paths = [session.project.relative(argument) for argument in arguments]
        notes = [note for note in notes if any(overlaps(path, note.path) for path in paths)]
    if not notes:
        raise UsageError("nothing was replaced that could be put back")
    newest = [note for note in notes if note.file == notes[-1].file]
    done = []
    with session.project.cache.in_use():
        for note in newest:
            plan = session.checkout.plan(note.path, note.content, force=True)
            before = session.checkout.save(note.path)
            if before is not None:
                session.trash.note([(note.path, before)])
            session.checkout.carry_out(note.path, note.content, plan, no_progress)
            done.append(Undone(note.path, session.project.algorithm.text(note.content.hex), note.moment))
    session.observer.close()
    return done
