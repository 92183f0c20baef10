"""Long lines for a terminal: cut between words, never inside what people copy."""

import re

from mltrack.pipeline.columns import width

# a command in backticks or bare up to the next clause, a quoted name, any other word
_UNIT = re.compile(
    r"\S*`[^`\n]*`\S*|(?:mltrack|git|cd|pip|uv) [^;`\n]*;?|\S*'[^'\n]*'\S*|\S+"
)


def wrapped(text: str, columns: int | None) -> str:
    """Returns text in lines of at most ``columns`` where no command, path or quoted name
    is longer; as it is without a terminal. Lines that begin with a blank stay: they
    quote something.
    """
    if columns is None:
        return text
    return "\n".join(
        line if line[:1].isspace() or width(line) <= columns else _lines(line, columns)
        for line in text.split("\n")
    )


def _lines(line: str, columns: int) -> str:
    lines, taken = [""], 0
    for unit in _UNIT.findall(line):
        more = width(unit.rstrip())
        if lines[-1] and taken + 1 + more > columns:
            lines.append("")
            taken = 0
        lines[-1] += f" {unit.rstrip()}" if lines[-1] else unit.rstrip()
        taken += more + (taken > 0)
    return "\n".join(lines)
