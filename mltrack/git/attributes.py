"""Lines in ``info/attributes`` that give files of this clone a merge driver: those of
outputs that git keeps, by their names.

Committed attributes would change with every output that is declared; a driver is
defined in each clone anyway.
"""

import os

from mltrack.disk.durable import make_directories, read_bounded, write_atomic
from mltrack.errors import FormatError
from mltrack.git import ignore_file

_MAX_BYTES = 1 << 20
_ABOUT = "# outputs that git keeps: after a merge `mltrack repro` writes new ones"


def drive(common_dir: str, paths: list[str], driver: str) -> None:
    """Gives each path, relative to the repository's top, and all below it a merge
    driver, unless it has one. Where git's directory cannot be written nothing is done:
    then nobody merges there either.
    """
    place = os.path.join(common_dir, "info", "attributes")
    try:
        text = (read_bounded(place, _MAX_BYTES) or b"").decode(
            "utf-8", "surrogateescape"
        )
        # only added: what is no output any more the driver merges as text
        present = set(text.split("\n"))
        fresh = [
            line
            for path in paths
            for line in _lines(path, driver)
            if line not in present
        ]
        if not fresh:
            return
        about = [] if _ABOUT in present else [_ABOUT]
        start = text + "\n" if text and not text.endswith("\n") else text
        make_directories(os.path.dirname(place))
        write_atomic(
            place,
            (start + "\n".join([*about, *fresh]) + "\n").encode(
                "utf-8", "surrogateescape"
            ),
        )
    except (OSError, FormatError):
        return


def _lines(path: str, driver: str) -> list[str]:
    pattern = ignore_file.line_for(path)
    # the second for a directory: attributes of one do not hold for what is in it
    return [f"{_quoted(each)} merge={driver}" for each in (pattern, f"{pattern}/**")]


def _quoted(pattern: str) -> str:
    """A pattern as gitattributes(5) wants it: in quotes where a blank would end it."""
    if not any(sign in pattern for sign in ' \t"\\'):
        return pattern
    escaped = pattern.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'
