/* Lists of rows by keyboard: j, k and the arrows move from row to row, Enter follows the row's link. */
const rows = () => [...document.querySelectorAll("[data-rows] tbody tr .row-link")];

function step(by) {
  const links = rows();
  if (!links.length) return false;
  const now = links.indexOf(document.activeElement?.closest("tr")?.querySelector(".row-link"));
  const next = now < 0 ? (by > 0 ? 0 : links.length - 1) : now + by;
  const link = links[Math.min(Math.max(next, 0), links.length - 1)];
  link.focus();
  link.closest("tr").scrollIntoView({ block: "nearest" });
  return true;
}

const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

function keydown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in STEPS)) return;
  const arrow = event.key.startsWith("Arrow");
  const inSearch = event.target.closest(".search input");
  if (event.target.closest("input, textarea, select, dialog, details[open]") && !(arrow && inSearch)) return;
  // Arrows scroll the page unless somebody is already among the rows, or comes from the search.
  if (arrow && !inSearch && !event.target.closest("[data-rows]")) return;
  if (step(STEPS[event.key])) event.preventDefault();
}

export function listen() {
  document.addEventListener("keydown", keydown);
}
