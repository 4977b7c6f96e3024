/* <button data-opens="id">, <button data-closes>, and menus that close by themselves. */
const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
};

/* An opener or a closer may be a link, for browsers without scripts: here it stays on the page. */
function open(event, dialog) {
  event.preventDefault();
  dialog?.showModal();
}

function close(event, dialog) {
  event.preventDefault();
  dialog.close();
}

function click(event) {
  const opener = event.target.closest("[data-opens]");
  if (opener) open(event, document.getElementById(opener.dataset.opens));
  const closer = event.target.closest("dialog [data-closes]");
  if (closer) close(event, closer.closest("dialog"));
  if (event.target instanceof HTMLDialogElement) event.target.close(); // its backdrop
  closeMenus(event.target.closest("details[data-menu]"));
}

function keydown(event) {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  closeMenus();
  menu?.querySelector("summary").focus();
}

export function listen() {
  document.addEventListener("click", click);
  document.addEventListener("keydown", keydown);
  for (const dialog of document.querySelectorAll("dialog[data-open]")) dialog.showModal();
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-prints]")) window.print();
  });
}
