"""``undo``: puts back what ``--force`` replaced last."""

from dataclasses import dataclass

from mltrack.errors import UsageError
from mltrack.objects.content import Content
from mltrack.objects.tree import parents
from mltrack.pipeline.paths import overlaps
from mltrack.verbs.session import Session
from mltrack.workspace.checkout import no_progress
from mltrack.workspace.checkout_plan import CheckoutPlan


@dataclass(frozen=True, slots=True)
class Undone:
    path: str
    digest: str
    moment: float


def undo(session: Session, arguments: list[str]) -> list[Undone]:
    """Restores what the last command replaced, or the last one that replaced any of the
    given paths; repeated, what the one before it did. What stands there now is saved to
    the cache first. What was put back counts as a change of one's own.
    """
    notes = session.trash.notes()
    if arguments:
        paths = [session.project.relative(argument) for argument in arguments]
        notes = [
            note for note in notes if any(overlaps(path, note.path) for path in paths)
        ]
    if not notes:
        raise UsageError("nothing was replaced that could be put back")
    # one note is one command: all that it replaced comes back together
    newest = [note for note in notes if note.file == notes[-1].file]
    done = []
    replaced: list[tuple[str, Content]] = []
    with session.project.cache.in_use():
        for note in newest:
            plan = _without_later_files(
                session.checkout.plan(note.path, note.content, force=True)
            )
            before = session.checkout.save(note.path)
            replaced += [(note.path, before)] if before is not None else []
            session.checkout.put(
                note.path, session.checkout.approve(note.path, plan), no_progress
            )
            done.append(
                Undone(
                    note.path,
                    session.project.algorithm.text(note.content.hex),
                    note.moment,
                )
            )
        # last: after a kill it is done once more
        session.trash.undone(newest, replaced)
    return done


def _without_later_files(plan: CheckoutPlan) -> CheckoutPlan:
    """Files that were made since stay, unless a directory must stand where they do, or
    a file where their directory does.
    """
    written = {op.path for op in plan.operations if op.entry is not None}
    needed = {parent for path in written for parent in parents(path)}
    kept = [
        op
        for op in plan.operations
        if op.entry is not None
        or op.path in needed
        or not written.isdisjoint(parents(op.path))
    ]
    return plan._replace(operations=kept)
