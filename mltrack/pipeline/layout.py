"""Where the boxes of a graph stand: in rows, sources on top, with the lines that pass a
row on their way.

Rows follow the longest path from a source, as in Sugiyama, Tagawa and Toda, "Methods
for Visual Understanding of Hierarchical System Structures" (1981): layers, then order
by barycentre. Of a layer that is too wide a part is placed, and what follows from that
part before the rest, so that few lines are under way at once. Past the rows in between,
all edges of one box share a line, and so do boxes that lead to the same ones. Where
more lines would pass than a row has room for, the longest of them become references by
name. So rows keep to their width, and the work grows with the boxes and the edges.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

Edges = dict[str, tuple[str, ...]]
"""For each name the names that it depends on, in topological order."""

GAP = 2
"""Columns between two cells of a row."""


@dataclass(slots=True)
class Cell:
    """A box, or a line that passes a row: ``members`` are then all the boxes above that
    it comes from.
    """

    members: tuple[str, ...]
    width: int
    is_box: bool
    left: int = 0
    order: float = 0.0

    @property
    def centre(self) -> int:
        return self.left + self.width // 2


class Layout(NamedTuple):
    """The rows of a graph, the edges that are drawn as lines, and for each box the names
    that it depends on without a line.
    """

    rows: list[list[Cell]]
    edges: Edges
    references: dict[str, list[str]]


def lay_out(edges: Edges, widths: dict[str, int], width: int) -> Layout:
    """Returns the layout of a graph, its rows at most ``width`` columns wide where one
    box and the lines beside it are not wider.
    """
    most_lines = max(1, width // 2 // (1 + GAP))
    lines = _OpenLines(edges)
    rows: list[list[Cell]] = []
    before: dict[str, int] = {}
    for layer in _layers(edges, widths, lines, width):
        row = [Cell((name,), widths[name], is_box=True) for name in layer]
        row += [Cell(members, 1, is_box=False) for members in lines.passing()]
        for at, cell in enumerate(row):
            is_box = cell.is_box
            sources = lines.edges[cell.members[0]] if is_box else cell.members
            centres = [before[source] for source in sources if source in before]
            # what comes from nowhere keeps its place in the layer
            cell.order = sum(centres) / len(centres) if centres else at * 4.0
        row.sort(key=lambda cell: cell.order)
        _place(row, width)
        rows.append(row)
        lines.begin(layer)
        lines.refer(most_lines)
        before = {name: cell.centre for cell in row for name in cell.members}
    return Layout(
        rows,
        {one: tuple(above) for one, above in lines.edges.items()},
        lines.references,
    )


class _OpenLines:
    """The lines that come from the boxes placed so far, by where they still lead: as
    the bits of a number, one for each box.
    """

    def __init__(self, edges: Edges) -> None:
        self.edges = {name: dict.fromkeys(above) for name, above in edges.items()}
        self.references: dict[str, list[str]] = {}
        self._names = list(edges)
        self._bit = {name: 1 << at for at, name in enumerate(edges)}
        self._rest = dict.fromkeys(edges, 0)
        for name, needed in edges.items():
            for other in needed:
                self._rest[other] |= self._bit[name]
        self._groups: dict[int, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def passing(self) -> list[tuple[str, ...]]:
        """Returns, for each line, the boxes that it comes from."""
        return [tuple(members) for members in self._groups.values()]

    def end_at(self, name: str) -> None:
        """Lets all lines that lead to a box end there."""
        for other in self.edges[name]:
            self._move(other, self._rest[other] & ~self._bit[name])

    def lead_to(self, name: str) -> None:
        """Takes back :meth:`end_at`."""
        for other in self.edges[name]:
            self._move(other, self._rest[other] | self._bit[name])

    def begin(self, names: Iterable[str]) -> None:
        """Starts the lines that come from boxes."""
        for name in names:
            if self._rest[name]:
                self._groups.setdefault(self._rest[name], {})[name] = None

    def refer(self, most: int) -> None:
        """Turns the lines that lead farthest into references, until there are no more
        than ``most``.
        """
        while len(self._groups) > most:
            rest = max(self._groups, key=int.bit_length)
            sources = list(self._groups.pop(rest))
            for target in self._targets(rest):
                self.references.setdefault(target, []).extend(sources)
                for source in sources:
                    self.edges[target].pop(source, None)
            for source in sources:
                self._rest[source] = 0

    def _targets(self, rest: int) -> Iterator[str]:
        while rest:
            lowest = rest & -rest
            yield self._names[lowest.bit_length() - 1]
            rest ^= lowest

    def _move(self, name: str, rest: int) -> None:
        former = self._groups.get(self._rest[name], {})
        is_placed = name in former
        if is_placed:
            del former[name]
            if not former:
                del self._groups[self._rest[name]]
        self._rest[name] = rest
        if is_placed and rest:
            self._groups.setdefault(rest, {})[name] = None


def _layers(
    edges: Edges, widths: dict[str, int], lines: _OpenLines, width: int
) -> Iterator[list[str]]:
    """Boxes that depend on those before them only, as many as fit side by side with the
    lines that pass; the lines that end in a layer have ended when it is returned.
    """
    below: dict[str, list[str]] = {name: [] for name in edges}
    for name, needed in edges.items():
        for other in needed:
            below[other].append(name)
    waits = {name: len(needed) for name, needed in edges.items()}
    stack = [[name for name, count in waits.items() if not count]]
    while stack:
        layer, rest = _fitting(stack.pop(), widths, lines, width)
        if rest:
            stack.append(rest)
        yield layer
        free = []
        for name in layer:
            for other in below[name]:
                waits[other] -= 1
                if not waits[other]:
                    free.append(other)
        if free:
            # what follows comes before the rest of a layer that was too wide
            stack.append(free)


def _fitting(
    pending: list[str], widths: dict[str, int], lines: _OpenLines, width: int
) -> tuple[list[str], list[str]]:
    """The first boxes that fit in a row, at least one, and the others."""
    taken = 0
    for at, name in enumerate(pending):
        lines.end_at(name)
        needed = taken + widths[name] + GAP
        if at and needed + len(lines) * (1 + GAP) - GAP > width:
            lines.lead_to(name)
            return pending[:at], pending[at:]
        taken = needed
    return pending, []


def _place(row: list[Cell], width: int) -> None:
    """Puts cells side by side, each as near below its sources as its neighbours allow,
    and the row within the width.
    """
    at = 0
    for cell in row:
        cell.left = max(at, round(cell.order) - cell.width // 2)
        at = cell.left + cell.width + GAP
    limit = width
    for cell in reversed(row):
        cell.left = min(cell.left, limit - cell.width)
        limit = cell.left - GAP
    at = 0
    for cell in row:
        cell.left = max(cell.left, at)
        at = cell.left + cell.width + GAP


def restrict(edges: Edges, names: Iterable[str]) -> Edges:
    """Returns the part of a graph that consists of these names."""
    kept = set(names)
    return {
        name: tuple(other for other in needed if other in kept)
        for name, needed in edges.items()
        if name in kept
    }


def folded(edges: Edges) -> tuple[Edges, dict[str, str]]:
    """Returns the graph with each group of stages as one box, and the labels of its
    boxes: ``train [6]``. A group stays as it is where it would depend on itself by way
    of another.
    """
    groups: dict[str, list[str]] = {}
    for name in edges:
        group, mark, _ = name.partition("@")
        if mark:
            groups.setdefault(group, []).append(name)
    # a group may have the name of a file that it starts from
    wanted = {
        group: members
        for group, members in groups.items()
        if len(members) > 1 and group not in edges
    }
    while True:
        owner = {name: group for group, names in wanted.items() for name in names}
        found = _merged(edges, owner)
        knot = _knot(found, wanted.keys())
        if knot is None:
            break
        del wanted[knot]
    labels = {
        name: f"{name} [{len(wanted[name])}]" if name in wanted else name
        for name in found
    }
    return _in_order(found), labels


def _merged(edges: Edges, owner: dict[str, str]) -> Edges:
    found: dict[str, dict[str, None]] = {}
    for name, needed in edges.items():
        own = owner.get(name, name)
        into = found.setdefault(own, {})
        into.update({owner.get(other, other): None for other in needed})
        into.pop(own, None)
    return {name: tuple(needed) for name, needed in found.items()}


def _knot(edges: Edges, groups: Iterable[str]) -> str | None:
    """A group that is part of a cycle; None if there is no cycle."""
    order = _in_order(edges)
    left = edges.keys() - order.keys()
    return next((group for group in groups if group in left), None) if left else None


def _in_order(edges: Edges) -> Edges:
    """The graph in topological order, without what is part of a cycle or below one."""
    waits = {name: len(needed) for name, needed in edges.items()}
    below: dict[str, list[str]] = {name: [] for name in edges}
    for name, needed in edges.items():
        for other in needed:
            below[other].append(name)
    ready = [name for name, count in waits.items() if not count]
    found: Edges = {}
    for name in ready:
        found[name] = edges[name]
        for other in below[name]:
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return found
