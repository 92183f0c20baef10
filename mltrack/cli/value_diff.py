"""How params and metrics are printed: values, and changes of values."""

from collections.abc import Sequence

from mltrack.cli.invocation import complain, say
from mltrack.cli.render import emit_json, listed, table, value_text
from mltrack.cli.value_table import Look
from mltrack.errors import PartlyDoneError
from mltrack.verbs.results import Problems, ValueChange

PAIR = 2
"""Of so many revisions the change is shown, of more the values."""


def compared(given: list[str] | None, last: str = "") -> list[str]:
    """Returns the revisions that are compared; where one is missing it is ``last``, ''
    for the workspace.
    """
    revisions = list(dict.fromkeys(given or ()))
    if len(revisions) < PAIR:
        return [*(revisions or ["HEAD"]), last]
    return revisions


def tell_problems(problems: Problems, never_written: Sequence[str] = ()) -> int:
    """Names what could not be read, and what is declared and was never written; returns
    the exit code: 3 where the rest could be read, 1 for what was never written.
    """
    for error in problems.values():
        complain(error.message, error.hint)
    if never_written:
        complain(
            f"declared, and never written: {listed(never_written)}",
            "`mltrack repro`, where a stage writes it; else it is a name to correct",
        )
    if problems:
        return PartlyDoneError.exit_code
    return 1 if never_written else 0


def show_diff(
    kind: str,
    changes: list[ValueChange],
    old: str,
    new: str,
    look: Look,
    *,
    as_json: bool,
) -> None:
    """Prints what differs between two revisions."""
    if as_json:
        items = [
            {
                "file": c.file,
                "name": c.key,
                "old": c.old,
                "new": c.new,
                "delta": c.delta,
            }
            for c in changes
        ]
        emit_json({"old": old, "new": new or "workspace", kind: items})
        return
    if not changes:
        say(f"No {kind} differ between {old} and {new or 'the workspace'}.")
        return
    rows = [
        (
            c.file,
            c.key,
            value_text(c.old, look.precision),
            value_text(c.new, look.precision),
            # with its sign: up or down is what one looks for
            "" if c.delta is None else f"{c.delta:+.{look.precision}g}",
        )
        for c in changes
    ]
    table(
        ("file", "name", old, new or "workspace", "change"),
        rows,
        markdown=look.markdown,
    )
