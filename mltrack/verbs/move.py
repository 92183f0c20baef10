"""``move``: renames tracked data, with its pointer and its line in ``.gitignore``."""

import os
from dataclasses import dataclass

from mltrack.errors import UsageError, WorkspaceError
from mltrack.formats import pointer
from mltrack.formats.pointer import SUFFIX, Pointer
from mltrack.git import ignore_file
from mltrack.git.ignored import is_ignored
from mltrack.objects.content import Content
from mltrack.pipeline.paths import overlaps
from mltrack.verbs.entries import not_tracked, place_of
from mltrack.verbs.move_entry import move_entry
from mltrack.verbs.session import Session


@dataclass(frozen=True, slots=True)
class Moved:
    """From where to where, and the stages that still name the old path."""

    old: str
    new: str
    stages: tuple[str, ...]
    tracked: tuple[str, ...]
    """The tracked paths whose pointers changed."""


def move(session: Session, old_argument: str, new_argument: str) -> Moved:
    """Renames a tracked path, or a part of a tracked directory. The order of its steps lets an interrupted move be
    completed by the same command.
    """
    project = session.project
    old = project.relative(old_argument).removesuffix(SUFFIX)
    if old in session.view.broken:
        raise session.view.broken[old]
    content = session.view.pointers.get(old)
    if content is None:
        place = place_of(session, old)
        if place is None:
            raise not_tracked(session, old_argument)
        moved = move_entry(session, place, new_argument)
        return _moved(session, old, moved.path, (place.root, moved.root))
    new = project.relative(new_argument)
    is_moved = _is_moved(session, old, new)
    if os.path.isdir(project.absolute(new)) and not is_moved:
        new = f"{new}/{os.path.basename(old)}" if new else os.path.basename(old)
        is_moved = _is_moved(session, old, new)
    _check(session, old, new, is_moved=is_moved)
    _write_pointer(session, old, new, content)
    if os.path.lexists(project.absolute(old)):
        os.rename(project.absolute(old), project.absolute(new))
    # else the move that was cut off may have noted it, and forgotten the old one
    if not is_moved or session.last.get(old) is not None:
        session.last.set_all({new: session.last.get(old), old: None})
    before, old_name = os.path.split(old)
    session.edit_text(
        os.path.join(before, ".gitignore"),
        lambda text: ignore_file.exclude(text, [old_name]),
    )
    # last: as long as it is there, the same command completes the move
    os.unlink(project.absolute(old + SUFFIX))
    return _moved(session, old, new, (old, new))


def _moved(session: Session, old: str, new: str, tracked: tuple[str, ...]) -> Moved:
    stages = session.view.graph.stages.values()
    return Moved(
        old,
        new,
        tuple(
            stage.address
            for stage in stages
            # a stage that reads all of a directory finds the new name in it
            if any(overlaps(old, dep) and dep not in tracked[1:] for dep in stage.deps)
        ),
        tuple(dict.fromkeys(tracked)),
    )


def _is_moved(session: Session, old: str, new: str) -> bool:
    """Whether a move that was cut off has brought the data there already."""
    project = session.project
    return (
        session.view.pointers.get(new) == session.view.pointers[old]
        and os.path.lexists(project.absolute(new))
        and not os.path.lexists(project.absolute(old))
    )


def _write_pointer(session: Session, old: str, new: str, content: Content) -> None:
    """Writes the pointer of the new path, hidden from git before it stands there; what
    a person added to the old one stays.
    """
    project = session.project
    data = project.read(old + SUFFIX)
    assert data is not None
    extra = pointer.parse(data, project.algorithm, old + SUFFIX).extra
    directory, name = os.path.split(new)
    os.makedirs(project.absolute(directory), exist_ok=True)
    session.edit_text(
        os.path.join(directory, ".gitignore"),
        lambda text: ignore_file.include(text, [name]),
    )
    project.write(
        new + SUFFIX,
        pointer.write(Pointer(name, content, extra), project.algorithm).encode(),
    )


def _check(session: Session, old: str, new: str, *, is_moved: bool) -> None:
    project = session.project
    if old == new or overlaps(old, new):
        raise UsageError(f"{old!r} cannot be moved to {new!r}")
    if os.path.lexists(project.absolute(new)) and not is_moved:
        raise WorkspaceError(
            f"{new!r} exists already", hint="move it away, or choose another name"
        )
    present = session.view.pointers.get(new)
    # the same pointer was left there by a move that was cut off
    if present is not None and present != session.view.pointers[old]:
        raise WorkspaceError(
            f"{new + SUFFIX!r} tracks something else already",
            hint="choose another name",
        )
    outs = [
        out.path for stage in session.view.graph.stages.values() for out in stage.outs
    ]
    other = next(
        (
            path
            for path in (*session.view.pointers, *outs)
            if path not in (old, new) and overlaps(path, new)
        ),
        None,
    )
    if other is not None:
        raise WorkspaceError(
            f"{new!r} and {other!r} overlap", hint="choose another name"
        )
    if is_ignored(new + SUFFIX, project.path):
        raise WorkspaceError(
            f"git ignores {new + SUFFIX!r}, so {new!r} would not be recorded",
            hint="choose another name",
        )
