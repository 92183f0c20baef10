"""How params and metrics are printed: values, and changes of values."""

from mltrack.cli.invocation import say, tell
from mltrack.cli.render import emit_json, table, value_text
from mltrack.errors import PartlyDoneError
from mltrack.verbs.results import Problems, ValueChange, Values


def tell_problems(problems: Problems) -> int:
    """Names what could not be read; returns the exit code: 3 where the rest was shown."""
    for error in problems.values():
        # even to whoever wants it quiet: what is shown is not all
        tell(
            f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""),
            level=-1,
        )
    return PartlyDoneError.exit_code if problems else 0


def show_values(kind: str, values: Values, *, as_json: bool, markdown: bool) -> None:
    if as_json:
        emit_json({kind: values})
        return
    rows = [
        (file, key, value_text(value))
        for file, keys in values.items()
        for key, value in keys.items()
    ]
    if rows:
        table(("file", "name", "value"), rows, markdown=markdown)
    else:
        say(f"There are no {kind}.")


def show_diff(
    kind: str,
    changes: list[ValueChange],
    old: str,
    new: str,
    *,
    as_json: bool,
    markdown: bool,
) -> None:
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
            value_text(c.old),
            value_text(c.new),
            # with its sign: up or down is what one looks for
            "" if c.delta is None else f"{c.delta:+.6g}",
        )
        for c in changes
    ]
    table(("file", "name", old, new or "workspace", "change"), rows, markdown=markdown)
