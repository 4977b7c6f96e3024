/** Says `text` in a corner of the page, politely, for a while. */
export function toast(text, { seconds = 6 } = {}) {
  const piece = document.getElementById("toast").content.cloneNode(true).firstElementChild;
  piece.querySelector(".toast-text").textContent = text;
  document.getElementById("toasts").append(piece);
  setTimeout(() => piece.remove(), seconds * 1000);
}

export function listen() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  });
  document.addEventListener("toast", (event) => toast(event.detail.value ?? event.detail));
  document.addEventListener("htmx:sendError", () => toast("No connection. Try again in a moment."));
  document.addEventListener("htmx:responseError", () => toast("That did not work. Load the page again and retry."));
}
