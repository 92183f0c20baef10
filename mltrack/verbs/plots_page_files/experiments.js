// Many runs at once: a line for each through an axis for each value, and any two values
// against each other.
const KIND = values => values.every(value => value === null || typeof value === "number") ? "number" : "text";

function experimentsShown({ names, columns }) {
  const axes = columns.map(({ name, values }) => {
    const kind = KIND(values);
    const plain = kind === "number" ? values : values.map(value => value === null ? null : String(value));
    return { ...axisOf(kind, name, [plain], 0.04), values: plain };
  });
  parallel(document.querySelector("#experiments-parallel .chart"), names, axes);
  scattered(document.querySelector("#experiments-scatter .chart"), names, columns, axes);
}

// Draws again whenever the width is another.
function atEachWidth(holder, draw) {
  let width = 0;
  const fit = () => {
    if (holder.clientWidth < 100 || holder.clientWidth === width) return;
    width = holder.clientWidth;
    draw();
  };
  fit();
  new ResizeObserver(fit).observe(holder);
}

function parallel(holder, names, axes) {
  const height = 320, top = 26, below = height - 24;
  const svg = add(holder, "svg", { role: "img", class: "drawing", height, "aria-label": "parallel coordinates" });
  atEachWidth(holder, () => {
    const width = holder.clientWidth, left = 46, right = width - 46;
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const x = at => axes.length < 2 ? (left + right) / 2 : left + at / (axes.length - 1) * (right - left);
    const y = (axis, value) => below - (axis.place(value) - axis.full[0]) / (axis.full[1] - axis.full[0]) * (below - top);
    names.forEach((name, run) => {
      const points = axes.map((axis, at) => axis.values[run] === null ? null : `${x(at)},${y(axis, axis.values[run])}`);
      const line = add(svg, "polyline", { class: "run", fill: "none", points: points.filter(point => point).join(" ") });
      line.style.stroke = colorOf(run);
      add(line, "title", {}, [name, ...axes.map(axis => `${axis.label}: ${axis.values[run]}`)].join("\n"));
    });
    axes.forEach((axis, at) => {
      add(svg, "line", { class: "grid", x1: x(at), x2: x(at), y1: top, y2: below });
      label(svg, axis.label, Math.max(4, Math.floor((right - left) / axes.length / LETTER)), { class: "tick x", x: x(at), y: 14 });
      for (const tick of axis.ticks(axis.full, 5))
        label(svg, tick.text, 9, { class: "tick end", x: x(at) - 5, y: below - (tick.at - axis.full[0]) / (axis.full[1] - axis.full[0]) * (below - top) + 4 });
    });
  });
}

function scattered(holder, names, columns, axes) {
  const choices = add(holder, "p", { class: "choices" });
  const chosen = ["x", "y"].map((way, at) => {
    const select = add(add(choices, "label", {}, `${way} `), "select", { "aria-label": `${way} axis` });
    axes.forEach((axis, number) => add(select, "option", { value: number }, axis.label));
    const wanted = columns.findIndex(column => column.kind === (at ? "metrics" : "params"));
    select.value = Math.max(0, wanted);
    return select;
  });
  const svg = add(holder, "svg", { role: "img", class: "drawing", height: 320, "aria-label": "scatter of experiments" });
  const draw = () => {
    const [across, up] = chosen.map(select => axes[select.value]);
    const view = { x: across.full, y: up.full };
    const { x, y, inside } = frame(svg, { x: across, y: up }, view, holder.clientWidth, 320);
    names.forEach((name, run) => {
      if (across.values[run] === null || up.values[run] === null) return;
      const dot = add(inside, "circle", { class: "dot", cx: x(across.place(across.values[run])), cy: y(up.place(up.values[run])), r: 5 });
      dot.style.fill = colorOf(run);
      add(dot, "title", {}, `${name}\n${across.label}: ${across.values[run]}\n${up.label}: ${up.values[run]}`);
    });
  };
  chosen.forEach(select => select.addEventListener("change", draw));
  atEachWidth(holder, draw);
}
