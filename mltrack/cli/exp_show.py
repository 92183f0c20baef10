"""``mltrack exp show|rank|diff``"""

import csv
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import typer

from mltrack.cli.exp_lines import experiment_json
from mltrack.cli.invocation import open_session, say, say_bytes, tell
from mltrack.cli.options import Json, Markdown
from mltrack.cli.paging import paged
from mltrack.cli.render import age_text, difference_json, emit_json, table, value_text
from mltrack.cli.value_table import fitting
from mltrack.errors import GitError, UsageError
from mltrack.experiments import keeping
from mltrack.experiments.difference import Difference, difference
from mltrack.experiments.looking import METRICS, PARAMS, Sheet, sheet
from mltrack.experiments.record import Experiment, State
from mltrack.experiments.shelf import Shelf
from mltrack.git import history
from mltrack.runners.names import LOCAL
from mltrack.verbs.session import Session

_Where = Annotated[
    str,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only those it is true for: metrics.acc > 0.9",
    ),
]
_Sort = Annotated[
    str,
    typer.Option(
        "--sort", metavar="NAME", help="By metrics.NAME, params.NAME, ...; -NAME down."
    ),
]
_GroupBy = Annotated[
    str,
    typer.Option(
        "--group-by", metavar="NAME", help="One table for each value; base by default."
    ),
]
_OnlyChanged = Annotated[
    bool,
    typer.Option("--only-changed", help="Only columns in which experiments differ."),
]
_Columns = Annotated[
    str, typer.Option("--columns", metavar="NAME,...", help="These columns alone.")
]
_Limit = Annotated[
    int,
    typer.Option(
        "--limit", "-n", min=0, help="The last N, or by --sort the first N; 0 for all."
    ),
]
_Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
_Live = Annotated[
    bool, typer.Option("--live", help="Draw it again until nothing is under way.")
]
# seconds between two drawings
_REDRAW_SECONDS = 1.0
_CLEAR = "\x1b[H\x1b[2J"
_FIXED = ("name", "state")


def show(
    where: _Where = "",
    sort: _Sort = "",
    group_by: _GroupBy = "base",
    only_changed: _OnlyChanged = False,
    columns: _Columns = "",
    limit: _Limit = 0,
    as_csv: _Csv = False,
    markdown: Markdown = False,
    as_json: Json = False,
    live: _Live = False,
) -> None:
    """Shows experiments with their params and metrics, latest last, in one table for
    each commit that they started from.

    Names are those of the columns: params.lr, metrics.acc, state, name, note, tags,
    stage, runner, seconds, created, base.
    """
    session = open_session()
    if live and not sys.stdout.isatty():
        raise UsageError("--live draws on a terminal", hint="mltrack exp show")
    asked = _Asked(where, sort, limit)
    found = _read(session, asked)
    if as_json:
        emit_json({"experiments": [experiment_json(one) for one in found.experiments]})
        return
    chosen = _columns(found, columns, only_changed=only_changed)
    if as_csv:
        _write_csv(found, chosen)
    elif not found.rows:
        say("No experiment is so." if where else "There are no experiments.")
    elif not live:
        with paged():
            _show_groups(session, found, chosen, group_by, markdown=markdown)
    while live and found.rows:
        sys.stdout.write(_CLEAR)
        _show_groups(session, found, chosen, group_by, markdown=False)
        if not any(one.state is State.RUNNING for one in found.experiments):
            return
        time.sleep(_REDRAW_SECONDS)
        found = _read(session, asked)
        chosen = _columns(found, columns, only_changed=only_changed)


class _Asked(NamedTuple):
    """Which rows are wanted, and in which order."""

    where: str
    sort: str
    limit: int


def _read(session: Session, asked: _Asked) -> Sheet:
    shelf = Shelf(session.project)
    found = sheet(shelf.all())
    for name, error in shelf.broken.items():
        tell(f"warning: {name}: {error.message}")
    if asked.where:
        found = found.where(asked.where)
    if asked.sort:
        by = asked.sort.removeprefix("-")
        found = found.ordered(by, descending=asked.sort.startswith("-"))
    places = range(len(found.rows))
    # in order of time the latest are wanted, by a value the first
    newest = places[-asked.limit :] if asked.limit else places
    return found.chosen(places[: asked.limit or None] if asked.sort else newest)


def _columns(found: Sheet, wanted: str, *, only_changed: bool) -> list[str]:
    """The names of the columns, as rows have them."""
    if wanted:
        names = [name.strip() for name in wanted.split(",") if name.strip()]
        for name in names:
            found.check_name(name)
        return names
    params, metrics = list(found.params), list(found.metrics)
    if only_changed:
        params, metrics = found.differing(PARAMS), found.differing(METRICS)
    rest = ["stage"] if any(one.stage for one in found.experiments) else []
    # where all ran on this machine nobody need be told
    places = {row["runner"] for row in found.rows} - {"", LOCAL}
    noted = ["note"] if any(one.note for one in found.experiments) else []
    return [
        *_FIXED,
        *rest,
        *(f"{METRICS}.{name}" for name in metrics),
        *(f"{PARAMS}.{name}" for name in params),
        "seconds",
        *(["runner"] if places else []),
        *noted,
    ]


def _write_csv(found: Sheet, columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in found.rows:
        writer.writerow([_plain(row.get(name)) for name in columns])


def _plain(value: Any) -> Any:
    """A value as a cell of CSV holds it."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _show_groups(
    session: Session,
    found: Sheet,
    columns: Sequence[str],
    group_by: str,
    *,
    markdown: bool,
) -> None:
    if group_by != "base":
        found.check_name(group_by)
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(found.rows):
        groups.setdefault(_text(group_by, row.get(group_by)), []).append(at)
    is_first = True
    for value, places in groups.items():
        if len(groups) > 1 or group_by == "base":
            heading = (
                _base_text(session, found.experiments[places[0]])
                if group_by == "base"
                else f"{group_by} {value}"
            )
            say(("" if is_first else "\n") + heading)
        is_first = False
        _show_table(found.chosen(places), columns, markdown=markdown)


def _base_text(session: Session, one: Experiment) -> str:
    """The commit that experiments started from, as `git log --oneline` shows it."""
    try:
        found = history.described(one.head, session.project.path)
    except GitError:
        # of another clone, which fetched no branch of it
        return f"on {one.head[:10]}"
    changed = ", and what was not committed" if one.base != one.head else ""
    return f"on {found.short} {found.subject}{changed}"


def _show_table(found: Sheet, columns: Sequence[str], *, markdown: bool) -> None:
    headings = [_heading(name) for name in columns]
    lines = [[_text(name, row.get(name)) for name in columns] for row in found.rows]
    count = len(headings) if markdown else fitting(headings, lines, len(_FIXED))
    table(headings[:count], [line[:count] for line in lines], markdown=markdown)
    if count < len(headings):
        tell(
            f"not shown, for the width: {', '.join(columns[count:])}; --columns "
            "chooses, --csv has all"
        )


def _heading(name: str) -> str:
    kind, dot, rest = name.partition(".")
    if dot and kind in (PARAMS, METRICS):
        return rest
    return "took" if name == "seconds" else name


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "seconds":
        return age_text(value) if value >= 60 else f"{value:.1f} s" if value else "-"
    if name == "created":
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
    if name == "tags":
        return ", ".join(value)
    return value_text(value)


def rank(
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="The value: metrics.acc.")
    ],
    largest: Annotated[
        bool, typer.Option("--max", help="The largest is the best.")
    ] = False,
    smallest: Annotated[
        bool, typer.Option("--min", help="The smallest is the best.")
    ] = False,
    where: _Where = "",
    limit: _Limit = 10,
    markdown: Markdown = False,
    as_json: Json = False,
) -> None:
    """Shows the best experiments by one value. Which way is better a metric's
    `direction` in the pipeline says; else --max or --min does.
    """
    if largest and smallest:
        raise UsageError("--max and --min exclude each other", hint="give one of them")
    session = open_session()
    found = sheet([one for one in Shelf(session.project).all() if one.ended])
    found = found.where(where) if where else found
    way = "max" if largest else "min" if smallest else _direction(session, by)
    if not way:
        raise UsageError(
            f"nothing says which way {by} is better",
            hint="--max or --min; or `direction` of the metric in the pipeline file",
        )
    descending = way == "max"
    found = found.ordered(by, descending=descending)
    places = [at for at, row in enumerate(found.rows) if row.get(by) is not None]
    found = found.chosen(places[:limit] if limit else places)
    if as_json:
        emit_json({"experiments": [experiment_json(one) for one in found.experiments]})
        return
    if not found.rows:
        say("There are no experiments.")
        return
    params = [f"{PARAMS}.{name}" for name in found.differing(PARAMS)]
    _show_table(found, ["name", by, *params, "seconds"], markdown=markdown)


def _direction(session: Session, by: str) -> str:
    """Which of two values of a metric is better, as a stage says; '' if none does."""
    name = by.removeprefix(f"{METRICS}.")
    for stage in session.view.graph.stages.values():
        for out in stage.outs:
            declared = dict(out.settings).get("direction")
            if isinstance(declared, str):
                return declared
            if isinstance(declared, dict) and name in declared:
                return str(declared[name])
    return ""


def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="An experiment or revision.")],
    new: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    code: Annotated[
        bool, typer.Option("--code/--no-code", help="Show how the code differs.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Shows how two experiments differ: params, metrics, data by file, environment, and
    code as a patch.
    """
    session = open_session()
    shelf = Shelf(session.project)
    a, b = (keeping.at(session, shelf, name) for name in (old, new))
    found = difference(session, a, b, code=code)
    if as_json:
        algorithm = session.project.algorithm
        emit_json(
            {
                "old": old,
                "new": new,
                PARAMS: [one._asdict() for one in found.params],
                METRICS: [one._asdict() for one in found.metrics],
                "environment": [one._asdict() for one in found.environment],
                "files": [difference_json(item, algorithm) for item in found.files],
                "patch": found.patch.decode("utf-8", "surrogateescape"),
            }
        )
        return
    with paged():
        _show_difference(found, old, new)


def _show_difference(found: Difference, old: str, new: str) -> None:
    for kind, rows in (
        (PARAMS, found.params),
        (METRICS, found.metrics),
        ("environment", found.environment),
    ):
        if rows:
            table(
                (kind, old, new),
                [(one.key, value_text(one.old), value_text(one.new)) for one in rows],
            )
            say("")
    for item in found.files:
        say(f"{item.change:<9} {item.path}")
    if found.patch:
        say("")
        say_bytes(found.patch)
    if not any(found):
        say(f"{old} and {new} are the same.")
