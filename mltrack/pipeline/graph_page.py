"""A graph as one page of HTML that opens offline: boxes to zoom, search and click."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mltrack.pipeline.layout import Cell, Edges, lay_out

# pixels for a column of the layout, and for a row with the channel below it
_COLUMN, _ROW, _HEIGHT = 8, 84, 34
# wide enough for most pipelines in one row a layer, and for a screen at half size
_WIDTH = 200


class Box(NamedTuple):
    """What a page says of a box: its label, a word for its state, and facts, each a
    heading with lines.
    """

    label: str
    state: str = ""
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()


def page(title: str, edges: Edges, boxes: Mapping[str, Box]) -> str:
    """Returns the page; everything that it needs is in it."""
    drawing = _drawing(edges, boxes)
    facts = {
        name: {
            "label": box.label,
            "state": box.state,
            "facts": [[heading, list(lines)] for heading, lines in box.facts],
        }
        for name, box in boxes.items()
    }
    for name, sources in drawing.references.items():
        facts[name]["facts"] = [
            *facts[name]["facts"],
            ["also needs", sorted(sources)],
        ]
    # nothing in the data may end the script that it stands in
    data = json.dumps(facts).replace("<", "\\u003c")
    return (
        _PAGE.replace("@TITLE@", html.escape(title))
        .replace("@WIDTH@", str(drawing.width))
        .replace("@HEIGHT@", str(drawing.height + 40))
        .replace("@PARTS@", drawing.parts)
        .replace("@DATA@", data)
    )


def picture(edges: Edges, labels: Mapping[str, str]) -> str:
    """Returns the drawing alone, for a page that shows other things, too; it takes the
    colours of what it stands in.
    """
    drawing = _drawing(edges, {name: Box(labels[name]) for name in edges})
    width, height = drawing.width, drawing.height
    # edges without a line: they are said in words
    rest = "".join(
        f"<p>{html.escape(_also_needs(name, sources))}</p>"
        for name, sources in drawing.references.items()
    )
    return (
        f'<svg class="mltrack-dag" width="{width}" viewBox="0 0 {width} {height}" '
        f'style="max-width: 100%">{_STYLE}{drawing.parts}</svg>{rest}'
    )


class _Drawing(NamedTuple):
    """Lines and boxes as SVG, their size in pixels, and the edges that have no line."""

    parts: str
    width: int
    height: int
    references: Mapping[str, Sequence[str]]


def _drawing(edges: Edges, boxes: Mapping[str, Box]) -> _Drawing:
    widths = {name: len(boxes[name].label) + 4 for name in edges}
    rows, drawn, references = lay_out(edges, widths, _WIDTH)
    columns = max((cell.left + cell.width for row in rows for cell in row), default=1)
    parts = "\n".join([*_lines(rows, drawn), *_boxes(rows, boxes)])
    return _Drawing(parts, (columns + 4) * _COLUMN, len(rows) * _ROW, references)


def _also_needs(name: str, sources: Sequence[str]) -> str:
    return f"{name} also needs {', '.join(sorted(sources))}"


def _at(cell: Cell, row: int) -> tuple[int, int]:
    """The middle of a cell's upper edge, in pixels."""
    return (cell.left + 2) * _COLUMN + cell.width * _COLUMN // 2, row * _ROW + 20


def _lines(rows: Sequence[Sequence[Cell]], edges: Edges) -> list[str]:
    """The edges, each through the cells that keep its place in the rows between."""
    parts = []
    for number in range(1, len(rows)):
        above = {
            name: _at(cell, number - 1)
            for cell in rows[number - 1]
            for name in cell.members
        }
        begins = {cell.members[0] for cell in rows[number - 1] if cell.is_box}
        for cell in rows[number]:
            sources = edges[cell.members[0]] if cell.is_box else cell.members
            to_x, to_y = _at(cell, number)
            for name in sources:
                if name not in above:
                    continue
                x, y = above[name]
                y += _HEIGHT
                middle = (y + to_y) // 2
                # past a row the line goes on straight down to the next channel
                end = "" if cell.is_box else f" V{to_y + _HEIGHT}"
                curve = f"M{x} {y} C{x} {middle} {to_x} {middle} {to_x} {to_y}{end}"
                target = cell.members[0] if cell.is_box else ""
                source = name if name in begins else ""
                parts.append(
                    f'<path d="{curve}" data-from="{html.escape(source or name)}" '
                    f'data-to="{html.escape(target)}"/>'
                )
    return parts


def _boxes(rows: Sequence[Sequence[Cell]], boxes: Mapping[str, Box]) -> list[str]:
    parts = []
    for number, row in enumerate(rows):
        for cell in row:
            if not cell.is_box:
                continue
            name = cell.members[0]
            x, y = _at(cell, number)
            left = x - cell.width * _COLUMN // 2
            box = boxes[name]
            parts.append(
                f'<g class="box {html.escape(box.state)}" tabindex="0" '
                f'data-name="{html.escape(name)}">'
                f'<rect x="{left}" y="{y}" width="{cell.width * _COLUMN}" '
                f'height="{_HEIGHT}" rx="6"/>'
                f'<text x="{x}" y="{y + 22}">{html.escape(box.label)}</text></g>'
            )
    return parts


_STYLE = """<style>
.mltrack-dag path, .mltrack-dag rect { fill: none; stroke: #888; stroke-width: 1.5 }
.mltrack-dag text { fill: currentColor; text-anchor: middle; font: 13px monospace }
</style>"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@TITLE@</title>
<style>
:root { --text: #222; --back: #fff; --line: #999; --box: #f3f4f6; --mark: #2563eb }
@media (prefers-color-scheme: dark) {
  :root { --text: #e5e7eb; --back: #111827; --line: #6b7280; --box: #1f2937 }
}
body { font: 15px/1.4 system-ui, sans-serif; margin: 0; color: var(--text);
  background: var(--back); display: flex; height: 100vh }
main { flex: 1; display: flex; flex-direction: column; min-width: 0 }
header { padding: .6em 1em; display: flex; gap: 1em; align-items: center }
h1 { font-size: 1.1em; margin: 0; flex: 1 }
input { font: inherit; padding: .2em .5em; min-width: 0 }
#view { flex: 1; overflow: hidden; cursor: grab; touch-action: none }
svg { width: 100%; height: 100% }
path { fill: none; stroke: var(--line); stroke-width: 1.5 }
path.near { stroke: var(--mark); stroke-width: 3 }
rect { fill: var(--box); stroke: var(--line) }
text { fill: var(--text); text-anchor: middle; font: 13px ui-monospace, monospace }
g.box { cursor: pointer }
g.run rect, g.wait rect { stroke: #d97706; stroke-width: 2 }
g.broken rect { stroke: #dc2626; stroke-width: 2 }
g.restore rect { stroke: #0891b2; stroke-width: 2 }
g.near rect, g:focus rect { stroke: var(--mark); stroke-width: 3; outline: none }
g.other { opacity: .25 }
aside { width: 22em; max-width: 40vw; padding: 1em; overflow: auto; display: none;
  border-left: 1px solid var(--line) }
aside.open { display: block }
aside h2 { font-size: 1em; word-break: break-all } aside h3 { font-size: .9em }
aside pre { white-space: pre-wrap; word-break: break-word; margin: 0 }
@media (max-width: 640px) { body { flex-direction: column }
  aside { width: auto; max-width: none; max-height: 45vh } }
</style>
</head>
<body>
<main>
<header><h1>@TITLE@</h1><input id="find" type="search" placeholder="find a stage"></header>
<div id="view"><svg viewBox="0 0 @WIDTH@ @HEIGHT@"><g id="all">
@PARTS@
</g></svg></div>
</main>
<aside id="facts"></aside>
<script>
const data = @DATA@;
const svg = document.querySelector("svg"), all = document.getElementById("all");
const boxes = [...document.querySelectorAll("g.box")];
const lines = [...document.querySelectorAll("path")];
const side = document.getElementById("facts");
let x = 0, y = 0, scale = 1;
function draw() { all.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`) }
function zoom(factor, at) {
  const next = Math.min(8, Math.max(0.1, scale * factor));
  x = at.x - (at.x - x) * next / scale; y = at.y - (at.y - y) * next / scale;
  scale = next; draw();
}
function place(event) {
  const point = new DOMPoint(event.clientX, event.clientY);
  return point.matrixTransform(svg.getScreenCTM().inverse());
}
svg.addEventListener("wheel", event => {
  event.preventDefault(); zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, place(event));
}, { passive: false });
let from = null;
svg.addEventListener("pointerdown", event => { from = place(event) });
addEventListener("pointerup", () => { from = null });
svg.addEventListener("pointermove", event => {
  if (!from) return;
  const to = place(event); x += to.x - from.x; y += to.y - from.y; from = to; draw();
});
function add(parent, tag, text) {
  const made = document.createElement(tag);
  made.textContent = text; parent.append(made); return made;
}
function show(name) {
  side.replaceChildren(); side.classList.add("open");
  const box = data[name];
  add(side, "h2", box.label + (box.state ? ` (${box.state})` : ""));
  for (const [heading, rows] of box.facts) {
    add(side, "h3", heading); add(side, "pre", rows.join("\\n"));
  }
  for (const one of boxes) one.classList.toggle("near", one.dataset.name === name);
  for (const one of lines)
    one.classList.toggle("near", one.dataset.from === name || one.dataset.to === name);
}
for (const one of boxes) {
  one.addEventListener("click", () => show(one.dataset.name));
  one.addEventListener("keydown", event => {
    if (event.key === "Enter") show(one.dataset.name);
  });
}
document.getElementById("find").addEventListener("input", event => {
  const sought = event.target.value.toLowerCase();
  for (const one of boxes)
    one.classList.toggle("other", !one.dataset.name.toLowerCase().includes(sought));
});
</script>
</body>
</html>
"""
