"""Stages and the edges between them: who writes what, who needs whom.

An edge goes from the stage that writes a path to each stage that depends on that path,
on something below it, or on a directory above it.
"""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from mltrack.errors import PipelineError
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.stage import Stage


class Graph(NamedTuple):
    """Stages by address in topological order, and for each the addresses it directly
    depends on, sorted.

    ``aliases`` are dependencies that are reached through links: the path where they
    really are. ``owners`` are the addresses of the stages that write each output.
    """

    stages: dict[str, Stage]
    upstream: dict[str, tuple[str, ...]]
    aliases: Mapping[str, str]
    owners: PathMap[str]

    def beyond(self, addresses: Iterable[str]) -> set[str]:
        """Returns the given stages and all that depend on them, directly or not."""
        return _reachable(addresses, self.downstream())

    def downstream(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {address: [] for address in self.stages}
        for address, needed in self.upstream.items():
            for other in needed:
                found[other].append(address)
        return {address: tuple(sorted(others)) for address, others in found.items()}

    def closure(self, addresses: Iterable[str]) -> set[str]:
        """Returns the given stages and all that they depend on, directly or not."""
        return _reachable(addresses, self.upstream)

    def owner_of(self, path: str) -> Stage | None:
        """Returns the stage one of whose outputs is ``path`` or a directory above it."""
        holder = self.owners.holder(path)
        return self.stages[self.owners[holder]] if holder is not None else None


def build(stages: Iterable[Stage], aliases: Mapping[str, str] | None = None) -> Graph:
    """Returns the graph; raises PipelineError for a path with two owners, overlapping
    outputs, or a cycle.
    """
    by_address = {stage.address: stage for stage in stages}
    real = aliases or {}
    owners = _owners(by_address.values())
    upstream: dict[str, tuple[str, ...]] = {}
    for stage in by_address.values():
        needed = {
            owners[out]
            for path in stage.reads
            for out in owners.overlapping(real.get(path, path))
        }
        # here, since to graphlib it is a cycle like others: the hint is another
        if stage.address in needed:
            raise PipelineError(
                f"stage {stage.address!r} depends on its own output",
                hint=(
                    "remove the path from its deps; a path that the command updates "
                    "in place is an out with `persist: true`"
                ),
            )
        upstream[stage.address] = tuple(sorted(needed))
    return _ordered(by_address, upstream, real, owners)


def with_edges(graph: Graph, found: Mapping[str, Iterable[str]]) -> Graph:
    """Returns the graph with more edges: for each address others that it depends on;
    raises PipelineError for a cycle.
    """
    upstream = {
        address: tuple(sorted({*needed, *found.get(address, ())}))
        for address, needed in graph.upstream.items()
    }
    return _ordered(graph.stages, upstream, graph.aliases, graph.owners)


def _ordered(
    stages: Mapping[str, Stage],
    upstream: dict[str, tuple[str, ...]],
    aliases: Mapping[str, str],
    owners: PathMap[str],
) -> Graph:
    try:
        order = tuple(TopologicalSorter(upstream).static_order())
    except CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        raise PipelineError(
            f"the stages form a cycle: {cycle}",
            hint=(
                "each needs what the one before it writes: take one of these "
                "dependencies out"
            ),
        ) from None
    return Graph(
        {address: stages[address] for address in order}, upstream, aliases, owners
    )


def _reachable(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    pending = list(start)
    while pending:
        address = pending.pop()
        if address not in seen:
            seen.add(address)
            pending.extend(edges[address])
    return seen


def _owners(stages: Iterable[Stage]) -> PathMap[str]:
    owners: PathMap[str] = PathMap()
    for stage in stages:
        for out in stage.outs:
            if out.path in owners:
                raise PipelineError(
                    f"output {out.path!r} is declared twice: by stage "
                    f"{owners[out.path]!r} and by {stage.address!r}",
                    hint=(
                        "each path has one owner: let one stage write it and the "
                        "other depend on it"
                    ),
                )
            owners[out.path] = stage.address
    # in a round of its own: only now is known all that lies below a path
    for path in owners:
        for below in owners.below(path):
            raise PipelineError(
                f"outputs overlap: {path!r} of stage {owners[path]!r} contains "
                f"{below!r} of stage {owners[below]!r}",
                hint="declare the directory or the file in it, not both",
            )
    return owners
