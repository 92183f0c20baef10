// LOESS: at each place a line through the nearest points, near ones counting most.
const SHARE = 0.3, PLACES = 150;

function smoothed({ xs, ys }) {
  const points = [...xs].map((x, at) => [x, ys[at]]).filter(([, y]) => y === y);
  const few = Math.max(2, Math.ceil(points.length * SHARE));
  if (points.length <= few) return { xs, ys };
  const found = { xs: [], ys: [] }, step = Math.max(1, (points.length - 1) / PLACES);
  let from = 0;
  for (let place = 0; place < points.length; place += step) {
    const x = points[Math.round(place)][0];
    while (from + few < points.length && points[from + few][0] - x < x - points[from][0]) from++;
    found.xs.push(x);
    found.ys.push(fitted(points.slice(from, from + few), x));
  }
  return found;
}

function fitted(points, x) {
  const reach = Math.max(x - points[0][0], points.at(-1)[0] - x) * 1.001;
  let all = 0, sumX = 0, sumY = 0, sumXX = 0, sumXY = 0;
  for (const [px, py] of points) {
    const dx = px - x;
    const weight = reach ? (1 - Math.abs(dx / reach) ** 3) ** 3 : 1;
    all += weight;
    sumX += weight * dx;
    sumY += weight * py;
    sumXX += weight * dx * dx;
    sumXY += weight * dx * py;
  }
  const spreadX = all * sumXX - sumX * sumX;
  return Math.abs(spreadX) < 1e-12 * all * all ? sumY / all : (sumXX * sumY - sumX * sumXY) / spreadX;
}
