// Axes. Whatever the values are, positions along an axis are numbers: dates are
// milliseconds, texts their place in the list of all texts.
const LETTER = 6.6; // pixels, of the labels' font
const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const STEPS = [
  1, 10, 100, SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE,
  15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
  14 * DAY,
];
const MONTHS = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12000];

function axisOf(kind, label, columns, margin) {
  if (kind === "text") return textAxis(label, columns);
  let low = Infinity, high = -Infinity, isWhole = kind === "number";
  for (const values of columns)
    for (const value of values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
      isWhole &&= Number.isInteger(value);
    }
  if (low > high) [low, high] = [0, 1];
  // equal values are drawn in the middle of an axis that has a length
  const room = (high - low) * margin || (kind === "date" ? DAY : Math.max(isWhole ? 1 : 0, Math.abs(high) / 10) || 1);
  // there is no epoch 1.5
  const ticks = kind === "date" ? dateTicks : (view, count) => numberTicks(view, count, isWhole ? 1 : 0);
  return {
    kind, label, full: [low - room, high + room], ticks,
    place: value => value === null ? NaN : value,
    text: value => kind === "date" ? dateText(value) : shortNumber(value),
  };
}

function textAxis(label, columns) {
  const places = new Map();
  for (const values of columns)
    for (const value of values)
      if (value !== null && !places.has(value)) places.set(value, places.size);
  const names = [...places.keys()];
  return {
    kind: "text", label, names, full: [-0.5, Math.max(1, names.length) - 0.5],
    place: value => value === null ? NaN : places.get(value),
    text: at => names[Math.round(at)] ?? "",
    ticks([low, high], count) {
      const from = Math.max(0, Math.ceil(low)), to = Math.min(names.length - 1, Math.floor(high));
      const step = Math.max(1, Math.ceil((to - from + 1) / Math.max(1, count)));
      const found = [];
      for (let at = from; at <= to; at += step) found.push({ at, text: names[at] });
      return found;
    },
  };
}

function numberTicks([low, high], count, least) {
  const rough = Math.max((high - low) / Math.max(1, count), least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find(factor => factor * power >= rough) ?? 10);
  const size = Math.max(Math.abs(low), Math.abs(high));
  // closer together than numbers can be told apart
  if (!(step > size * 1e-14)) return [{ at: (low + high) / 2, text: String((low + high) / 2) }];
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const few = Math.max(0, Math.floor(Math.log10(size)) - Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let n = Math.ceil(low / step); n <= Math.floor(high / step); n++) {
    const at = n * step;
    const text = n === 0 ? "0" : size >= 1e7 || digits > 6
      ? at.toExponential(few).replace("e+", "e") : at.toFixed(digits);
    found.push({ at, text });
  }
  return found;
}

function dateTicks([low, high], count) {
  const rough = (high - low) / Math.max(1, count);
  const step = STEPS.find(one => one >= rough);
  const found = [];
  if (step !== undefined) {
    for (let at = Math.ceil(low / step) * step; at <= high; at += step)
      found.push({ at, text: tickText(at, step, found.length === 0) });
    return found;
  }
  const months = MONTHS.find(one => one * 30.4 * DAY >= rough) ?? MONTHS.at(-1);
  const first = new Date(low);
  const begin = Math.floor((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months;
  for (let month = begin; ; month += months) {
    const date = new Date(0);
    date.setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    const at = date.getTime();
    if (at > high) return found;
    const text = date.toISOString().replace(/-\d\dT.*/, "");
    if (at >= low) found.push({ at, text: months < 12 ? text : text.slice(0, -3) });
  }
}

function tickText(at, step, isFirst) {
  const whole = new Date(at).toISOString(), day = whole.slice(0, 10);
  if (step >= DAY) return day;
  const time = whole.slice(11, step >= MINUTE ? 16 : step >= SECOND ? 19 : 23);
  // the day stands where one begins, and at the first mark
  return at % DAY === 0 ? day : isFirst ? `${day.slice(5)} ${time}` : time;
}

function dateText(at) {
  const text = new Date(at).toISOString().replace("T", " ").replace(/(:00)?\.000Z$/, "");
  return text.replace(/ 00:00$/, "").replace(/Z$/, "");
}

function shortNumber(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}
