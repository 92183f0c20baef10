"""Drawing a graph as text: boxes in rows, lines in the channels between them; also as
DOT and Mermaid.

Lines that belong together meet in a corner or a branch (├ ┬ ┼); where two others cross,
the upright one is drawn and the level one goes on behind it (─│─).
"""

from dataclasses import dataclass, field

from mltrack.pipeline.columns import cells
from mltrack.pipeline.columns import width as width_of
from mltrack.pipeline.layout import Cell, Edges, lay_out

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_UPRIGHT, _LEVEL = _UP | _DOWN, _LEFT | _RIGHT
_LINES = {
    0: " ", _UP: "│", _DOWN: "│", _UPRIGHT: "│", _LEFT: "─", _RIGHT: "─", _LEVEL: "─",
    _UP | _RIGHT: "└", _UP | _LEFT: "┘", _DOWN | _RIGHT: "┌", _DOWN | _LEFT: "┐",
    _UPRIGHT | _RIGHT: "├", _UPRIGHT | _LEFT: "┤", _LEVEL | _DOWN: "┬", _LEVEL | _UP: "┴",
    _UPRIGHT | _LEVEL: "┼",
}  # fmt: skip


@dataclass(slots=True, eq=False)
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
        return min(self.source, self.targets[0]), max(self.source, self.targets[-1])


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
    widths = {name: width_of(shown[name]) + 4 for name in edges}
    rows, drawn, references = lay_out(edges, widths, width)
    lines: list[str] = []
    for number, row in enumerate(rows):
        if number:
            lines += _channel(rows[number - 1], row, drawn)
        lines += _boxes(row, shown)
        lines += _references(row, references, width)
    return "\n".join(line.rstrip() for line in lines)


def _references(
    row: list[Cell], references: dict[str, list[str]], width: int
) -> list[str]:
    """What boxes of a row depend on and no line leads from, in words below them."""
    lines = []
    for cell in row:
        names = references.get(cell.members[0], ()) if cell.is_box else ()
        if names:
            text = f"  {cell.members[0]} also needs: {', '.join(sorted(names))}"
            lines.append(text if len(text) <= width else f"{text[: width - 1]}…")
    return lines


def _boxes(row: list[Cell], labels: dict[str, str]) -> list[str]:
    lines = [
        [" "] * (max(cell.left + cell.width for cell in row) + 1) for _ in range(3)
    ]
    for cell in row:
        if cell.is_box:
            inner = cell.width - 2
            label = labels[cell.members[0]]
            # as `center` does, by columns
            space = inner - width_of(label)
            left = space // 2 + (space & inner & 1)
            texts = (
                f"+{'-' * inner}+",
                f"|{' ' * left}{label}{' ' * (space - left)}|",
                f"+{'-' * inner}+",
            )
        else:
            texts = ("│", "│", "│")
        for line, text in zip(lines, texts, strict=True):
            standing = cells(text)
            line[cell.left : cell.left + len(standing)] = standing
    return ["".join(line) for line in lines]


def _channel(above: list[Cell], below: list[Cell], edges: Edges) -> list[str]:
    """The lines between two rows."""
    reached: dict[str, set[int]] = {}
    for cell in below:
        for name in edges[cell.members[0]] if cell.is_box else cell.members:
            reached.setdefault(name, set()).add(cell.centre)
    nets = []
    for source in above:
        targets = set().union(*(reached.get(name, set()) for name in source.members))
        if targets:
            nets.append(_Net(source.centre, sorted(targets)))
    height = _give_tracks(nets)
    width = max((net.span[1] for net in nets), default=0) + 1
    grid = _Grid(width, height)
    for net in nets:
        grid.draw(net)
    return grid.lines() or [""]


def _give_tracks(nets: list[_Net]) -> int:
    """Gives each bent net a track, apart from nets it would overlap unless they lead to
    the same places, and so that no two verticals run into each other; returns how many
    lines the channel has.

    A net that comes down where another goes down must bend first; where two nets ask
    that of each other, the lines touch, which a drawing of this size accepts.
    """
    by_source = {net.source: net for net in nets if not net.is_straight}
    blockers = {
        net.source: sum(
            1
            for column in net.targets
            if column in by_source and by_source[column] is not net
        )
        for net in by_source.values()
    }
    bent = sorted(by_source.values(), key=lambda net: (blockers[net.source], net.span))
    tracks: list[_Track] = []
    for net in bent:
        first = 1
        for column in net.targets:
            other = by_source.get(column)
            if other is not None and other is not net and other.track:
                first = max(first, other.track + 1)
        number = first
        while number <= len(tracks) and not tracks[number - 1].has_room(net):
            number += 1
        while number > len(tracks):
            tracks.append(_Track())
        tracks[number - 1].add(net)
        net.track = number
    return len(tracks) + 2 if bent else 1


class _Track:
    """The level lines of one height; those that lead to the same places may share it."""

    def __init__(self) -> None:
        self._end = -2
        self._spans: list[tuple[int, int, list[int]]] = []

    def has_room(self, net: _Net) -> bool:
        low, high = net.span
        # most nets come from left to right: then there is nothing to compare
        if low - 1 > self._end:
            return True
        return all(
            targets == net.targets or high < start - 1 or end < low - 1
            for start, end, targets in self._spans
        )

    def add(self, net: _Net) -> None:
        low, high = net.span
        self._end = max(self._end, high)
        self._spans.append((low, high, net.targets))


class _Grid:
    """The characters of one channel, and which lines each belongs to."""

    def __init__(self, width: int, height: int) -> None:
        self._signs = [[0] * width for _ in range(height)]
        self._owners: list[list[object]] = [[None] * width for _ in range(height)]

    def draw(self, net: _Net) -> None:
        # nets that lead to the same places are one line
        owner = tuple(net.targets)
        bottom = len(self._signs) - 1
        if net.is_straight:
            for y in range(bottom + 1):
                self._add(net.source, y, _UPRIGHT, owner)
            return
        for y in range(net.track):
            self._add(net.source, y, _UPRIGHT, owner)
        low, high = net.span
        down = set(net.targets)
        for x in range(low, high + 1):
            # all arms of a character at once: one that only passes is a crossing
            sign = (_LEFT if x > low else 0) | (_RIGHT if x < high else 0)
            sign |= (_UP if x == net.source else 0) | (_DOWN if x in down else 0)
            self._add(x, net.track, sign, owner)
        for x in net.targets:
            for y in range(net.track + 1, bottom + 1):
                self._add(x, y, _UPRIGHT, owner)

    def _add(self, x: int, y: int, sign: int, owner: object) -> None:
        there = self._signs[y][x]
        is_crossing = there and self._owners[y][x] != owner
        if is_crossing and {there, sign} == {_UPRIGHT, _LEVEL}:
            # the upright line stays in sight, whichever came first
            self._signs[y][x] = _UPRIGHT
            return
        self._signs[y][x] = there | sign
        self._owners[y][x] = owner

    def lines(self) -> list[str]:
        return ["".join(_LINES[sign] for sign in line) for line in self._signs]


def dot(edges: Edges, labels: dict[str, str] | None = None) -> str:
    """Returns the graph in Graphviz's language."""
    shown = labels or {}
    lines = []
    for name in edges:
        label = shown.get(name, name)
        more = f" [label={_quoted(label)}]" if label != name else ""
        lines.append(f"  {_quoted(name)}{more};")
    lines += [
        f"  {_quoted(above)} -> {_quoted(name)};"
        for name, needed in edges.items()
        for above in needed
    ]
    return "\n".join(["digraph {", *lines, "}"])


def mermaid(edges: Edges, labels: dict[str, str] | None = None) -> str:
    """Returns the graph as a Mermaid flowchart."""
    shown = labels or {}
    # numbers: a stage may be called `end`, or hold a sign that is Mermaid's own
    ids = {name: f"node{number}" for number, name in enumerate(edges, 1)}
    lines = [f"  {ids[name]}[{_quoted(shown.get(name, name))}]" for name in edges]
    lines += [
        f"  {ids[above]} --> {ids[name]}"
        for name, needed in edges.items()
        for above in needed
    ]
    return "\n".join(["flowchart TD", *lines])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
