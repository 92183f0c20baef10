// Lines and clouds of points, over numbers, dates or texts.
const FEW = 100; // of more, points hide the line
const templates = {};

for (const [name, way] of Object.entries({
  linear: { isLine: true }, simple: { isLine: true }, smooth: { isLine: true, isSmooth: true },
  scatter: {}, scatter_jitter: { isSpread: true },
}))
  templates[name] = (holder, chart, revisions) => plane(holder, chart, revisions, way);

function plane(holder, chart, revisions, way) {
  const axes = {
    x: axisOf(chart.x.kind, chart.x.label, chart.series.map(one => one.x), 0.02),
    y: axisOf(chart.y.kind, chart.y.label, chart.series.map(one => one.y), 0.05),
  };
  const full = { x: axes.x.full, y: axes.y.full };
  const styles = looks(chart, revisions), hidden = new Set();
  const series = chart.series.map(one => placed(one, axes, way.isSpread));
  legend(holder, styles, (at, isShown) => {
    if (isShown) hidden.delete(at);
    else hidden.add(at);
    state.draw();
  });
  const svg = canvas(holder, chart, 300);
  const state = { holder, svg, axes, full, view: full, series, styles, hidden, isLine: way.isLine };
  const isBelow = series.map((one, at) => series.slice(at + 1).some(other => isSame(one, other)));
  state.draw = () => {
    const width = holder.clientWidth, height = Math.min(340, Math.max(240, width * 0.62));
    svg.setAttribute("height", height);
    state.frame = frame(svg, axes, state.view, width, height);
    series.forEach((one, at) => {
      if (hidden.has(at)) return;
      const group = add(state.frame.inside, "g", { class: isBelow[at] ? "series below" : "series" });
      group.style.stroke = styles[at].color;
      if (way.isLine) lined(group, one, state, styles[at].dash, way.isSmooth);
      else dots(group, one, state.frame, 6);
    });
  };
  const gaps = gapText(series, styles, axes.y.label);
  if (gaps) add(holder, "p", { class: "same" }, gaps);
  if (isBelow.includes(true)) add(holder, "p", { class: "same" }, sameText(series, styles));
  zoomable(state);
  tipped(state);
  return state.draw;
}

// Positions of a series in the order of x; NaN where there is no value.
function placed(one, axes, isSpread) {
  const order = [];
  one.x.forEach((value, at) => {
    if (value !== null) order.push([axes.x.place(value) + (isSpread ? spread(at) : 0), axes.y.place(one.y[at])]);
  });
  order.sort((a, b) => a[0] - b[0]);
  return { xs: Float64Array.from(order, pair => pair[0]), ys: Float64Array.from(order, pair => pair[1]) };
}

// As good as chance, and the same each time.
const spread = at => (at * 0.61803398875 % 1 - 0.5) * 0.5;

function isSame(a, b) {
  return a.xs.length === b.xs.length
    && a.xs.every((x, i) => x === b.xs[i] && Object.is(a.ys[i], b.ys[i]));
}

// What is NaN or infinite has no place on the chart.
function gapText(series, styles, name) {
  const texts = series.flatMap(({ ys }, at) => {
    const gaps = ys.reduce((sum, y) => sum + (y === y ? 0 : 1), 0);
    return gaps ? [`${styles[at].name || name} ${gaps} of ${ys.length}`] : [];
  });
  return texts.length ? `Not finite numbers, left out: ${texts.join(", ")}` : "";
}

function sameText(series, styles) {
  const groups = [];
  series.forEach((one, at) => {
    const group = groups.find(([first]) => isSame(series[first], one));
    if (group) group.push(at);
    else groups.push([at]);
  });
  const texts = groups.filter(group => group.length > 1)
    .map(group => group.map(at => styles[at].name).join(" = "));
  return `Equal: ${texts.join("; ")}`;
}

function lined(group, one, state, dash, isSmooth) {
  const { frame } = state;
  const line = (values, name) => {
    const made = add(group, "path", { class: name, d: linePath(values, frame) });
    made.style.strokeDasharray = dash || "none";
  };
  if (isSmooth) line(smoothed(one), "line");
  line(one, isSmooth ? "line faint" : "line");
  if (one.xs.length < FEW) dots(group, one, frame, 5);
  else dots(group, alone(one), frame, 5);
}

// Points without neighbours, which a line does not show.
function alone({ xs, ys }) {
  const isGap = at => !(ys[at] === ys[at]);
  const found = { xs: [], ys: [] };
  for (let at = 0; at < xs.length; at++)
    if (!isGap(at) && isGap(at - 1) && isGap(at + 1)) {
      found.xs.push(xs[at]);
      found.ys.push(ys[at]);
    }
  return found;
}

// Of many points in one column of pixels the first, lowest, highest and last are drawn.
function linePath({ xs, ys }, frame) {
  const from = Math.max(0, firstAt(xs, frame.atX(frame.left)) - 1);
  const to = Math.min(xs.length, firstAt(xs, frame.atX(frame.right)) + 2);
  const isDense = to - from > 4 * (frame.right - frame.left);
  const parts = [];
  let isDown = false, column = null, kept = [];
  const put = at => {
    parts.push(`${isDown ? "L" : "M"}${frame.x(xs[at]).toFixed(1)} ${frame.y(ys[at]).toFixed(1)}`);
    isDown = true;
  };
  const flush = () => {
    [...new Set(kept)].sort((a, b) => a - b).forEach(put);
    kept = [];
  };
  for (let at = from; at < to; at++) {
    if (!(ys[at] === ys[at])) {
      flush();
      isDown = false;
    } else if (!isDense) put(at);
    else if (kept.length && Math.floor(frame.x(xs[at])) === column) {
      if (ys[at] < ys[kept[1]]) kept[1] = at;
      if (ys[at] > ys[kept[2]]) kept[2] = at;
      kept[3] = at;
    } else {
      flush();
      column = Math.floor(frame.x(xs[at]));
      kept = [at, at, at, at];
    }
  }
  flush();
  return parts.join("");
}

// One path of round dots: of those in one place, one.
function dots(group, { xs, ys }, frame, size) {
  const taken = new Set(), parts = [];
  for (let at = 0; at < xs.length; at++) {
    const x = Math.round(frame.x(xs[at])), y = Math.round(frame.y(ys[at]));
    const place = `${x} ${y}`;
    if (!(y === y) || x < -size || x > frame.right + size || taken.has(place)) continue;
    taken.add(place);
    parts.push(`M${place}h.01`);
  }
  add(group, "path", { class: "dots", d: parts.join(""), "data-dots": parts.length }).style.strokeWidth = size;
}
