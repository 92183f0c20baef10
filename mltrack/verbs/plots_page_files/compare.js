// Two pictures over one another, with a line between them that is moved.
function comparable(holder) {
  const figures = [...holder.querySelectorAll("figure")];
  if (figures.length < 2) return;
  const picked = [0, figures.length - 1];
  const names = figures.map(figure => figure.dataset.name);
  const bar = add(holder.parentNode, "div", { class: "choices" });
  holder.before(bar);
  const view = add(holder.parentNode, "div", { class: "compare" });
  const stack = add(view, "div", { class: "stack" });
  const pictures = ["under", "over"].map(name => add(stack, "img", { class: name, alt: "" }));
  const edge = add(stack, "div", { class: "edge" });
  const range = add(view, "input", { type: "range", min: 0, max: 100, value: 50, step: 1 });
  const captions = add(view, "div", { class: "captions" });
  const show = () => {
    pictures.forEach((picture, side) => {
      picture.src = figures[picked[side]].querySelector("img").src;
      picture.alt = names[picked[side]];
    });
    captions.replaceChildren();
    picked.forEach(at => add(captions, "span", {}, names[at]));
    range.setAttribute("aria-label", `left ${names[picked[0]]}, right ${names[picked[1]]}`);
  };
  const slide = () => {
    stack.style.setProperty("--share", `${range.value}%`);
    edge.hidden = false;
  };
  range.addEventListener("input", slide);
  const drag = event => {
    if (event.type === "pointermove" && !event.buttons) return;
    event.preventDefault();
    const place = stack.getBoundingClientRect();
    range.value = (event.clientX - place.left) / place.width * 100;
    slide();
  };
  stack.addEventListener("pointerdown", drag);
  stack.addEventListener("pointermove", drag);
  const way = add(bar, "button", { type: "button", class: "way", "aria-pressed": "true" }, "slider");
  way.addEventListener("click", () => {
    const isSlider = way.getAttribute("aria-pressed") !== "true";
    way.setAttribute("aria-pressed", isSlider);
    view.hidden = !isSlider;
    holder.hidden = isSlider;
  });
  const swap = add(bar, "button", { type: "button", class: "swap" }, "swap");
  swap.addEventListener("click", () => {
    holder.append(...[...holder.children].reverse());
    picked.reverse();
    if (selects.length) selects.forEach((select, side) => { select.value = picked[side] });
    show();
  });
  const selects = figures.length === 2 ? [] : picked.map((at, side) => {
    const select = add(bar, "select", { "aria-label": side ? "right" : "left" });
    names.forEach((name, number) => add(select, "option", { value: number }, name));
    select.value = at;
    select.addEventListener("change", () => {
      picked[side] = Number(select.value);
      show();
    });
    return select;
  });
  holder.hidden = true;
  show();
  slide();
}
