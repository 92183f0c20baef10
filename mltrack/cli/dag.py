"""``mltrack dag``"""

import os
import sys
from typing import Annotated

import typer

from mltrack.cli.invocation import announce, open_session, say, tell
from mltrack.cli.options import Paths, command_app
from mltrack.cli.progress import clock
from mltrack.cli.render import table
from mltrack.cli.screen import columns_of
from mltrack.cli.style import paint
from mltrack.pipeline import drawing, graph_page
from mltrack.pipeline.layout import Edges, folded
from mltrack.verbs import dag as verb
from mltrack.verbs import dag_page
from mltrack.verbs.dag_states import (
    FAILED,
    FROZEN,
    RESTORE,
    RUN,
    UNCHANGED,
    states_of,
)

# where there is no terminal: what fits most files and mails
_WIDTH = 80
# ASCII, one column wide in every font
_MARKS = {
    UNCHANGED: ("=", "green"),
    RESTORE: ("<", "cyan"),
    RUN: (">", "yellow"),
    FAILED: ("!", "error"),
    FROZEN: ("*", "dim"),
}


_Html = Annotated[
    str,
    typer.Option(
        "--html", metavar="FILE", help="Write a page to zoom, search and click."
    ),
]
_Critical = Annotated[
    bool,
    typer.Option(
        "--critical-path", help="The stages that a whole run waits for longest."
    ),
]
_States = Annotated[
    bool | None,
    typer.Option(
        "--states/--no-states",
        help="Mark what repro would do; by default on a terminal.",
    ),
]


def dag(
    targets: Paths = None,
    revision: Annotated[
        str,
        typer.Option(
            "--rev", help="Draw the stages of this revision, not of the workspace."
        ),
    ] = "",
    full: Annotated[
        bool, typer.Option("--full", help="A box for each member of a group.")
    ] = False,
    outs: Annotated[
        bool, typer.Option("--outs", help="Draw files instead of stages.")
    ] = False,
    dot: Annotated[
        bool, typer.Option("--dot", help="Print Graphviz's language.")
    ] = False,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.")
    ] = False,
    html: _Html = "",
    states: _States = None,
    critical: _Critical = False,
) -> None:
    """Draws the stages and what they depend on, sources on top. Tracked data is
    shown by its path, and a group of stages as one box.

    On a terminal each stage is marked with what `mltrack repro` would do; a line below
    explains the marks.
    """
    session = open_session()
    if critical:
        _show_critical(dag_page.critical_path(session))
        return
    edges = verb.dag(session, targets or [], revision=revision, files=outs)
    labels = {name: name for name in edges}
    if not full and not outs:
        edges, labels = folded(edges)
    if not edges:
        tell("There are no stages. hint: mltrack stage add --help")
        return
    if html:
        boxes = dag_page.boxes_of(session, edges, labels)
        title = os.path.basename(session.project.path)
        with open(html, "w", encoding="utf-8") as file:
            file.write(graph_page.page(title, edges, boxes))
        announce(f"wrote {html}")
    elif dot:
        say(drawing.dot(edges, labels))
    elif mermaid:
        say(drawing.mermaid(edges, labels))
    else:
        is_marked = sys.stdout.isatty() if states is None else states
        # what a revision says is not what stands here
        found = (
            states_of(session, edges) if is_marked and not outs and not revision else {}
        )
        _draw(edges, labels, found)


def _draw(edges: Edges, labels: dict[str, str], states: dict[str, str]) -> None:
    width = columns_of(sys.stdout) or _WIDTH
    marked = {name: _marked(labels[name], states.get(name)) for name in edges}
    say(drawing.ascii_boxes(edges, marked, width))
    if states:
        _show_legend(set(states.values()))


def _marked(label: str, state: str | None) -> str:
    """A label with its state as a mark, which is read without colours, too."""
    if state is None:
        return label
    mark, style = _MARKS[state]
    return f"{paint(mark, style)} {paint(label, style)}"


def _show_legend(found: set[str]) -> None:
    parts = [
        f"{paint(mark, style)} {paint(state, style)}"
        for state, (mark, style) in _MARKS.items()
        if state in found
    ]
    if parts:
        say("")
        say("   ".join(parts))


def _show_critical(path: list[tuple[str, float]]) -> None:
    if not path:
        tell("There are no stages. hint: mltrack stage add --help")
        return
    table(("stage", "seconds"), [(name, f"{taken:.1f}") for name, taken in path])
    total = sum(taken for _, taken in path)
    announce(f"{clock(total)} in all, as they last ran")


app = command_app(
    dag,
    "mltrack dag",
    "mltrack dag evaluate --mermaid",
    "mltrack dag --html dag.html",
    "mltrack dag --critical-path",
)
