"""Drawing a graph as text: boxes in rows, lines in the channels between them; also as
DOT and Mermaid.

Rows follow the longest path from a source, as in Sugiyama, Tagawa and Toda, "Methods
for Visual Understanding of Hierarchical System Structures" (1981): layers, then order
by barycentre, then routing. A row that is too wide is split in two. Past the rows in
between, all edges of one box share a line, and so do boxes that lead to the same ones,
so that width grows with the boxes and not with the edges.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

Edges = dict[str, tuple[str, ...]]
"""For each name the names that it depends on."""

_GAP = 2
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LINES = {
    0: " ", _UP: "│", _DOWN: "│", _UP | _DOWN: "│", _LEFT: "─", _RIGHT: "─", _LEFT | _RIGHT: "─",
    _UP | _RIGHT: "└", _UP | _LEFT: "┘", _DOWN | _RIGHT: "┌", _DOWN | _LEFT: "┐",
    _UP | _DOWN | _RIGHT: "├", _UP | _DOWN | _LEFT: "┤", _LEFT | _RIGHT | _DOWN: "┬", _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}  # fmt: skip


@dataclass(slots=True)
class _Cell:
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


@dataclass(slots=True)
class _Net:
    """One source's line through one channel: from a column above to columns below,
    along a track.
    """

    source: int
    targets: list[int] = field(default_factory=list)
    track: int = 0

    @property
    def is_straight(self) -> bool:
        return self.targets == [self.source]

    @property
    def span(self) -> tuple[int, int]:
        return min(self.source, *self.targets), max(self.source, *self.targets)


def ascii_boxes(
    edges: Edges, labels: dict[str, str] | None = None, width: int = 80
) -> str:
    """Returns the graph as boxes, sources on top; rows are at most ``width`` columns
    where a box alone is not wider.
    """
    if not edges:
        return ""
    shown = labels or {name: name for name in edges}
    # four: the border and a blank on both sides
    rows = _rows(edges, {name: len(shown[name]) + 4 for name in edges}, width)
    lines: list[str] = []
    for number, row in enumerate(rows):
        if number:
            lines += _channel(rows[number - 1], row, edges)
        lines += _boxes(row, shown)
    return "\n".join(line.rstrip() for line in lines)


def _rows(edges: Edges, widths: dict[str, int], width: int) -> list[list[_Cell]]:
    downstream: dict[str, list[str]] = {name: [] for name in edges}
    for name, above in edges.items():
        for other in above:
            downstream[other].append(name)
    rows: list[list[_Cell]] = []
    placed: list[str] = []
    before: dict[str, int] = {}
    for layer in _layers(edges, downstream, widths, width):
        row = [_Cell((name,), widths[name], is_box=True) for name in layer]
        row += [
            _Cell(members, 1, is_box=False)
            for members in _passing(placed, layer, downstream)
        ]
        for at, cell in enumerate(row):
            sources = edges[cell.members[0]] if cell.is_box else cell.members
            centres = [before[source] for source in sources if source in before]
            # with nothing above it a box keeps its place in the layer
            cell.order = sum(centres) / len(centres) if centres else at * 4.0
        row.sort(key=lambda cell: cell.order)
        _place(row, width)
        rows.append(row)
        placed += layer
        before = {name: cell.centre for cell in row for name in cell.members}
    return rows


def _layers(
    edges: Edges, downstream: dict[str, list[str]], widths: dict[str, int], width: int
) -> Iterable[list[str]]:
    """Layers by longest path, each cut where its boxes, and the lines that pass it,
    would not fit.
    """
    level: dict[str, int] = {}
    for name in edges:  # in topological order
        level[name] = max((level[above] + 1 for above in edges[name]), default=0)
    placed: list[str] = []
    for number in range(max(level.values()) + 1):
        pending = [name for name in edges if level[name] == number]
        while pending:
            layer = pending[:1]
            for name in pending[1:]:
                cells = [widths[item] for item in (*layer, name)]
                cells += [1] * len(_passing(placed, [*layer, name], downstream))
                if sum(cells) + _GAP * (len(cells) - 1) > width:
                    break
                layer.append(name)
            yield layer
            placed += layer
            pending = pending[len(layer) :]


def _passing(
    placed: list[str], layer: list[str], downstream: dict[str, list[str]]
) -> list[tuple[str, ...]]:
    """The lines that pass a layer: boxes above it that lead to exactly the same boxes
    below share one.
    """
    done = {*placed, *layer}
    groups: dict[frozenset[str], list[str]] = {}
    for name in placed:
        rest = frozenset(other for other in downstream[name] if other not in done)
        if rest:
            groups.setdefault(rest, []).append(name)
    return [tuple(members) for members in groups.values()]


def _place(row: list[_Cell], width: int) -> None:
    """Puts cells side by side, each as near below its sources as its neighbours allow,
    and the row within the width.
    """
    at = 0
    for cell in row:
        cell.left = max(at, round(cell.order) - cell.width // 2)
        at = cell.left + cell.width + _GAP
    limit = width
    for cell in reversed(row):
        cell.left = min(cell.left, limit - cell.width)
        limit = cell.left - _GAP
    # a row that does not fit goes over the right edge, not over the left one
    at = 0
    for cell in row:
        cell.left = max(cell.left, at)
        at = cell.left + cell.width + _GAP


def _boxes(row: list[_Cell], labels: dict[str, str]) -> list[str]:
    lines = [
        [" "] * (max(cell.left + cell.width for cell in row) + 1) for _ in range(3)
    ]
    for cell in row:
        if cell.is_box:
            inner = cell.width - 2
            texts = (
                f"+{'-' * inner}+",
                f"|{labels[cell.members[0]].center(inner)}|",
                f"+{'-' * inner}+",
            )
        else:
            texts = ("│", "│", "│")
        for line, text in zip(lines, texts, strict=True):
            line[cell.left : cell.left + len(text)] = text
    return ["".join(line) for line in lines]


def _channel(above: list[_Cell], below: list[_Cell], edges: Edges) -> list[str]:
    nets = [_Net(cell.centre) for cell in above]
    for net, source in zip(nets, above, strict=True):
        members = set(source.members)
        net.targets = [
            cell.centre
            for cell in below
            if members & set(edges[cell.members[0]] if cell.is_box else cell.members)
        ]
    used = [net for net in nets if net.targets]
    for net in used:
        net.targets = sorted(set(net.targets))
    height = _tracks(used)
    width = max((net.span[1] for net in used), default=0) + 1
    grid = [[0] * width for _ in range(height)]
    for net in used:
        _draw(net, grid)
    # boxes that are not joined still stand apart
    return ["".join(_LINES[sign] for sign in line) for line in grid] or [""]


def _tracks(nets: list[_Net]) -> int:
    """Gives each bent net a track, apart from nets it would overlap unless they lead to
    the same places, and so that no two verticals run into each other.

    A net that comes down where another goes down must bend first; where two nets ask
    that of each other, the lines touch, which a drawing of this size accepts.
    """
    bent = sorted(
        (net for net in nets if not net.is_straight),
        key=lambda net: (_blockers(net, nets), net.span),
    )
    taken: list[list[_Net]] = []
    for net in bent:
        floor = max(
            (
                other.track + 1
                for other in bent
                # tracks count from 1: 0 is a net that has none yet
                if other.track and _must_follow(net, other)
            ),
            default=1,
        )
        for track in range(floor, len(taken) + 2):
            if track > len(taken):
                taken.append([])
            if all(
                other.targets == net.targets or _are_apart(other, net)
                for other in taken[track - 1]
            ):
                taken[track - 1].append(net)
                net.track = track
                break
    # a line above the first track and one below the last, for what comes and goes
    return len(taken) + 2 if bent else 1


def _are_apart(a: _Net, b: _Net) -> bool:
    return a.span[1] < b.span[0] - 1 or b.span[1] < a.span[0] - 1


def _must_follow(net: _Net, other: _Net) -> bool:
    """Whether ``other`` comes from a column that ``net`` goes down in: then it must
    have left it above.
    """
    return other.source in net.targets and other is not net


def _blockers(net: _Net, nets: list[_Net]) -> int:
    return sum(1 for other in nets if _must_follow(net, other))


def _draw(net: _Net, grid: list[list[int]]) -> None:
    bottom = len(grid) - 1
    if net.is_straight:
        for line in grid:
            line[net.source] |= _UP | _DOWN
        return
    for y in range(net.track):
        grid[y][net.source] |= _UP | _DOWN
    grid[net.track][net.source] |= _UP
    low, high = net.span
    for x in range(low, high + 1):
        grid[net.track][x] |= (_LEFT if x > low else 0) | (_RIGHT if x < high else 0)
    for x in net.targets:
        grid[net.track][x] |= _DOWN
        for y in range(net.track + 1, bottom + 1):
            grid[y][x] |= _UP | _DOWN


def dot(edges: Edges) -> str:
    """Returns the graph in Graphviz's language."""
    lines = [f"  {_quoted(name)};" for name in edges]
    lines += [
        f"  {_quoted(above)} -> {_quoted(name)};"
        for name, needed in edges.items()
        for above in needed
    ]
    return "\n".join(["digraph {", *lines, "}"])


def mermaid(edges: Edges) -> str:
    """Returns the graph as a Mermaid flowchart."""
    # numbers: a stage may be called `end`, or hold a sign that is Mermaid's own
    ids = {name: f"node{number}" for number, name in enumerate(edges, 1)}
    lines = [f"  {ids[name]}[{_quoted(name)}]" for name in edges]
    lines += [
        f"  {ids[above]} --> {ids[name]}"
        for name, needed in edges.items()
        for above in needed
    ]
    return "\n".join(["flowchart TD", *lines])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def restrict(edges: Edges, names: Iterable[str]) -> Edges:
    """Returns the part of a graph that consists of these names."""
    kept = set(names)
    return {
        name: tuple(other for other in needed if other in kept)
        for name, needed in edges.items()
        if name in kept
    }
