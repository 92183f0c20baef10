// What stands at the nearest point is shown beside it.
const NEAR = 30, MOST = 12; // pixels; lines of text

function tipped(state) {
  const { svg, holder } = state;
  const tip = add(holder, "div", { class: "tip", hidden: "" });
  let mark = null;
  const clear = () => {
    tip.hidden = true;
    mark?.remove();
    mark = null;
  };
  svg.addEventListener("pointerleave", clear);
  svg.addEventListener("pointermove", event => {
    clear();
    const at = point(svg, event), found = nearest(state, at);
    if (event.buttons || found === null) return;
    const { axes, frame } = state, { x, y } = found;
    mark = add(frame.inside, "circle", { class: "mark", cx: frame.x(x), cy: frame.y(y), r: 5 });
    tip.replaceChildren();
    add(tip, "b", {}, `${axes.x.label}: ${axes.x.text(x)}`);
    for (const [style, value] of state.isLine ? together(state, x) : [[found.style, y]]) {
      const line = add(tip, "div");
      add(line, "span", { class: "swatch" }).style.background = style.color;
      add(line, "span", {}, `${style.name || axes.y.label}: ${axes.y.text(value)}`);
    }
    tip.hidden = false;
    const room = holder.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(room, at.x + 14))}px`;
    tip.style.top = `${svg.offsetTop + Math.max(0, at.y - tip.offsetHeight - 10)}px`;
  });
}

function* shown(state) {
  for (let at = 0; at < state.series.length; at++)
    if (!state.hidden.has(at)) yield [state.series[at], state.styles[at]];
}

function nearest(state, at) {
  const { frame } = state;
  let best = null, least = NEAR * NEAR;
  for (const [{ xs, ys }, style] of shown(state)) {
    const end = firstAt(xs, frame.atX(at.x + NEAR));
    for (let i = firstAt(xs, frame.atX(at.x - NEAR)); i < end; i++) {
      const distance = (frame.x(xs[i]) - at.x) ** 2 + (frame.y(ys[i]) - at.y) ** 2;
      if (distance < least) {
        least = distance;
        best = { x: xs[i], y: ys[i], style };
      }
    }
  }
  return best;
}

// The values of all lines at one place.
function together(state, x) {
  const found = [];
  for (const [{ xs, ys }, style] of shown(state)) {
    const i = firstAt(xs, x);
    if (xs[i] === x && ys[i] === ys[i]) found.push([style, ys[i]]);
  }
  return found.slice(0, MOST);
}

// The first of sorted numbers that is not below a value.
function firstAt(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
