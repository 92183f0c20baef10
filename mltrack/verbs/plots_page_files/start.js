// Draws what the page holds, and again when its width changes.
const { revisions, plots, runs } = JSON.parse(document.getElementById("data").textContent);

for (const holder of document.querySelectorAll(".chart:not(.runs)")) {
  const chart = plots[holder.dataset.plot];
  const redraw = templates[chart.template](holder, chart, revisions);
  let width = 0;
  const fit = () => {
    // without a width it is out of sight
    if (holder.clientWidth < 100 || holder.clientWidth === width) return;
    width = holder.clientWidth;
    redraw();
  };
  fit();
  new ResizeObserver(fit).observe(holder);
}
if (runs) experimentsShown(runs);
document.querySelectorAll(".images").forEach(comparable);

document.getElementById("differing")?.addEventListener("change", event => {
  document.getElementById("values").classList.toggle("only-differing", event.target.checked);
});
