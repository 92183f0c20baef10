"""``dag``: the graph that people look at: stages with the tracked data they start from,
or files.
"""

from mltrack.engine.pipelines import choose
from mltrack.pipeline.graph import Graph
from mltrack.pipeline.layout import Edges, restrict
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.stage import is_outside
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
    tracked = PathMap((path, None) for path in view.pointers)
    data = {
        address: tuple(
            dict.fromkeys(
                path
                for dep in graph.stages[address].deps
                for path in ((dep,) if is_outside(dep) else tracked.overlapping(dep))
            )
        )
        for address in kept
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
    known: PathMap[None] = PathMap()
    for address, stage in graph.stages.items():
        if address in kept:
            # where a dependency is a part of an output, it is that output
            inputs = dict.fromkeys(known.holder(path) or path for path in stage.deps)
            for path in inputs:
                edges.setdefault(path, ())
                known[path] = None
            for out in stage.outs:
                edges[out.path] = tuple(inputs)
                known[out.path] = None
    return edges
