/* A filter applies as soon as it is changed; typing applies after a short rest, and "/" goes to the search. */
const rest = 350;

function watch(form) {
  let timer;
  const send = () => form.requestSubmit();
  form.addEventListener("change", (event) => {
    if (event.target.type !== "search" && event.target.type !== "text") send();
  });
  form.addEventListener("input", (event) => {
    if (event.target.type !== "search" || !form.hasAttribute("hx-get")) return;
    clearTimeout(timer);
    timer = setTimeout(send, rest);
  });
}

/* On a phone the filters would push the list off the screen: they wait behind a button. */
function fold(form) {
  const button = form.querySelector("[data-unfolds]");
  const fields = form.querySelectorAll(".field");
  if (!button || !form.hasAttribute("data-foldable") || fields.length < 3) return;
  form.setAttribute("data-folded", "");
  button.hidden = false;
  button.addEventListener("click", () => {
    form.removeAttribute("data-folded");
    button.hidden = true;
    fields[1].querySelector("input, select").focus();
  });
}

function goToSearch(event) {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("[data-filters] .search input");
  if (!search) return;
  event.preventDefault();
  search.select();
}

export function listen(htmx) {
  htmx.onLoad((part) => {
    const inside = part.matches?.("[data-filters]") ? [part] : part.querySelectorAll("[data-filters]");
    inside.forEach(watch);
    inside.forEach(fold);
  });
  document.addEventListener("keydown", goToSearch);
}
