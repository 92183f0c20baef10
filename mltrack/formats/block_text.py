"""Edits of YAML text in block style that leave every other line as it is, comments too."""

from mltrack.errors import PipelineError
from mltrack.formats import yaml

Path = tuple[str, ...]


def has(text: str, path: Path) -> bool:
    """Returns whether there is a key at ``path``."""
    value = yaml.load(text, "")
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True


def set_key(text: str, path: Path, key: str, value: str | None) -> str:
    """Returns the text with ``key: value`` in the mapping at ``path``; None takes the
    key out.
    """
    lines = text.splitlines(keepends=True)
    if has(text, (*path, key)):
        start, end = span(text, (*path, key))
        # taken out first, and put in anew: a value may have several lines
        del lines[start - 1 : end]
    if value is not None:
        line, _ = yaml.locate(text, path)
        # as its neighbours: the person's own width, which YAML does not prescribe
        indent = _indent_below(lines, line)
        # `a: {b: c}` on one line has no place for a line
        if not indent:
            raise PipelineError(
                f"line {line}: {path[-1]!r} is not written as a block of lines",
                hint=f"write {key}: {value} into it",
            )
        lines.insert(line, f"{indent}{key}: {value}\n")
    return "".join(lines)


def _indent_below(lines: list[str], line: int) -> str:
    """The indentation of the first key below a line, '' if the mapping stands on the
    line itself.
    """
    own = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    for text in lines[line:]:
        stripped = text.lstrip()
        if stripped.strip() and not stripped.startswith("#"):
            indent = text[: len(text) - len(stripped)]
            return indent if len(indent) > own else ""
    return ""


def span(text: str, path: Path) -> tuple[int, int]:
    """The lines of a block-style mapping's value: from its key's line, from 1, to the
    last line indented below it.
    """
    line, column = yaml.locate(text, path)
    lines = text.splitlines()
    end = line
    for number in range(line, len(lines)):
        stripped = lines[number].strip()
        indent = len(lines[number]) - len(lines[number].lstrip())
        # a comment's indentation means nothing to YAML
        if stripped and not stripped.startswith("#") and indent < column:
            break
        if stripped:
            end = number + 1
    return line, end
