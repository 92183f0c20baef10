"""What the person said besides the verb: where to work, and how much to say."""

import re
import shlex
import sys
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TextIO

from mltrack import project as projects
from mltrack.cli.screen import columns_of, screen
from mltrack.cli.style import AUTO, is_mark, paint, rendered
from mltrack.cli.wrapping import wrapped
from mltrack.verbs.session import Session


@dataclass
class Invocation:
    """One run of the command line. ``verbosity`` is -1 for quiet, 0, 1 or 2."""

    directory: str = "."
    verbosity: int = 0
    session: Session | None = None
    colour: str = AUTO
    has_progress: bool = True
    """Whether the person has not said otherwise."""
    opened: ExitStack = field(default_factory=ExitStack)
    """What ends with the command."""

    @property
    def shows_progress(self) -> bool:
        return self.has_progress and self.verbosity >= 0


current = Invocation()
"""Set once by ``main``, before a command runs."""


def open_session(project: projects.Project | None = None) -> Session:
    """Returns a session in a project, that of the current directory unless given."""
    current.session = current.opened.enter_context(
        Session(project or projects.find(current.directory))
    )
    return current.session


def say(text: str) -> None:
    """Prints a result to standard output."""
    _write(sys.stdout, text)


def say_bytes(data: bytes) -> None:
    """Prints what a command printed to standard output, as it was written."""
    # text that waits in the upper layer was printed before these bytes
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def announce(text: str) -> None:
    """Prints what an acting command did to standard output, unless the person asked for
    less.
    """
    if current.verbosity >= 0:
        say(text)


def tell(text: str, *, level: int = 0) -> None:
    """Prints talk to standard error, unless the person asked for less."""
    if current.verbosity >= level:
        # a command line is pasted whole
        is_command = text.startswith("For git: ")
        columns = None if is_command else columns_of(sys.stderr)
        _write(sys.stderr, wrapped(text, columns))


def _write(stream: TextIO, text: str) -> None:
    screen.write(stream, rendered(printable(text), stream, current.colour) + "\n")


def complain(message: str, hint: str = "") -> None:
    """Prints an error, with its hint, to standard error."""
    columns = columns_of(sys.stderr)
    _write(sys.stderr, wrapped(f"{paint('error:', 'error')} {message}", columns))
    if hint:
        _write(sys.stderr, wrapped(f"{paint('hint:', 'cyan')} {hint}", columns))


def git_add(paths: Collection[str], *options: str) -> str:
    """Returns the command line that hands paths to git, as it can be pasted into a
    shell.
    """
    names = [shlex.quote(path) for path in paths]
    # a name with a dash in front would be an option of git's
    dashes = ["--"] if any(path.startswith("-") for path in paths) else []
    return " ".join(("git add", *options, *dashes, *names))


_QUOTED_BYTE = re.compile(r"\\udc([89a-f][0-9a-f])")
"""How Python quotes a byte that is not UTF-8, in a name that an error names."""


def printable(text: str) -> str:
    """Returns text as a terminal may show it: control characters and bytes that are not
    UTF-8 are escaped.
    """
    text = _QUOTED_BYTE.sub(r"\\x\1", text)
    # nearly always so: no walk over the characters
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" or is_mark(char) else _escaped(char)
        for char in text
    )


def _escaped(char: str) -> str:
    code = ord(char)
    if char == "\t":
        return "    "
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
