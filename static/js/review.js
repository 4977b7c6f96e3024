/* Reviewing what is in doubt: a decides, x leaves out, and a rectangle is drawn on the picture. */

function keydown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, textarea, select, dialog")) return;
  document.querySelector(`[data-review] [data-key="${CSS.escape(event.key)}"]`)?.click();
}

/** The rectangle between two places on the picture, in pixels of the picture itself. */
export function rectangle(from, to, shown, size) {
  const inside = (value, most) => Math.min(Math.max(value, 0), most);
  const across = [from.x, to.x].map((x) => inside((x / shown.width) * size.columns, size.columns));
  const down = [from.y, to.y].map((y) => inside((y / shown.height) * size.rows, size.rows));
  const x = Math.floor(Math.min(...across));
  const y = Math.floor(Math.min(...down));
  return { x, y, width: Math.ceil(Math.max(...across)) - x, height: Math.ceil(Math.max(...down)) - y };
}

function draws(picture) {
  const form = document.getElementById(picture.dataset.draws);
  if (!form) return;
  const size = { columns: Number(picture.dataset.columns), rows: Number(picture.dataset.rows) };
  const box = picture.appendChild(document.createElement("div"));
  box.className = "drawn";
  box.hidden = true;
  let from = null;
  const at = (event) => {
    const edge = picture.getBoundingClientRect();
    return { x: event.clientX - edge.left, y: event.clientY - edge.top };
  };
  const place = (found) => {
    box.hidden = false;
    box.style.left = `${(found.x / size.columns) * 100}%`;
    box.style.top = `${(found.y / size.rows) * 100}%`;
    box.style.width = `${(found.width / size.columns) * 100}%`;
    box.style.height = `${(found.height / size.rows) * 100}%`;
  };
  const show = (found) => {
    place(found);
    for (const [name, value] of Object.entries(found)) form.elements[name].value = value;
  };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = at(event);
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  picture.addEventListener("pointermove", (event) => {
    if (from) show(rectangle(from, at(event), picture.getBoundingClientRect(), size));
  });
  picture.addEventListener("pointerup", () => { from = null; });
  picture.addEventListener("pointercancel", () => { from = null; });
  form.addEventListener("input", () => {
    const typed = Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, Number(form.elements[name].value)]));
    if (typed.width > 0 && typed.height > 0) place(typed);
  });
}

export function listen() {
  document.addEventListener("keydown", keydown);
  document.querySelectorAll("[data-draws]").forEach(draws);
}
