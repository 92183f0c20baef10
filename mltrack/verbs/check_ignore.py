"""``check-ignore``: which paths are left out of tracked directories, and by which line."""

import os
from dataclasses import dataclass

from mltrack.errors import FormatError
from mltrack.verbs.session import Session
from mltrack.workspace.ignore import IgnoreFiles


@dataclass(frozen=True, slots=True)
class Ignored:
    """A path that is left out; ``line`` is 0 where no line says so, but its name does."""

    path: str
    source: str
    line: int
    pattern: str


def check_ignore(session: Session, arguments: list[str]) -> list[Ignored]:
    """Returns those of the paths that scans of tracked directories leave out or refuse."""
    project = session.project
    rule = IgnoreFiles(project.path)
    found = []
    for argument in arguments:
        try:
            path = project.relative(argument)
        except FormatError:
            found.append(Ignored(argument, "names of git and mltrack", 0, ""))
            continue
        is_directory = os.path.isdir(project.absolute(path)) or argument.endswith("/")
        line = rule.line(os.fsencode(path), is_directory=is_directory)
        if line is not None:
            found.append(Ignored(path, line.source, line.number, line.text))
    return found
