"""``mltrack dag``"""

import sys
from typing import Annotated

import typer

from mltrack.cli.invocation import open_session, say, tell
from mltrack.cli.options import Paths, command_app
from mltrack.cli.screen import columns_of
from mltrack.pipeline import drawing
from mltrack.pipeline.layout import folded
from mltrack.verbs import dag as verb

# where there is no terminal: what fits most files and mails
_WIDTH = 80


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
) -> None:
    """Draws the stages and what they depend on, sources on top. Tracked data stands
    with its path, and a group of stages as one box.
    """
    edges = verb.dag(open_session(), targets or [], revision=revision, files=outs)
    labels = {name: name for name in edges}
    if not full and not outs:
        edges, labels = folded(edges)
    if not edges:
        tell("There are no stages. hint: mltrack stage add --help")
        return
    if dot:
        say(drawing.dot(edges, labels))
    elif mermaid:
        say(drawing.mermaid(edges, labels))
    else:
        width = columns_of(sys.stdout) or _WIDTH
        say(drawing.ascii_boxes(edges, labels, width))


app = command_app(
    dag, "mltrack dag", "mltrack dag evaluate --mermaid", "mltrack dag --full"
)
