export function listen() {
  for (const button of document.querySelectorAll("[data-theme-button]")) {
    button.hidden = false;
    button.addEventListener("click", change);
  }
}

function change() {
  const next = document.documentElement.dataset.shown === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", next);
  } catch {
    return; // nothing can be kept here; the system's theme stays
  }
  dispatchEvent(new Event("theme"));
}
