// Bars from left to right: a group for each text, a bar for each revision and column.
const BAR = 15, BETWEEN = 9; // pixels

templates.bar_horizontal = (...given) => bars(...given, false);
templates.bar_horizontal_sorted = (...given) => bars(...given, true);

function bars(holder, chart, revisions, isSorted) {
  const styles = looks(chart, revisions), hidden = new Set();
  const groups = grouped(chart);
  if (isSorted) groups.sort((a, b) => best(b) - best(a));
  const values = [0, ...groups.flatMap(group => group.bars.map(bar => bar.value))];
  const ends = values.every(value => value === 0) ? [0, 1] : values;
  const axis = axisOf("number", chart.x.label, [ends], 0.02);
  if (chart.x.kind !== "number") add(holder, "p", { class: "same" }, `${chart.x.label} holds no numbers`);
  let svg = null;
  const draw = () => {
    const drawn = groups.map(group => ({ ...group, bars: group.bars.filter(bar => !hidden.has(bar.series)) }));
    const height = drawn.reduce((sum, group) => sum + group.bars.length * BAR + BETWEEN, 52);
    const room = highest(drawn.flatMap(group => group.bars).map(bar => shortNumber(bar.value).length));
    svg.replaceChildren();
    svg.setAttribute("height", height);
    barsAt(svg, chart, { axis, groups: drawn, styles }, { width: holder.clientWidth, height, room });
  };
  legend(holder, styles, (at, isShown) => {
    if (isShown) hidden.delete(at);
    else hidden.add(at);
    draw();
  });
  svg = canvas(holder, chart, 100);
  return draw;
}

const best = group => highest(group.bars.map(bar => bar.value), -Infinity);

function grouped(chart) {
  const found = new Map();
  chart.series.forEach((one, series) => one.y.forEach((name, at) => {
    const value = one.x[at];
    if (name === null || typeof value !== "number") return;
    if (!found.has(name)) found.set(name, { name, bars: [] });
    found.get(name).bars.push({ series, value });
  }));
  return [...found.values()];
}

function barsAt(svg, chart, { axis, groups, styles }, { width, height, room }) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const letters = Math.min(22, Math.floor(width * 0.35 / LETTER), highest(groups.map(group => group.name.length)));
  const left = 34 + letters * LETTER, right = width - 10 - room * LETTER, below = height - 42;
  const x = at => left + (at - axis.full[0]) / (axis.full[1] - axis.full[0]) * (right - left);
  for (const tick of axis.ticks(axis.full, Math.max(2, Math.floor((right - left) / 45)))) {
    add(svg, "line", { class: "grid", x1: x(tick.at), x2: x(tick.at), y1: 4, y2: below });
    add(svg, "text", { class: "tick", x: x(tick.at), y: below + 16 }, tick.text);
  }
  let y = 6;
  for (const { name, bars } of groups) {
    label(svg, name, letters, { class: "tick end", x: left - 6, y: y + bars.length * BAR / 2 + 4 });
    for (const { series, value } of bars) {
      const from = Math.min(x(0), x(value));
      const rect = add(svg, "rect", { class: "bar", x: from, y: y + 1, width: Math.abs(x(value) - x(0)), height: BAR - 2 });
      rect.style.fill = styles[series].color;
      add(rect, "title", {}, `${name} ${styles[series].name}: ${value}`);
      add(svg, "text", { class: "tick start", x: Math.max(x(0), x(value)) + 4, y: y + BAR - 4 }, shortNumber(value));
      y += BAR;
    }
    y += BETWEEN;
  }
  add(svg, "line", { class: "zero", x1: x(0), x2: x(0), y1: 4, y2: below });
  label(svg, chart.x.label, 40, { class: "name", x: (left + right) / 2, y: height - 8 });
  label(svg, chart.y.label, 30, { class: "name", x: 12, y: below / 2, transform: `rotate(-90 12 ${below / 2})` });
}
