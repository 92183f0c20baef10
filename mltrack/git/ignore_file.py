"""Lines in ``.gitignore`` that keep data out of git: added and removed one by one,
everything else left as it is.
"""

import re

_SPECIAL = re.compile(r"([\\*?\[\]!#])")
_ESCAPED = re.compile(r"\\(.)")


def line_for(name: str) -> str:
    """Returns the pattern that matches exactly ``name`` in the ignore file's own
    directory, whatever signs it holds.
    """
    escaped = _SPECIAL.sub(r"\\\1", name)
    # git drops blanks at the end of a line, and would hide another name
    if escaped.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    # only here: without the slash it would hide that name in all directories below
    return "/" + escaped


def include(text: str, names: list[str]) -> str:
    """Returns ``text`` with a line for each name; lines that stand there already are
    not repeated.
    """
    lines = text.split("\n")
    # an editor or autocrlf may have ended the lines with CR LF
    present = {line.rstrip("\r") for line in lines}
    fresh = [
        line for line in dict.fromkeys(map(line_for, names)) if line not in present
    ]
    if not fresh:
        return text
    # else ours would be glued to a person's last line
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "\n".join(fresh) + "\n"


def exclude(text: str, names: list[str]) -> str:
    """Returns ``text`` without the lines for these names."""
    unwanted = set(map(line_for, names))
    return "\n".join(
        line for line in text.split("\n") if line.rstrip("\r") not in unwanted
    )


def names_in(text: str) -> list[str]:
    """Returns the names for which ``text`` has lines as :func:`line_for` writes them;
    other lines are somebody else's.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    names = [_ESCAPED.sub(r"\1", line[1:]) for line in lines]
    return [
        name
        for line, name in zip(lines, names, strict=True)
        if name and line_for(name) == line
    ]
