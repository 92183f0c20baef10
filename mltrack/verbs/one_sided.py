"""A pointer that one branch removed and the other changed: kept or let go, as told."""

import os
from functools import partial

from mltrack.engine.view import Target
from mltrack.formats.pointer import SUFFIX
from mltrack.git import command as git_command
from mltrack.git import ignore_file
from mltrack.verbs.session import Session


def keep(session: Session, path: str, text: bytes) -> None:
    """Takes the side that still has the pointer at ``path``, and stages it with its
    ignore line: the branch that removed it took that line away.
    """
    directory, name = os.path.split(path.removesuffix(SUFFIX))
    ignore_path = os.path.join(directory, ".gitignore")
    # before the pointer: `git add .` in between must not take the data
    session.edit_text(ignore_path, partial(ignore_file.include, names=[name]))
    session.project.write(path, text)
    git_command.run(["add", "--", path, ignore_path], session.project.path)


def let_go(session: Session, path: str) -> Target | None:
    """Takes the side that removed the pointer at ``path``; returns the data that it
    stood for, which is here still.
    """
    target = session.view.targets().get(path.removesuffix(SUFFIX))
    git_command.run(["rm", "-q", "-f", "--", path], session.project.path)
    return target
