// Enlarging a part of a chart: by dragging over it, by keys, by the wheel with Ctrl. A
// double click, 0 or Escape shows all again.
const LEAST = 8; // pixels; a shorter drag is a click

function zoomable(state) {
  const { svg, holder } = state;
  svg.setAttribute("tabindex", "0");
  const reset = add(holder, "button", { type: "button", class: "reset", hidden: "" }, "show all");
  const look = view => {
    state.view = view ?? state.full;
    reset.hidden = view === null;
    state.draw();
  };
  reset.addEventListener("click", () => look(null));
  svg.addEventListener("dblclick", () => look(null));
  svg.addEventListener("keydown", event => {
    const shift = { ArrowLeft: -0.2, ArrowRight: 0.2 }[event.key];
    const factor = { "+": 0.7, "=": 0.7, "-": 1 / 0.7 }[event.key];
    if (shift !== undefined) look({ ...state.view, x: moved(state.view.x, shift) });
    else if (factor !== undefined) look({ ...state.view, x: scaled(state.view.x, factor, 0.5) });
    else if (event.key === "0" || event.key === "Escape") look(null);
    else return;
    event.preventDefault();
  });
  svg.addEventListener("wheel", event => {
    if (!event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    const { frame, view } = state, at = point(svg, event);
    const share = (frame.atX(at.x) - view.x[0]) / (view.x[1] - view.x[0]);
    look({ ...view, x: scaled(view.x, event.deltaY < 0 ? 0.8 : 1.25, share) });
  }, { passive: false });
  brushed(state, look);
}

function brushed(state, look) {
  const { svg } = state;
  let from = null, box = null;
  svg.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    from = point(svg, event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", event => {
    if (from === null) return;
    const part = partOf(state.frame, from, point(svg, event));
    box ??= add(svg, "rect", { class: "brush" });
    for (const [name, value] of Object.entries(part)) box.setAttribute(name, value);
  });
  const end = event => {
    if (from === null) return;
    const part = partOf(state.frame, from, point(svg, event));
    const isWide = part.width >= LEAST, isHigh = part.height >= LEAST;
    from = null;
    box?.remove();
    box = null;
    if (event.type === "pointercancel" || !(isWide || isHigh)) return;
    const { frame } = state;
    look({
      x: isWide ? [frame.atX(part.x), frame.atX(part.x + part.width)] : state.view.x,
      y: isHigh ? [frame.atY(part.y + part.height), frame.atY(part.y)] : state.view.y,
    });
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
}

// The rectangle between two points; one that is nearly a line means one direction only.
function partOf(frame, a, b) {
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  const xs = [a.x, b.x].map(value => within(value, frame.left, frame.right)).sort((p, q) => p - q);
  const ys = [a.y, b.y].map(value => within(value, frame.top, frame.below)).sort((p, q) => p - q);
  const part = { x: xs[0], y: ys[0], width: xs[1] - xs[0], height: ys[1] - ys[0] };
  if (part.height < 2 * LEAST && part.width >= LEAST) return { ...part, y: frame.top, height: 0.1 + frame.below - frame.top };
  if (part.width < 2 * LEAST && part.height >= LEAST) return { ...part, x: frame.left, width: frame.right - frame.left };
  return part;
}

function point(svg, event) {
  const place = svg.getBoundingClientRect();
  return { x: event.clientX - place.left, y: event.clientY - place.top };
}

const moved = ([low, high], share) => [low + (high - low) * share, high + (high - low) * share];
const scaled = ([low, high], factor, at) => {
  const middle = low + (high - low) * at;
  return [middle - (middle - low) * factor, middle + (high - middle) * factor];
};
