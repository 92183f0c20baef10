"""``mltrack dag``"""

from typing import Annotated

import typer

from mltrack.cli.invocation import open_session, say, tell
from mltrack.cli.options import Paths, command_app
from mltrack.pipeline import drawing
from mltrack.verbs import dag as verb


def dag(
    targets: Paths = None,
    revision: Annotated[
        str,
        typer.Option(
            "--rev", help="Draw the stages of this revision, not of the workspace."
        ),
    ] = "",
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
    with its path.
    """
    edges = verb.dag(open_session(), targets or [], revision=revision, files=outs)
    if not edges:
        tell("There are no stages. hint: mltrack stage add --help")
        return
    if dot:
        say(drawing.dot(edges))
    elif mermaid:
        say(drawing.mermaid(edges))
    else:
        say(drawing.ascii_boxes(edges))


app = command_app(dag, "mltrack dag", "mltrack dag evaluate --mermaid")
