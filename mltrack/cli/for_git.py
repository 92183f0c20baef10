"""The line that says what a command has changed for git to take."""

import os
from collections.abc import Iterable

from mltrack.cli.invocation import git_add
from mltrack.formats.pointer import SUFFIX
from mltrack.verbs.session import Session


def staging(session: Session, pointers: Iterable[str], whole: Iterable[str]) -> str:
    """Returns the command that stages the pointers of some paths, and for those in
    ``whole``, which began or ceased to be tracked, the ignore files beside them; what
    is gone too, where git knows it.
    """
    names = [path + SUFFIX for path in pointers]
    names += [os.path.join(os.path.dirname(path), ".gitignore") for path in whole]
    known = set(session.view.in_git)
    project = session.project
    there = [
        name
        for name in dict.fromkeys(names)
        # git refuses a name that is neither there nor its own
        if name in known or os.path.lexists(project.absolute(name))
    ]
    if not there:
        return ""
    is_any_gone = not all(os.path.lexists(project.absolute(name)) for name in there)
    # a pointer that is gone is to be staged as well
    options = ("--all",) if is_any_gone else ()
    return git_add([project.shown(name) for name in there], *options)
