/* Runs before the first paint, so that a chosen theme never flashes. */
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = () => {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // storage may be forbidden; the system's theme is a good answer
  }
};

const show = () => {
  const theme = chosen();
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  root.dataset.shown = theme ?? (system.matches ? "dark" : "light");
};

show();
system.addEventListener("change", show);
addEventListener("storage", show);
addEventListener("theme", show);
