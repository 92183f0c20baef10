"""``dag``: the graph that people look at: stages with the tracked data they start from,
or files.
"""

from mltrack.engine.pipelines import choose
from mltrack.pipeline.drawing import Edges, restrict
from mltrack.pipeline.graph import Graph
from mltrack.pipeline.paths import contains, overlaps
from mltrack.verbs.session import Session


def dag(
    session: Session, targets: list[str], *, revision: str = "", files: bool = False
) -> Edges:
    """Returns for each name what it depends on, in topological order, in the workspace
    or at a revision; with ``targets`` only what leads to them.
    """
    view = session.at(revision).view
    graph = view.graph
    chosen = choose(graph, targets, session.project.here)
    kept = graph.closure(chosen)
    if files:
        return _files(graph, kept)
    data = {
        address: tuple(
            path
            for path in view.pointers
            if any(overlaps(path, dep) for dep in graph.stages[address].deps)
        )
        for address in graph.stages
    }
    used = sorted({path for address in kept for path in data[address]})
    edges: Edges = dict.fromkeys(used, ())
    edges.update(
        {
            address: (*data[address], *graph.upstream[address])
            for address in graph.stages
            if address in kept
        }
    )
    return restrict(edges, [*used, *kept])


def _files(graph: Graph, kept: set[str]) -> Edges:
    edges: Edges = {}
    for address, stage in graph.stages.items():
        if address in kept:
            inputs = tuple(_above(path, edges) for path in dict.fromkeys(stage.deps))
            for path in inputs:
                edges.setdefault(path, ())
            for out in stage.outs:
                edges[out.path] = tuple(dict.fromkeys(inputs))
    return edges


def _above(path: str, edges: Edges) -> str:
    """The output that holds a path, where a dependency is a part of one; else the path
    itself.
    """
    return next((known for known in edges if contains(known, path)), path)
