"""Results as words, tables and JSON: the readers of what verbs return."""

import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mltrack.cli.invocation import printable, say
from mltrack.cli.style import padded, paint, unpainted
from mltrack.formats.params_file import flatten
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.columns import width
from mltrack.pipeline.differences import same_value
from mltrack.pipeline.plan import Step, Verdict
from mltrack.pipeline.reason import Cause, Reason

if TYPE_CHECKING:
    from mltrack.verbs.listing import Difference

# the next one for a field that changes or goes; docs/reference/json.md
SCHEMA_VERSION = 1
VERDICTS = {
    Verdict.SKIP: "unchanged",
    Verdict.RESTORE: "restore",
    Verdict.RUN: "run",
    Verdict.WAIT: "wait",
}


def emit_json(data: dict[str, Any]) -> None:
    """Prints a result as JSON; bytes that are not UTF-8 appear as escapes, and what is
    no JSON number as text.
    """
    document = finite({"schema_version": SCHEMA_VERSION, **data})
    sys.stdout.write(
        json.dumps(
            document, indent=2, ensure_ascii=True, sort_keys=True, allow_nan=False
        )
        + "\n"
    )


def finite(value: Any) -> Any:
    """Returns plain data with NaN and the infinities as the texts "NaN", "Infinity" and
    "-Infinity", and dates as texts: JSON has neither.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    # a date of TOML: as it is written there
    return str(value)


def content_json(
    content: Content | None, algorithm: Algorithm
) -> dict[str, Any] | None:
    if content is None:
        return None
    data: dict[str, Any] = {
        "digest": algorithm.text(content.hex),
        "kind": content.kind,
        "size": content.size,
    }
    if content.kind == TREE:
        data["files"] = content.files
    return data


def difference_json(item: "Difference", algorithm: Algorithm) -> dict[str, Any]:
    return {
        "path": item.path,
        "change": item.change,
        "old": content_json(item.old, algorithm),
        "new": content_json(item.new, algorithm),
    }


def reason_json(reason: Reason) -> dict[str, Any]:
    return {
        "cause": reason.cause.value,
        "subject": reason.subject,
        "old": reason.old,
        "new": reason.new,
    }


def size_text(count: float) -> str:
    """Returns a number of bytes as a person reads it, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def age_text(seconds: float) -> str:
    """Returns a length of time as a person reads it: the two largest units."""
    for name, size, below, part in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "m", 60),
        ("m", 60, "s", 1),
    ):
        if seconds >= size:
            return (
                f"{int(seconds // size)} {name} {int(seconds % size // part)} {below}"
            )
    return f"{seconds:.0f} s"


def content_text(content: Content) -> str:
    """Returns what something is in a few words: its size, and for a directory how many
    files.
    """
    if content.kind == TREE:
        return f"{plural(content.files, 'file')}, {size_text(content.size)}"
    return size_text(content.size)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def listed(names: Sequence[str], *, most: int = 10) -> str:
    """Returns names one after another, and how many more there are than ``most``."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, markdown: bool = False
) -> None:
    """Prints a table: columns aligned for a terminal, numbers on the right, or
    Markdown.
    """
    # before the widths: what is escaped is wider than what it stands for
    lines = [[printable(cell) for cell in row] for row in rows]
    right = [
        bool(lines) and all(_is_number(line[at]) for line in lines)
        for at in range(len(headings))
    ]
    if markdown:
        _markdown(headings, lines, right)
        return
    widths = [
        max(width(line[at]) for line in [list(headings), *lines])
        for at in range(len(headings))
    ]
    heading = _row(headings, widths, right)
    say(paint(heading, "bold"))
    for line in lines:
        say(_row(line, widths, right))


def _row(cells: Sequence[str], widths: list[int], right: list[bool]) -> str:
    columns = zip(cells, widths, right, strict=True)
    return "  ".join(
        padded(cell, width, right=is_number) for cell, width, is_number in columns
    ).rstrip()


def _markdown(
    headings: Sequence[str], lines: list[list[str]], right: list[bool]
) -> None:
    say("| " + " | ".join(headings) + " |")
    say("|" + "".join("---:|" if is_number else "---|" for is_number in right))
    for line in lines:
        # else the cell would end there
        cells = (unpainted(cell).replace("|", "\\|") for cell in line)
        say("| " + " | ".join(cells) + " |")


def _is_number(text: str) -> bool:
    """Whether a cell holds a number, or says that there is none."""
    plain = unpainted(text).strip(" *")
    return plain in ("", "-") or _NUMBER.fullmatch(plain) is not None


_NUMBER = re.compile(r"[+-]?(\d[\d,]*\.?\d*([eE][+-]?\d+)?|inf|nan)%?")


def value_text(value: Any, precision: int = 6) -> str:
    """Returns a metric or param as it is shown: floats with up to ``precision`` digits."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{precision}g}"
    if isinstance(value, int | list | dict):
        return json.dumps(value, default=str)
    return str(value)


def verdict_word(step: Step) -> str:
    """Returns the verdict on a stage as a word; 'broken' for one that cannot run as
    things are.
    """
    return "broken" if step.problem is not None else VERDICTS[step.verdict]


def describe(reason: Reason) -> str:
    """Returns one reason as a phrase."""
    cause, subject = reason.cause, reason.subject
    if cause is Cause.COMMAND_CHANGED:
        return f"command changed: {_lines_changed(str(reason.old), str(reason.new))}"
    if cause is Cause.PARAM_CHANGED:
        return f"param {subject} changed: {_values_changed(reason.old, reason.new)}"
    if cause is Cause.PARAM_ADDED:
        return f"param {subject} added: {value_text(reason.new)}"
    if cause in (Cause.SHELL_CHANGED, Cause.WDIR_CHANGED):
        return f"{_PHRASES[cause]}: {reason.old or '.'} -> {reason.new or '.'}"
    if cause is Cause.INPUT_UNREADABLE:
        # the line that this stands in names the stage
        return re.sub(r"^stage '[^']*': ", "", subject)
    if cause is Cause.UPSTREAM:
        return (
            f"waits for {subject}, written by {reason.new}"
            if reason.new != "restored outputs"
            else f"waits for {subject}"
        )
    return _PHRASES[cause].format(subject)


_PHRASES = {
    Cause.NEVER_RAN: "never ran",
    Cause.SHELL_CHANGED: "shell changed",
    Cause.WDIR_CHANGED: "wdir changed",
    Cause.DEPENDENCY_CHANGED: "{} changed",
    Cause.DEPENDENCY_ADDED: "dependency {} added",
    Cause.DEPENDENCY_REMOVED: "dependency {} removed",
    Cause.DEPENDENCY_MISSING: "{} does not exist",
    Cause.PARAM_REMOVED: "param {} removed",
    Cause.ENVIRONMENT_CHANGED: "environment changed: {}",
    Cause.OUTPUT_ADDED: "output {} is new or declared differently",
    Cause.OUTPUT_REMOVED: "output {} no longer declared",
    Cause.OUTPUT_CHANGED: "output {} was changed",
    Cause.OUTPUT_MISSING: "output {} is missing",
    Cause.OUTPUT_NOT_CACHED: "output {} is not in the cache",
    Cause.ALWAYS_CHANGED: "always runs",
    Cause.FORCED: "forced",
    Cause.FROZEN: "frozen",
}


def _values_changed(old: Any, new: Any) -> str:
    """Old and new value; of mappings and lists only the values in them that differ."""
    if not isinstance(old, dict | list) or type(old) is not type(new):
        return _pair(old, new)
    before, after = flatten(old), flatten(new)
    names = [
        name
        for name in sorted(before.keys() | after.keys())
        if not same_value(before.get(name), after.get(name))
    ]
    return ", ".join(
        f"{name}: {_pair(before.get(name), after.get(name))}".lstrip(": ")
        for name in names
    )


def _pair(old: Any, new: Any) -> str:
    a, b = value_text(old), value_text(new)
    # a number and the text of it look alike: as JSON they differ
    return f"{a} -> {b}" if a != b else f"{json.dumps(old)} -> {json.dumps(new)}"


def _lines_changed(old: str, new: str) -> str:
    """The first line that differs, old and new."""
    before, after = old.splitlines(), new.splitlines()
    for number in range(max(len(before), len(after))):
        a = before[number] if number < len(before) else "(nothing)"
        b = after[number] if number < len(after) else "(nothing)"
        if a != b:
            return f"{a!r} -> {b!r}"
    return "only its line breaks differ"
