import { toast } from "./toasts.js";

async function copy(button) {
  const field = document.getElementById(button.dataset.copies);
  const text = field.value ?? field.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard for scripts: leave it selected instead.
    field.select?.();
    toast("Press Ctrl+C to copy what is selected.");
    return;
  }
  confirm(button);
}

function confirm(button) {
  const word = button.querySelector("[data-copy-word]");
  const before = word.textContent;
  word.textContent = "Copied";
  button.disabled = true;
  setTimeout(() => {
    word.textContent = before;
    button.disabled = false;
    button.focus();
  }, 1200);
}

export function listen() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copies]");
    if (button) copy(button);
    if (event.target.matches("[data-select-all]")) event.target.select();
  });
}
