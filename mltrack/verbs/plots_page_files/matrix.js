// Confusion matrices: how often each pair of texts occurs, one matrix for a revision.
const CELL = 26; // pixels; smaller ones hold no number

templates.confusion = (...given) => matrices(...given, false);
templates.confusion_normalized = (...given) => matrices(...given, true);

function matrices(holder, chart, revisions, isShare) {
  const texts = ["x", "y"].flatMap(side => chart.series.flatMap(one => one[side]));
  const names = sortedTexts(new Set(texts.filter(text => text !== null)));
  const row = add(holder, "div", { class: "matrices" });
  const boxes = revisions.flatMap((name, rev) => {
    const series = chart.series.filter(one => one.rev === rev);
    if (!series.length) return [];
    const box = add(row, "figure", { class: "matrix" });
    const counts = counted(series, names);
    box.style.flexBasis = `${sizes(names, counts, isShare).least * names.length + 150}px`;
    if (revisions.length > 1) add(box, "figcaption", {}, name);
    const scroll = add(box, "div", { class: "scroll" });
    return [{ scroll, counts }];
  });
  return () => {
    for (const { scroll, counts } of boxes) {
      scroll.replaceChildren();
      matrix(scroll, chart, { names, counts, isShare });
    }
  };
}

function sortedTexts(texts) {
  const all = [...texts], isNumbers = all.every(text => text.trim() !== "" && !Number.isNaN(Number(text)));
  // class-10 comes after class-9
  const order = new Intl.Collator("en", { numeric: true });
  return all.sort(isNumbers ? (a, b) => a - b : order.compare);
}

function counted(series, names) {
  const places = new Map(names.map((name, at) => [name, at]));
  const counts = names.map(() => names.map(() => 0));
  for (const { x, y } of series)
    x.forEach((value, at) => {
      if (value !== null && y[at] !== null) counts[places.get(y[at])][places.get(value)]++;
    });
  return counts;
}

// The letters beside a matrix, and the least width of a cell: of very many, cells shrink
// and hold no numbers.
function sizes(names, counts, isShare) {
  const letters = Math.min(14, highest(names.map(name => name.length)));
  const digits = isShare ? 4 : String(highest(counts.flat())).length;
  return { letters, least: names.length > 40 ? 4 : Math.max(CELL, digits * LETTER + 6) };
}

function matrix(holder, chart, { names, counts, isShare }) {
  const shares = counts.map(row => {
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map(count => isShare ? (sum ? count / sum : 0) : count);
  });
  const most = highest(shares.flat()) || 1;
  const { letters, least } = sizes(names, counts, isShare);
  const left = 34 + letters * LETTER;
  const cell = Math.min(64, Math.max(least, (holder.clientWidth - left - 8) / names.length));
  const isTurned = letters * LETTER > cell, side = cell * names.length;
  const below = 42 + (isTurned ? letters * LETTER * 0.8 : 0);
  const width = left + side + 8, height = side + below + 4;
  const svg = canvas(holder, chart, height);
  svg.setAttribute("width", width);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  add(svg, "rect", { class: "border", x: left, y: 4, width: side, height: side });
  shares.forEach((row, y) => row.forEach((share, x) => {
    // of very many cells those that are empty stay out of the page
    if (share === 0 && cell < CELL) return;
    const at = { x: left + x * cell, y: 4 + y * cell };
    const rect = add(svg, "rect", { class: "cell", ...at, width: cell, height: cell });
    // not in proportion: the few mistakes are what is looked for
    rect.style.fillOpacity = (share / most) ** 0.7;
    const text = isShare ? share.toFixed(2) : String(share);
    add(rect, "title", {}, `${chart.y.label} ${names[y]}, ${chart.x.label} ${names[x]}: ${counts[y][x]}`);
    if (cell < CELL) return;
    const kind = share === 0 ? "count none" : share > most * 0.43 ? "count on" : "count";
    add(svg, "text", { class: kind, x: at.x + cell / 2, y: at.y + cell / 2 + 4 }, text);
  }));
  const every = Math.ceil(12 / cell);
  names.forEach((name, at) => {
    if (at % every) return;
    const middle = (at + 0.5) * cell, foot = { x: left + middle, y: side + 20 };
    label(svg, name, 14, { class: "tick end", x: left - 6, y: middle + 8 });
    const turn = isTurned ? { transform: `rotate(-50 ${foot.x} ${foot.y})`, class: "tick end" } : { class: "tick" };
    label(svg, name, 14, { ...foot, ...turn });
  });
  add(svg, "text", { class: "name", x: left + side / 2, y: height - 6 }, chart.x.label);
  add(svg, "text", { class: "name", x: 12, y: side / 2, transform: `rotate(-90 12 ${side / 2})` }, chart.y.label);
}
