// What charts are drawn on: elements of SVG, a frame with its axes, colours, a legend.
const COLORS = 10;
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 5", "4 2 1 2"];
let frames = 0;

function add(parent, tag, attributes = {}, text = "") {
  const space = "http://www.w3.org/2000/svg";
  const isDrawn = tag === "svg" || parent.namespaceURI === space;
  const made = isDrawn ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== "") made.textContent = text;
  parent.append(made);
  return made;
}

const colorOf = number => `var(--c${number % COLORS})`;
// In the middle: names often differ only at their ends.
function cut(text, length) {
  if (text.length <= length) return text;
  const half = (length - 1) / 2;
  return `${text.slice(0, Math.ceil(half))}…${text.slice(text.length - Math.floor(half))}`;
}

// Math.max itself takes no hundred thousand values.
const highest = (values, least = 0) => values.reduce((high, value) => Math.max(high, value), least);
const longest = ticks => highest(ticks.map(tick => tick.text.length));

function canvas(holder, chart, height) {
  const svg = add(holder, "svg", {
    role: "img", class: "drawing", height,
    "aria-label": `${chart.title}: ${chart.y.label} by ${chart.x.label}`,
  });
  return svg;
}

// Draws axes and lines of the grid; returns how positions become pixels and back, and
// the part inside, which cuts off what lies beyond it.
function frame(svg, axes, view, width, height) {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const yTicks = axes.y.ticks(view.y, Math.max(2, Math.round(height / 45)));
  const yLength = Math.min(longest(yTicks), 16);
  const left = 30 + yLength * LETTER, right = 14, top = 10;
  const inner = width - left - right;
  const xs = xTicks(axes.x, view.x, inner);
  const bottom = 38 + xs.drop, below = height - bottom;
  const x = at => left + (at - view.x[0]) / (view.x[1] - view.x[0]) * inner;
  const y = at => below - (at - view.y[0]) / (view.y[1] - view.y[0]) * (below - top);
  for (const tick of yTicks) {
    add(svg, "line", { class: "grid", x1: left, x2: left + inner, y1: y(tick.at), y2: y(tick.at) });
    label(svg, tick.text, 16, { class: "tick end", x: left - 6, y: y(tick.at) + 4 });
  }
  for (const tick of xs.ticks) {
    const at = { x: x(tick.at), y: below + 16 };
    if (xs.drop) at.transform = `rotate(-35 ${at.x} ${at.y})`;
    add(svg, "line", { class: "grid", x1: at.x, x2: at.x, y1: top, y2: below });
    label(svg, tick.text, 16, { class: xs.drop ? "tick end x" : "tick x", ...at });
  }
  const name = `inside-${++frames}`;
  const clip = add(add(svg, "defs"), "clipPath", { id: name });
  add(clip, "rect", { x: left, y: top, width: inner, height: below - top });
  add(svg, "rect", { class: "border", x: left, y: top, width: inner, height: below - top });
  label(svg, axes.x.label, Math.floor(inner / 7), { class: "name", x: left + inner / 2, y: height - 6 });
  const middle = (top + below) / 2;
  label(svg, axes.y.label, Math.floor((below - top) / 7),
    { class: "name", x: 12, y: middle, transform: `rotate(-90 12 ${middle})` });
  const inside = add(svg, "g", { "clip-path": `url(#${name})` });
  return {
    x, y, inside, left, top, right: left + inner, below,
    atX: pixel => view.x[0] + (pixel - left) / inner * (view.x[1] - view.x[0]),
    atY: pixel => view.y[0] + (below - pixel) / (below - top) * (view.y[1] - view.y[0]),
  };
}

// Texts that do not fit beside one another are turned.
function xTicks(axis, view, width) {
  if (axis.kind !== "text") {
    const letters = axis.kind === "date" ? 12 : 9;
    return { ticks: axis.ticks(view, Math.max(2, Math.floor(width / (letters * LETTER)))), drop: 0 };
  }
  const all = axis.ticks(view, Infinity), letters = Math.min(16, longest(all));
  if (all.length * (letters + 1) * LETTER <= width) return { ticks: all, drop: 0 };
  return { ticks: axis.ticks(view, Math.floor(width / 18)), drop: letters * LETTER * 0.6 };
}

function label(parent, text, length, attributes) {
  const made = add(parent, "text", attributes, cut(text, length));
  if (text.length > length) add(made, "title", {}, text);
  return made;
}

// How the lines of a chart look: revisions have the colours of the page's head, columns
// the kind of line; of one revision columns have colours.
function looks(chart, revisions) {
  const fields = [...new Set(chart.series.map(one => one.field))];
  const isOne = revisions.length === 1;
  return chart.series.map(one => {
    const field = fields.indexOf(one.field);
    const words = [...(isOne ? [] : [revisions[one.rev]]), ...(isOne || fields.length > 1 ? [one.field] : [])];
    return {
      color: colorOf(isOne ? field : one.rev), dash: isOne ? "" : DASHES[field % DASHES.length],
      name: words.join(" "),
    };
  });
}

function legend(holder, styles, toggled) {
  if (styles.length < 2) return;
  const list = add(holder, "div", { class: "legend" });
  styles.forEach((style, at) => {
    const button = add(list, "button", { type: "button", "aria-pressed": "true", title: "hide or show" });
    const line = add(add(button, "svg", { width: 26, height: 10 }), "line", { x1: 1, x2: 25, y1: 5, y2: 5 });
    line.style.cssText = `stroke:${style.color};stroke-width:3;stroke-dasharray:${style.dash || "none"}`;
    add(button, "span", {}, style.name);
    button.addEventListener("click", () => {
      const isShown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", isShown);
      toggled(at, isShown);
    });
  });
}
